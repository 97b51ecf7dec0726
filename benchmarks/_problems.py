"""Inference with a fixed number of steps, which several benchmarks time, and its FLOPs."""

from typing import NamedTuple

import numpy as np

from pcnet import Network
from pcnet._network_core import core_batch
from pcnet.inference import ErrorDescent, Objective

N_INPUTS, N_OUTPUTS = 784, 10

#: No sample stops before the eighth step.
FIXED_STEPS = ErrorDescent(max_steps=8, tol=0, energy_tol=0)

#: Larger initial outputs than muPC's, at the precision of the literature: far enough from
#: equilibrium that eight steps do not reach the floating-point floor at any size used here.
GAMMA = 0.1
OBJECTIVE = Objective("squared_error", output_precision=1.0)


class Problem(NamedTuple):
    """A network and a clamped batch; X (n, D) and Y (n, K) of the network's dtype."""

    net: Network
    X: np.ndarray
    Y: np.ndarray


def random_problem(width, n_hidden, n_samples, n_inputs=N_INPUTS, gamma=GAMMA):
    """A fresh relu network with biases, normal inputs and random classes."""
    rng = np.random.default_rng(0)
    sizes = (n_inputs, *[width] * n_hidden, N_OUTPUTS)
    net = Network.init(sizes, bias=True, gamma=gamma, random_state=0)
    X = rng.standard_normal((n_samples, n_inputs), dtype=np.float32)
    return Problem(net, X, one_hot(rng.integers(0, N_OUTPUTS, n_samples)))


def one_hot(labels):
    """Classes 0..9 as float32 targets (n, 10)."""
    return np.eye(N_OUTPUTS, dtype=np.float32)[labels]


def prepared_inference(problem, method=FIXED_STEPS, objective=OBJECTIVE):
    """Inference as training runs it: memory allocated and weights packed beforehand.

    Returns
    -------
    run : callable
        One inference of the batch.
    batch : pcnet._core.binding.Batch
        Where the results are after a run.
    """
    batch = core_batch(problem.net, len(problem.X))

    def run():
        method.run(batch, problem.X, problem.Y, objective)

    return run, batch


def inference_flops(layer_sizes, n_half_passes):
    """FLOPs of the matrix products that inference needs.

    A half pass (forward or backward) multiplies by the weights of layers 2..L; those of layer 1
    are needed once a sample, because x is clamped.

    Parameters
    ----------
    layer_sizes : tuple of int, (L + 1,)
    n_half_passes : ndarray of int, (n,)
    """
    first, *inner = [a * b for a, b in zip(layer_sizes, layer_sizes[1:])]
    return 2 * (int(np.sum(n_half_passes)) * sum(inner) + len(n_half_passes) * first)
