"""The same examples in every run; PCNET_PROPERTY_EXAMPLES sets a number of random ones instead."""

import os

from hypothesis import HealthCheck, settings

_asked = os.environ.get("PCNET_PROPERTY_EXAMPLES")
settings.register_profile(
    "pcnet",
    derandomize=_asked is None,
    max_examples=int(_asked or 40),
    database=None,
    deadline=None,  # machines may be busy
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pcnet")
