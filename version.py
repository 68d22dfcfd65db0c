"""The suite's version. It stands here only: pyproject.toml reads it too."""

__version__ = "0.1.0"
