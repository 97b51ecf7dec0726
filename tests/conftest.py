"""The one table of tolerances, and fixtures shared by all tiers."""

import numpy as np
import pytest

# Relative errors as in helpers.relative_error, unless said otherwise. The reasons for these
# numbers are in tests/README.md; a test that needs a looser one has found a bug.
TOLERANCES = {
    "float64": {
        "golden": 1e-9,  # an independent implementation, computed in float64
        "equilibrium_energy": 1e-9,
        "equilibrium_activities": 1e-7,
        "difference": 1e-8,  # central differences with step 1e-5 of functions of order 1
        "closed_form": 1e-11,  # one closed form against another
        "activation": 1e-14,  # some tens of ulps; element by element, relative above 1
        "twin": 1e-13,  # one pass of the core against NumPy
        "inference": 1e-10,  # many passes: rounding grows from step to step
        "training": 1e-9,  # Adam divides a gradient's rounding by the gradient
    },
    "float32": {
        "golden": 1e-4,
        "activation": 2e-6,
        "twin": 2e-6,
        "inference": 1e-4,
        "training": 2e-4,
    },
}


@pytest.fixture
def tolerance():
    """tolerance(dtype, kind): an entry of the table."""
    return lambda dtype, kind: TOLERANCES[np.dtype(dtype).name][kind]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)
