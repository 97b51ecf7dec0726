"""Gradients by errors, weights and biases: central differences of the energy in NumPy."""

import copy

import numpy as np
import pytest

from pcnet.generative import CauseTrainer, Prior, infer_causes
from pcnet.inference import ErrorDescent, Objective, QuasiNewton
from pcnet.solvers import SGD

from .. import reference
from ..helpers import (
    ACTIVATIONS,
    LOSSES,
    PARAMETERIZATIONS,
    central_differences,
    relative_error,
)
from .energies import BLOCKS, PRIOR, activities, energies, observed_losses, problem

SIZES = (3, 4, 4, 5)  # one layer that can have a skip
ONE_STEP = QuasiNewton(max_steps=1)


def precisions_of(Y, masks, loss):
    """The argument ``output_precision`` and the precisions (n, K) that it means."""
    if masks == "numbers":
        return 0.7, np.where(np.isnan(Y), 0, 0.7)
    each = np.array([0.3, 1.2, 0.8, 2.0, 0.5])
    if masks == "outputs":
        return each, np.where(np.isnan(Y), 0, each)
    each = each * np.linspace(0.5, 2, len(Y))[:, None]
    each[2] = 0  # not observed, though not NaN
    if loss != "log_loss":
        each[3, 0] = 0
    return each, np.where(np.isnan(Y), 0, each)


@pytest.mark.covering(2)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", [*LOSSES, BLOCKS], ids=str)
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
@pytest.mark.parametrize("masks", ["numbers", "outputs", "samples"])
@pytest.mark.parametrize("method", [ONE_STEP, ErrorDescent(1)], ids=["newton", "error"])
def test_by_errors_and_weights(activation, loss, parameterization, skip, masks, method, tolerance):
    """The first step goes along minus the gradient; the weights' gradient is taken after it."""
    net, Y = problem(SIZES, activation, 5, loss=loss, parameterization=parameterization, skip=skip)
    given, precisions = precisions_of(Y, masks, loss)
    options = {"prior": PRIOR, "loss": loss}
    result = infer_causes(net, Y, method, output_precision=given, **options)

    def total(errors):
        return energies(net, Y, errors, precisions=precisions, **options).sum()

    start = [np.zeros((len(Y), n)) for n in SIZES[:-1]]
    slope = [central_differences(lambda: total(start), e) for e in start]
    assert relative_error(unit(result.errors[:-1]), unit([-s for s in slope])) <= tolerance(
        "float64", "difference"
    )
    expected = energies(net, Y, result.errors[:-1], precisions=precisions, **options)
    assert relative_error(result.energy, expected) <= tolerance("float64", "reference")
    assert np.isfinite(np.concatenate(result.errors, axis=1)).all()

    causes, hidden = activities(net, PRIOR, result.errors[:-1])
    assert relative_error(result.causes, causes) <= tolerance("float64", "reference")
    assert relative_error(result.activities, hidden) <= tolerance("float64", "reference")

    def mean_energy():
        mu = reference.predictions(net, causes, hidden)
        squares = sum(np.sum((z - m) ** 2) for z, m in zip(hidden[:-1], mu[:-1], strict=True))
        return (0.5 * squares + observed_losses(mu[-1], Y, loss, precisions).sum()) / len(Y)

    gradients = net.weight_gradients(result.causes, result.errors[1:], result.activities)
    for found, arrays in zip(gradients, (net.weights, net.biases), strict=True):
        expected = [central_differences(mean_energy, a) for a in arrays]
        assert relative_error(found, expected) <= tolerance("float64", "difference")


def unit(layers):
    """Each sample's vector over all layers, of length 1; samples at rest stay 0."""
    rows = np.concatenate(layers, axis=1)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(lengths > 1e-9, rows / np.maximum(lengths, 1e-9), 0)


@pytest.mark.parametrize("bias", [False, True], ids=["nobias", "bias"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", BLOCKS], ids=str)
@pytest.mark.parametrize("prior", [PRIOR, Prior()], ids=["prior", "default"])
def test_step_of_the_trainer(bias, loss, prior, tolerance):
    """Causes of `infer_causes`, then one step along their gradient, computed in NumPy."""
    net, Y = problem(SIZES, "gelu", 12, loss=loss, bias=bias)
    before = copy.deepcopy(net)
    rate, decay, precision = 0.05, 0.3, 4.0
    method = QuasiNewton(max_steps=4)
    result = infer_causes(net, Y, method, prior=prior, loss=loss, output_precision=precision)
    trainer = CauseTrainer(net, Objective(loss, precision), prior, method, SGD(momentum=0.0))
    errors = trainer.start_errors(20)
    rows = np.arange(20)[-len(Y) :][::-1].copy()
    report = trainer.step(
        Y,
        (~np.isnan(Y)).astype(net.dtype),
        learning_rate=rate,
        weight_decay=decay,
        errors=errors,
        rows=rows,
    )
    trainer.sync()
    assert report.energy == pytest.approx(result.energy.mean(), rel=1e-13)
    for kept, found in zip(errors, result.errors, strict=False):
        assert relative_error(kept[rows], found) <= tolerance("float64", "inference")
        assert not kept[: 20 - len(Y)].any()
    by_weight, by_bias = reference.weight_gradients(
        before, result.causes, result.errors[1:], result.activities
    )
    scales = np.array(net.scales)
    scales[0] /= np.sqrt(prior.precision)
    size = precision * np.array([*[net.scales[-1]] * (net.n_layers - 1), 1.0])
    for layer in range(net.n_layers):
        step = rate * by_weight[layer] / (size[layer] * scales[layer])
        expected = (1 - rate * decay) * before.weights[layer] - step
        assert relative_error(net.weights[layer], expected) <= tolerance("float64", "training")
        if bias:
            expected = before.biases[layer] - rate * by_bias[layer] / size[layer]
            assert relative_error(net.biases[layer], expected) <= tolerance("float64", "training")
    assert (net.biases is not None) == bias


def test_prior_is_not_trained():
    """After training, the trainer infers as `infer_causes` does with the given prior."""
    net, Y = problem(SIZES)
    factors = (~np.isnan(Y)).astype(net.dtype)
    method = QuasiNewton(max_steps=5)
    trainer = CauseTrainer(net, Objective(output_precision=3.0), PRIOR, method)
    for _ in range(5):
        trainer.step(Y, factors, learning_rate=0.1)
    trainer.sync()
    result = infer_causes(net, Y, method, prior=PRIOR, output_precision=3.0)
    report = trainer.step(Y, factors, learning_rate=0.1)
    assert report.energy == pytest.approx(result.energy.mean(), rel=1e-13)
    assert report.n_passes == pytest.approx(result.n_passes.mean())
    assert trainer.n_updates == 6
