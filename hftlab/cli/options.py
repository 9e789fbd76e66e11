"""Arguments and options that several commands share."""

from __future__ import annotations

import csv
from typing import Annotated, TypeAlias

import typer

from hftlab.bounds import check_symbol
from hftlab.errors import HftlabError

__all__ = ["Folder", "Output", "Overwrite", "Speed", "check_speed", "symbol_names"]

Folder: TypeAlias = Annotated[
    str, typer.Argument(metavar="SESSION", help="Folder of a session, or its address such as s3://bucket/path.")
]
Output: TypeAlias = Annotated[
    str, typer.Option("--output", "-o", help="Folder of the new session, or its address such as s3://bucket/path.")
]
Overwrite: TypeAlias = Annotated[bool, typer.Option(help="Replace a session that is in the folder.")]
Speed: TypeAlias = Annotated[float, typer.Option(help="Multiple of real time; inf is as fast as possible.")]


def check_speed(speed: float) -> None:
    """Raise HftlabError unless a speed is above 0."""
    if not speed > 0:
        raise HftlabError(f"--speed {speed:g} is not above 0: give 1 for real time, or inf for as fast as possible")


def symbol_names(text: str | None, option: str = "--symbols") -> list[str] | None:
    """Split comma-separated symbols; None if the option is not given. One with a comma inside stands in double quotes.

    Raises HftlabError for what cannot be a symbol.
    """
    if text is None:
        return None
    try:
        names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True))]
        if not all(names or [""]):
            raise HftlabError(f"{option} {text!r} has an empty name: give symbols such as AAPL,MSFT, or leave it out")
        return [check_symbol(name) for name in names]
    except (ValueError, csv.Error) as exc:
        raise HftlabError(f"{option}: {exc}") from None
