"""Tests of pcnet, grouped by their oracle; see README.md."""

import os

# Set before the OpenMP runtime is loaded: threads that wait for work do not use a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
