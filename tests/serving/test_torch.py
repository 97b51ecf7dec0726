"""PyTorch: the two recipes of docs/pytorch.md, over activations, precisions and skips."""

import re
from pathlib import Path

import numpy as np
import pytest

from pcnet import Network

from ..helpers import ACTIVATIONS, make_network

torch = pytest.importorskip("torch")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pytorch.md"
TO_TORCH, BACK = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.S | re.M
)
IN_TORCH = {
    "identity": lambda z: z,
    "tanh": torch.tanh,
    "hard_tanh": torch.nn.functional.hardtanh,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    "selu": torch.selu,
    "silu": torch.nn.functional.silu,
    "logistic": torch.sigmoid,
}


@pytest.fixture(scope="module")
def page():
    """The names that the page's first block defines, after its assertions."""
    names = {"__name__": "pytorch"}
    exec(compile(TO_TORCH, str(PAGE), "exec"), names)
    return names


def test_both_recipes_of_the_page(page):
    names = dict(page)
    exec(compile(BACK, str(PAGE), "exec"), names)
    assert names["back"].n_layers == names["net"].n_layers == 4
    assert names["module"].skips == [False, True, True, False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_conversion_to_torch_and_back(page, activation, skip, dtype):
    net = make_network((4, 8, 8, 5, 3), activation, skip=skip, dtype=dtype)
    X = np.random.default_rng(0).standard_normal((20, 4)).astype(dtype)
    torch.set_default_dtype(torch.from_numpy(X).dtype)
    try:
        module = page["Residual"](net, IN_TORCH[activation])
    finally:
        torch.set_default_dtype(torch.float32)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    outputs = module(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(outputs, net.output(X), rtol=tolerance, atol=tolerance)

    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    back = Network.from_weights(
        [array.T for name, array in state.items() if name.endswith("weight")],
        [array for name, array in state.items() if name.endswith("bias")],
        activation=activation,
        skips=module.skips,
    )
    assert back.dtype == dtype
    np.testing.assert_allclose(back.output(X), net.output(X), rtol=tolerance, atol=tolerance)
