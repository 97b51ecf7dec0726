"""The demo of ``python -m pcnet``: a deep network on digits, a table and a figure."""

from ._command import main

__all__ = ["main"]
