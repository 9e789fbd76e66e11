"""The `hftlab` command: one file a group of commands, put together in main.py."""

from hftlab.cli.main import app, main

__all__ = ["app", "main"]
