"""Counts and other facts as lines of text on standard output."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from hftlab.printable import printable

__all__ = ["counted", "echo_counts", "fact_text"]


def counted(number: int, noun: str) -> str:
    """Format a number of things: "1 row", "2,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def echo_counts(counts: Mapping[str, object]) -> None:
    """Print a line for each count that is not 0 or empty."""
    for name, value in counts.items():
        if value:
            typer.echo(f"  {name.replace('_', ' ')}: {fact_text(value)}")


def fact_text(value: object) -> str:
    """Format a fact: a number with its thousands, a dict with its names, a list as its length."""
    if isinstance(value, dict):
        return ", ".join(f"{printable(str(name))} {fact_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return f"{len(value):,}"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
