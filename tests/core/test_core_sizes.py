"""Sizes beyond the core's counters are refused before anything is allocated."""

from types import SimpleNamespace

import numpy as np
import pytest

from pcnet._core import binding
from pcnet._network_core import core_network

from ..helpers import make_network

TOO_MANY = (binding.MOST_COUNTED + 1, 2**31 - 1, 2**31, 2**63)


@pytest.mark.parametrize("n_units", TOO_MANY)
@pytest.mark.parametrize("transposed", [False, True])
def test_units(n_units, transposed):
    with pytest.raises(ValueError, match="units of a layer must be at most"):
        binding.allocate_packed((3, n_units, 2), "float32", transposed=transposed)
    with pytest.raises(ValueError, match="units of a layer must be at most"):
        binding.CoreNetwork(
            (n_units, 2), ["identity"], [False], [1.0], "float64", packed=([None], None)
        )


@pytest.mark.parametrize("n_samples", TOO_MANY)
def test_samples(n_samples):
    network = core_network(make_network((1, 2, 1)))
    with pytest.raises(ValueError, match="samples of a batch must be at most"):
        binding.Batch(network, n_samples, 1)
    rows = SimpleNamespace(shape=(n_samples, 1))  # such an array fits in no machine's memory
    with pytest.raises(ValueError, match="samples of one call must be at most"):
        binding.output(network, rows, None, 1)


@pytest.mark.parametrize("shape", [(2**40, 2**40), (2**62,), (2**31, 2**31, 4)])
def test_a_product_of_sizes_does_not_wrap_around(shape):
    with pytest.raises((MemoryError, ValueError, OverflowError)):
        binding.aligned_zeros(shape, np.float64)
