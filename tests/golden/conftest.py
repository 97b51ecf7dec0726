"""Golden cases as fixtures."""

import pytest

from . import cases


@pytest.fixture(params=cases.NAMES)
def case(request):
    """Each of the golden cases in turn."""
    return cases.load(request.param)


@pytest.fixture(params=[name for name in cases.NAMES if cases.load(name).is_linear])
def linear_case(request):
    """The cases whose equilibrium is known in closed form."""
    return cases.load(request.param)
