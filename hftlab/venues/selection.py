"""Symbols that were asked for, compared with those that a capture has."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from pathlib import Path

from hftlab.errors import CaptureError
from hftlab.nearest import describe_unknown

__all__ = ["check_selection"]


def check_selection(path: Path, wanted: Iterable[str], found: Collection[str], others: Collection[str]) -> None:
    """Raise CaptureError if a capture has none of the symbols `wanted`, and warn of those that it does not have.

    `found` are the wanted ones that it has, `others` those that were not wanted; the nearest of both is named.
    """
    there = set(found)
    missing = [symbol for symbol in dict.fromkeys(wanted) if symbol not in there]
    if not missing:
        return
    text = f"{path} does not have {describe_unknown(missing, [*found, *others])}"
    if not found:
        raise CaptureError(
            f"{text}: name symbols as the file does, or none to get all of its {len(others):,}", path=path
        )
    warnings.warn(f"{text}: they were left out", stacklevel=2)
