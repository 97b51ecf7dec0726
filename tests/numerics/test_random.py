"""Oracle: seeds and streams as `pcnet._random` documents them."""

import numpy as np
import pytest

import pcnet
from pcnet import Network
from pcnet._random import (
    ORDER,
    SPLIT,
    WEIGHTS,
    draw_normal,
    draw_uniform,
    remember,
    seed_of,
    split_seed,
    stream,
)

LARGE = (300, 600, 600, 5)  # enough weights for threads


def test_int_always_gives_the_same_seed():
    assert seed_of(3).entropy == seed_of(3).entropy == seed_of(np.random.RandomState(3)).entropy
    assert seed_of(3).entropy != seed_of(4).entropy
    assert seed_of(seed_of(3)).entropy == seed_of(3).entropy


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_an_instance_gives_another_seed_each_time(make):
    instance, again = make(0), make(0)
    seeds = [seed_of(instance).entropy for _ in range(3)]
    assert len(set(seeds)) == 3
    assert seeds == [seed_of(again).entropy for _ in range(3)]


def test_none_draws_from_numpys_global_random_state():
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(7)  # noqa: NPY002
        first, second = seed_of(None).entropy, seed_of(None).entropy
        np.random.seed(7)  # noqa: NPY002
        assert first == seed_of(None).entropy != second
    finally:
        np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize("wrong", ["0", 1.5, -1, 2**32])
def test_wrong_values_are_named(wrong):
    with pytest.raises(ValueError, match="random_state"):
        Network.init((2, 3, 1), random_state=wrong)


def test_streams_differ_by_purpose_and_seed():
    drawn = {
        stream(seed_of(seed), *key).integers(2**62)
        for seed in (0, 1)
        for key in ((WEIGHTS, 0), (WEIGHTS, 1), (ORDER,), (SPLIT,))
    }
    assert len(drawn) == 8
    assert split_seed(seed_of(0)) != split_seed(seed_of(1))


@pytest.mark.parametrize("parameterization", ["mupc", "sp"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_do_not_depend_on_the_number_of_threads(parameterization, dtype):
    networks = []
    for n_threads in (1, 2, 3):
        with pcnet.set_num_threads(n_threads):
            networks.append(
                Network.init(LARGE, "tanh", parameterization, random_state=0, dtype=dtype)
            )
    for other in networks[1:]:
        for first, second in zip(networks[0].weights, other.weights, strict=True):
            np.testing.assert_array_equal(first, second)


def test_layers_of_one_shape_differ():
    first, second = Network.init((4, 4, 4), random_state=0).weights
    assert not np.any(first == second)


def test_a_layer_does_not_depend_on_the_layers_above():
    small, large = (Network.init(sizes, random_state=0) for sizes in ((4, 6, 2), (4, 6, 9, 3)))
    np.testing.assert_array_equal(small.weights[0], large.weights[0])


@pytest.mark.parametrize("draw", [draw_normal, lambda rng, out: draw_uniform(rng, 2.0, out)])
def test_numbers_do_not_depend_on_the_blocks(draw):
    whole, rng = np.empty((3, 20001)), np.random.default_rng(0)
    draw(rng, whole)
    expected = np.random.default_rng(0)
    if draw is draw_normal:
        np.testing.assert_array_equal(whole, expected.standard_normal(whole.shape))
    else:
        np.testing.assert_allclose(whole, expected.uniform(-2.0, 2.0, whole.shape), atol=1e-15)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_remember_restores_the_random_state(make):
    instance = make(0)
    restore = remember(instance)
    first = instance.bytes(8)
    restore()
    assert instance.bytes(8) == first
    remember(None)()
    remember(3)()
