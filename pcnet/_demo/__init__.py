"""The demo behind ``python -m pcnet``: a deep network on digits, a table and a picture."""

from ._command import main

__all__ = ["main"]
