"""Tests of pcnet, grouped by their oracle: README.md."""

import os

# Before the OpenMP runtime is loaded: threads that wait for work leave the cores to others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
