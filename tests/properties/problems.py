"""Hypothesis strategies of networks, batches and objectives of every kind."""

from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from pcnet import Network
from pcnet._core.binding import TILE_SIZE
from pcnet.inference import ActivityDescent, ErrorDescent

from ..helpers import ACTIVATIONS, LOSSES, PARAMETERIZATIONS, make_batch

DTYPES = ("float32", "float64")

widths = st.one_of(st.integers(1, 20), st.sampled_from((15, 16, 17, 31, 32, 33, 64, 65)))
batch_sizes = st.one_of(
    st.integers(1, 12),
    st.sampled_from((TILE_SIZE - 1, TILE_SIZE, TILE_SIZE + 1, 2 * TILE_SIZE + 3)),
)
methods = st.one_of(
    st.builds(
        ErrorDescent,
        max_steps=st.integers(0, 20),
        tol=st.sampled_from((0.0, 1e-4, 0.05)),
        energy_tol=st.sampled_from((0.0, 1e-6, 1e-2)),
    ),
    st.builds(ActivityDescent, n_steps=st.integers(0, 12), rate=st.sampled_from((0.01, 0.1))),
)


@st.composite
def hidden_widths(draw):
    """Groups of equal widths, so that there are skips, and different widths between groups."""
    runs = draw(st.lists(st.tuples(widths, st.integers(1, 4)), max_size=3))
    return [width for width, length in runs for _ in range(length)]


@st.composite
def networks(draw, dtypes=DTYPES):
    hidden = draw(hidden_widths())
    activation = draw(st.sampled_from(ACTIVATIONS))
    if draw(st.booleans()):
        activation = draw(
            st.lists(st.sampled_from(ACTIVATIONS), min_size=len(hidden), max_size=len(hidden))
        )
    seed = draw(st.integers(0, 1000))
    net = Network.init(
        (draw(widths), *hidden, draw(st.integers(2, 9))),
        activation=activation,
        parameterization=draw(st.sampled_from(PARAMETERIZATIONS)),
        skip=draw(st.booleans()),
        bias=draw(st.booleans()),
        gamma=draw(st.sampled_from((0.5, 1.0, 4.0))),
        random_state=seed,
        dtype=draw(st.sampled_from(dtypes)),
    )
    for b in net.biases or ():
        b[:] = 0.3 * np.random.default_rng(seed).standard_normal(b.shape)
    return net


@st.composite
def problems(draw, dtypes=DTYPES, nets=None):
    """net, X, Y and the options of an objective."""
    net = draw(networks(dtypes) if nets is None else nets)
    loss = draw(st.sampled_from(LOSSES))
    X, Y = make_batch(net, draw(batch_sizes), loss, seed=draw(st.integers(0, 1000)))
    options = {
        "loss": loss,
        "output_precision": draw(st.sampled_from((1e-3, 0.05, 0.7, 1.0, 30.0))),
        "activity_decay": draw(st.sampled_from((0.0, 1e-3, 0.3))),
    }
    return SimpleNamespace(net=net, X=X, Y=Y, options=options)
