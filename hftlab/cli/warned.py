"""Warnings of a command, as lines on standard error."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from hftlab.printable import printable

__all__ = ["echoed_warnings"]


@contextmanager
def echoed_warnings() -> Iterator[None]:
    """Print each warning of the block as a sentence once the block has ended, however it ends."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for one in caught:
                typer.echo(f"hftlab: {printable(str(one.message))}", err=True)
