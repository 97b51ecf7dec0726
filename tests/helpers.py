"""Functions of several tiers: relative errors, new processes, networks and batches to test on."""

import functools
import inspect
import itertools
import os
import subprocess
import sys
import textwrap
import tracemalloc
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from pcnet import Network
from pcnet._core import binding
from pcnet.losses import Blocks

ACTIVATIONS = tuple(binding.ACTIVATION_CODES)
LOSSES = tuple(binding.LOSS_CODES)
PARAMETERIZATIONS = ("sp", "ntp", "mupc")

STEP = 1e-5  # of central differences

KINKS = {"hard_tanh": (-1.0, 1.0), "relu": (0.0,), "leaky_relu": (0.0,), "selu": (0.0,)}


def relative_error(actual, expected):
    """Largest deviation over all layers / largest value over all layers.

    Layer by layer the ratio would be rounding noise, because deep layers' gradients are tiny.
    Infinite if any shape differs or any entry is NaN.
    """
    actual, expected = _as_list(actual), _as_list(expected)
    if [a.shape for a in actual] != [e.shape for e in expected]:
        return np.inf
    deviation = max((_largest(a - e) for a, e in zip(actual, expected, strict=True)), default=0.0)
    size = max((_largest(e) for e in expected), default=0.0)
    if not np.isfinite(deviation):
        return np.inf
    return deviation / size if size > 0 else deviation


def central_differences(function, array):
    """d function / d array, one entry at a time; `array` is restored."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + STEP
        above = function()
        array[index] = kept - STEP
        below = function()
        array[index] = kept
        gradient[index] = (above - below) / (2 * STEP)
    return gradient


def python_process(code, folder, *arguments, **environment):
    """A new interpreter outside the source tree that has run the code without an error.

    Variables of the environment that set numbers of threads are not inherited.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_NUM", "OMP_TH", "LOKY_"))}
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=folder, env=env | environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def peak_of(call):
    """The largest number of bytes that a call has allocated at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def covering(points, strength):
    """Indices of points, in increasing order, in which all combinations of `strength` values occur.

    Each point is a dict from an argument's name to a value. Greedy: the next point is the one with
    the most combinations that are still missing; of several the one whose values are rarest.
    """
    if any(len(point) < strength for point in points):
        raise ValueError(f"points must have {strength} arguments or more")
    combinations = [set(itertools.combinations(sorted(p.items()), strength)) for p in points]
    holders = {}
    for index, found in enumerate(combinations):
        for combination in found:
            holders.setdefault(combination, []).append(index)
    missing = [len(found) for found in combinations]
    times, kept = Counter(), []
    while most := max(missing, default=0):
        best = [index for index, number in enumerate(missing) if number == most]
        kept.append(min(best, key=lambda index: sum(times[v] for v in points[index].items())))
        times.update(points[kept[-1]].items())
        for combination in combinations[kept[-1]]:
            for index in holders.pop(combination, ()):
                missing[index] -= 1
    return sorted(kept)


def all_points(names, values):
    """`pytest.mark.parametrize` in one test, whose error names each point that fails.

    For points that take microseconds, where most of the time would be pytest's.
    """
    names = [name.strip() for name in names.split(",")]
    values = values if len(names) > 1 else ([value] for value in values)
    points = [dict(zip(names, value, strict=True)) for value in values]

    def decorate(check):
        @functools.wraps(check)
        def test(**others):
            failed = []
            for point in points:
                try:
                    check(**point, **others)
                except (Exception, pytest.fail.Exception) as error:
                    failed.append(f"{point}: {type(error).__name__}: {error}")
            assert not failed, f"{len(failed)} of {len(points)} points:\n" + "\n".join(failed)

        signature = inspect.signature(check)
        rest = [p for p in signature.parameters.values() if p.name not in names]
        test.__signature__ = signature.replace(parameters=rest)
        return test

    return decorate


def starts_threads(layer_sizes, n_samples):
    """Whether a pass of this size is large enough for the core to use several threads."""
    weights = sum(a * b for a, b in zip(layer_sizes, layer_sizes[1:], strict=False))
    return weights * n_samples > binding.SERIAL_WORK


def _as_list(values):
    values = values if isinstance(values, (list, tuple)) else [values]
    return [np.asarray(v, dtype=np.float64) for v in values]


def _largest(values):
    # Python's max() would ignore a NaN, NumPy's does not
    largest = np.abs(values).max(initial=0.0)
    return np.inf if np.isnan(largest) else float(largest)


def make_network(
    layer_sizes,
    activation="tanh",
    *,
    parameterization="mupc",
    skip=True,
    bias=True,
    gamma=1.0,
    dtype=np.float64,
    seed=0,
):
    """A network as Network.init draws it, but with biases that are not 0."""
    net = Network.init(
        layer_sizes,
        activation=activation,
        parameterization=parameterization,
        skip=skip,
        bias=bias,
        gamma=gamma,
        random_state=seed,
        dtype=dtype,
    )
    if bias:
        rng = np.random.default_rng(seed)
        for b in net.biases:
            b[:] = 0.3 * rng.standard_normal(b.shape)
    return net


def make_batch(net, n_samples, loss="squared_error", seed=0):
    """Inputs X and targets Y that suit the loss, in the network's dtype."""
    rng = np.random.default_rng([seed, n_samples])
    n_in, n_out = net.weights[0].shape[0], net.weights[-1].shape[1]
    X = rng.standard_normal((n_samples, n_in))
    parts = [make_targets(rng, n_samples, n_out, loss)]
    if isinstance(loss, Blocks):
        sizes = zip(loss.losses, loss.sizes, strict=True)
        parts = [make_targets(rng, n_samples, size, own) for own, size in sizes]
    Y = np.concatenate(parts, axis=1)
    return X.astype(net.dtype), np.ascontiguousarray(Y, dtype=net.dtype)


