"""Counts and other facts as lines of text on standard output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import typer

from hftlab.printable import printable

__all__ = ["counted", "echo_counts", "fact_text", "is_fact"]

_LONGEST: Final = 200
"""Characters of a text that are shown."""


def counted(number: int, noun: str) -> str:
    """Format a number of things: "1 row", "2,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def echo_counts(counts: object) -> None:
    """Print a line for each count of a mapping that is not 0 or empty; anything else has no counts."""
    if not isinstance(counts, Mapping):
        return
    for name, value in counts.items():
        if value and is_fact(value):
            typer.echo(f"  {fact_text(str(name).replace('_', ' '))}: {fact_text(value)}")


def is_fact(value: object) -> bool:
    """Tell whether there is something to say of a value."""
    return value is not None and value != {}


def fact_text(value: object) -> str:
    """Format a fact: a number with its thousands, a mapping with its names, a list as its length, a long text cut."""
    if isinstance(value, Mapping):
        facts = {str(name).replace("_", " "): one for name, one in value.items() if is_fact(one)}
        return ", ".join(f"{printable(name)} {fact_text(one)}" for name, one in facts.items())
    if isinstance(value, list | tuple):
        return f"{len(value):,}"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "unknown"}[value]
    if isinstance(value, int | float):
        return f"{value:,}"
    text = printable(str(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
