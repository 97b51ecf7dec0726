"""The version, in one place: pyproject.toml reads this file, pcnet/__init__ imports it."""

#: The version of pcnet, such as "1.2.3" or "1.2.3rc1".
__version__ = "0.1.0"