def make_targets(rng, n_samples, n_out, loss):
    if loss in ("squared_error", "huber"):
        Y = rng.standard_normal((n_samples, n_out))
    elif loss == "poisson":
        Y = rng.poisson(1.5, (n_samples, n_out))
    elif loss == "log_loss":
        Y = np.eye(n_out)[rng.integers(n_out, size=n_samples)]
    else:
        Y = rng.integers(2, size=(n_samples, n_out))
    return Y


def make_activities(net, n_samples, margin=0.0, seed=0):
    """Random hidden activities, at least `margin` away from the activation's kinks."""
    rng = np.random.default_rng([seed, n_samples, 1])
    activities = []
    for w, activation in zip(net.weights[:-1], net.activations[1:], strict=True):
        z = 1.2 * rng.standard_normal((n_samples, w.shape[1]))
        for kink in KINKS.get(activation, ()):
            near = np.abs(z - kink) < margin
            z[near] = kink + np.where(z[near] < kink, -margin, margin)
        activities.append(z.astype(net.dtype))
    return activities


def objective(loss="squared_error", output_precision=1.0, activity_decay=0.0):
    """The objective as the reference takes it."""
    return SimpleNamespace(
        loss=loss, output_precision=output_precision, activity_decay=activity_decay
    )


def solver_step(options, n_updates, rate, gradient, weights, *moments):
    """The core's update of one layer's weights (n_in, n_out) with a given gradient.

    The gradient is that of n_in samples, the i-th of which is the i-th unit vector, with
    ``- gradient`` as errors. ``options``: as a solver's ``core_options`` returns them.

    Returns
    -------
    list of ndarray, (n_in, n_out)
        The weights and moments after it.
    """
    sizes, dtype = weights.shape, weights.dtype
    packed = []
    for array in (weights, *moments):
        packed.append(binding.allocate_packed(sizes, dtype))
        binding.pack_weights([array], packed[-1])
    names = ("forward", "first_moments", "second_moments")
    update = binding.Update(*options, **dict(zip(names, packed, strict=False)))
    update.set_rates([rate], [rate], [1.0], [1.0])
    update.begin(n_updates, 1.0)
    network = binding.CoreNetwork(
        sizes, ["identity"], [False], [1.0], dtype, packed=(packed[0], None)
    )
    batch = binding.Batch(network, sizes[0], 1)
    batch.errors[0][:, : sizes[1]] = -gradient
    assert batch.update(update, np.eye(sizes[0], dtype=dtype), np.ones(sizes[0])) == 0
    after = [np.empty_like(weights) for _ in packed]
    for array, from_ in zip(after, packed, strict=True):
        binding.unpack_weights(from_, [array])
    return after


needs_file_limit = pytest.mark.skipif(os.name != "posix", reason="limits of file sizes")


@contextmanager
def largest_file(n_bytes):
    """Larger files cannot be written, as if the disk were full."""
    import resource  # not on Windows

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
