"""The `hftlab` command."""

from hftlab.cli.main import app, main

__all__ = ["app", "main"]
