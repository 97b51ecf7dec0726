"""Networks, inference and theory as research code uses them."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from pcnet import InferenceResult, Network, infer
from pcnet.inference import ActivityDescent, Nudged, learning_gradients
from pcnet.theory import (
    activity_hessian,
    compare_with_backprop,
    equilibrium_energy,
    extreme_eigenvalues,
    over_shapes,
)

net = Network.init((4, 8, 8, 3), "tanh", "mupc", bias=True, random_state=0, dtype=np.float64)
assert_type(net, Network)
assert_type(net.copy(), Network)
X, Y = np.ones((2, 4)), np.eye(3)[:2]
activities = net.forward(X)
shapes: list[tuple[int, ...]] = [z.shape for z in activities]
result = infer(net, X, Y, "error", loss="log_loss", output_precision=0.1)
assert_type(result, InferenceResult)
steps: float = float(result.n_steps.mean())
infer(net, X, Y, method=ActivityDescent(n_steps=10, rate=0.1))
weights, biases = learning_gradients(net, X, Y, Nudged(beta=0.1))
print(len(weights), None if biases is None else len(biases), shapes, steps)

linear = Network.from_weights([np.eye(4), np.eye(4)], activation="identity")
energies: NDArray[np.float64] = equilibrium_energy(linear, np.ones((2, 4)), np.ones((2, 4)))
spectrum = extreme_eigenvalues(activity_hessian(net, X[:1], Y[:1]))
print(energies.sum(), spectrum.largest - spectrum.smallest, spectrum.steps_to(0.1) + 1.0)
print(compare_with_backprop(net, X, Y).gradient_cosine + 1.0)


def measure(width: int, depth: int, seed: int) -> dict[str, float]:
    """Number of units of a network."""
    return {"units": float(width * depth + seed)}


print(over_shapes(measure, [2, 4], [3])["units"].sum())
