"""Random numbers: every draw comes from a `Generator` that is seeded by `random_state`.

Each purpose has a separate stream, so draws for one do not change the others: weights are the same
with and without a validation split, and the order of samples is the same for larger networks. The
seed of a stream is the spawn key (purpose, ...) of one `SeedSequence`. The weights of a layer have
a stream each, so threads can draw them in parallel and any number of threads gives the same bits.
"""

from concurrent.futures import ThreadPoolExecutor
from numbers import Integral

import numpy as np

#: First entry of a stream's key; those that only some fits draw from come last.
WEIGHTS, ORDER, SPLIT, PILOT_PARTS, PILOT_ORDER, SCORED_ROWS, NETWORKS, SAMPLES = range(8)
NOISE, RECOGNITION, CLASSIFIER = 8, 9, 10

_BLOCK = 2**14  # numbers drawn at once: 128 KB of float64 stay in the cache
_LARGE = 2**18  # numbers from which starting threads saves time


def seed_of(random_state):
    """The seed of a `random_state` argument.

    Parameters
    ----------
    random_state : None, int, RandomState, Generator or SeedSequence
        An int always gives the same seed, that of ``RandomState(int)``. From a RandomState or
        Generator 16 bytes are drawn, so the next call gives another seed; None draws them from
        NumPy's global RandomState.

    Returns
    -------
    SeedSequence

    Raises
    ------
    ValueError
        The argument is something else, or an int outside [0, 2**32 - 1].
    """
    if isinstance(random_state, np.random.SeedSequence):
        return random_state
    if not isinstance(random_state, np.random.Generator):
        random_state = _legacy_generator(random_state)
    return np.random.SeedSequence(int.from_bytes(random_state.bytes(16), "little"))


def _legacy_generator(random_state):
    """The RandomState of None, an int or a RandomState, as scikit-learn's check_random_state."""
    if random_state is None or random_state is np.random:
        return np.random.mtrand._rand
    if isinstance(random_state, np.random.RandomState):
        return random_state
    try:
        if isinstance(random_state, Integral):
            return np.random.RandomState(random_state)
        error = f"{random_state!r} cannot be used to seed a numpy.random.RandomState instance"
    except ValueError as refused:
        error = refused
    raise ValueError(f"random_state: {error}; give an int, such as 0")


def stream(seed, *key):
    """The generator of one purpose.

    Parameters
    ----------
    seed : SeedSequence or int
    *key : int
        A purpose, such as `ORDER`, and further numbers that distinguish streams.

    Returns
    -------
    Generator
        SFC64, the fastest of NumPy's bit generators.
    """
    return np.random.Generator(np.random.SFC64(child_seed(seed, *key)))


def child_seed(seed, *key):
    """The `SeedSequence` of one purpose, from a SeedSequence or int."""
    if not isinstance(seed, np.random.SeedSequence):
        seed = np.random.SeedSequence(seed)
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))


def split_seed(seed):
    """Seed of scikit-learn's ``train_test_split``, which takes no Generator, as an int."""
    return int(stream(seed, SPLIT).integers(2**31 - 1))


def draw_normal(rng, out):
    """Fill ``out`` with standard normal numbers, float32 ones rounded from float64."""
    for block, drawn in _blocks(out):
        rng.standard_normal(out=drawn)
        block[:] = drawn


def draw_uniform(rng, bound, out):
    """Fill ``out`` with numbers uniform in [-bound, bound], float32 ones rounded from float64."""
    for block, drawn in _blocks(out):
        rng.random(out=drawn)
        drawn *= 2.0 * bound
        drawn -= bound
        block[:] = drawn


def run_side_by_side(tasks, n_numbers, n_threads):
    """Call functions without arguments, on threads if they draw many numbers in total."""
    if n_threads == 1 or n_numbers < _LARGE:
        for task in tasks:
            task()
        return
    with ThreadPoolExecutor(min(n_threads, len(tasks))) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()


def remember(random_state):
    """Return a function that resets a RandomState or Generator to its current state.

    For other values it does nothing.
    """
    if isinstance(random_state, np.random.Generator):
        bits = random_state.bit_generator
        state = bits.state
        return lambda: setattr(bits, "state", state)
    if isinstance(random_state, np.random.RandomState):
        state = random_state.get_state()
        return lambda: random_state.set_state(state)
    return lambda: None


def _blocks(out):
    """Pairs (part of the flat ``out``, float64 buffer of that size)."""
    flat, buffer = out.reshape(-1), np.empty(min(_BLOCK, out.size))
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        yield block, buffer[: block.size]
