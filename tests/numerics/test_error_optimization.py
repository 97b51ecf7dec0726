"""ErrorOptimization against the published form of error optimisation (ePC), written in NumPy.

Published: z_l = f(W_l z_{l-1}) + e_l, errors after the activation.
Here: z_l = W_l f(z_{l-1}) + e_l, errors before it. The network's function is the same.
"""

import numpy as np

import pcnet
from pcnet.inference import ErrorOptimization
from pcnet.theory import backprop_gradients

from ..helpers import make_batch, make_network, relative_error

FUNCTIONS = {
    "identity": (lambda p: p, np.ones_like),
    "tanh": (np.tanh, lambda p: 1 - np.tanh(p) ** 2),
}


def published(net, X, Y, n_steps, rate, output_precision):
    """Errors of the hidden layers, output and weight gradients after some steps of the paper."""
    f, slope = FUNCTIONS[net.activations[-1]]
    weights = [a * W for a, W in zip(net.scales, net.weights, strict=True)]
    errors = [np.zeros((len(X), W.shape[1])) for W in weights[:-1]]

    def forward():
        z, inputs = [X], []
        for W, e in zip(weights[:-1], errors, strict=True):
            inputs.append(z[-1] @ W)
            z.append(f(inputs[-1]) + e)
        return z, inputs, z[-1] @ weights[-1]

    for _ in range(n_steps):
        _, inputs, output = forward()
        signal = output_precision * (Y - output) @ weights[-1].T  # - dL/dz_H
        for k in reversed(range(len(errors))):
            arriving = signal
            signal = (arriving * slope(inputs[k])) @ weights[k].T
            errors[k] += rate * (arriving - errors[k])
    z, inputs, output = forward()
    deltas = [e * slope(p) for e, p in zip(errors, inputs, strict=True)]
    deltas.append(output_precision * (Y - output))
    gradients = [-z[k].T @ d / len(X) for k, d in enumerate(deltas)]
    return errors, output, [a * g for a, g in zip(net.scales, gradients, strict=True)]


def problem(activation):
    net = make_network((4, 6, 6, 3), activation, skip=False, bias=False)
    return net, *make_batch(net, 9)


def ours(net, X, Y, n_steps, rate, output_precision):
    method = ErrorOptimization(n_steps, rate)
    result = pcnet.infer(net, X, Y, method, output_precision=output_precision)
    gradients, _ = net.weight_gradients(X, result.errors, result.activities)
    return result.errors[:-1], result.activities[-1], gradients


def test_linear_networks_take_the_published_steps():
    net, X, Y = problem("identity")
    found, expected = ours(net, X, Y, 7, 0.2, 0.8), published(net, X, Y, 7, 0.2, 0.8)
    for a, b in zip(found, expected, strict=True):
        assert relative_error(a, b) < 1e-12


def test_other_networks_have_other_equilibria():
    net, X, Y = problem("tanh")
    (errors, output, _), (theirs, their_output, _) = (
        method(net, X, Y, 3000, 0.2, 1.0) for method in (ours, published)
    )
    assert relative_error(output, their_output) > 1e-4
    assert relative_error(errors, theirs) > 1e-2


def test_both_approach_backpropagation_at_a_low_precision():
    net, X, Y = problem("tanh")
    backprop, _ = backprop_gradients(net, X, Y)
    for method in (ours, published):
        *_, gradients = method(net, X, Y, 3000, 0.2, 1e-5)
        assert relative_error([g / 1e-5 for g in gradients], backprop) < 1e-4


def test_with_no_error_both_compute_the_same_function():
    net, X, Y = problem("tanh")
    _, output, _ = published(net, X, Y, 0, 0.1, 1.0)
    np.testing.assert_allclose(net.output(X), output, rtol=1e-12)
