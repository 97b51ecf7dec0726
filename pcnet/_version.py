"""The version, in one place: pyproject.toml reads this file, pcnet/__init__ imports it."""

__version__ = "0.1.0"
