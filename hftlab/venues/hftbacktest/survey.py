"""Instrument of an event array: its symbol from the file's name, its tick and lot from all numbers of the array."""

from __future__ import annotations

import dataclasses
import math
import re
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.instruments import UNIT, Instrument, Venue, find_instrument
from hftlab.venues.grid import step_of
from hftlab.venues.hftbacktest import event_format as form
from hftlab.venues.hftbacktest.array_file import load_events

__all__ = ["HFTBACKTEST", "detect_instrument", "instrument_of"]

HFTBACKTEST: Final = Venue("HFTBACKTEST", "")
"""Venue of symbols that hftlab does not know: arrays do not name theirs."""

_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:\.[A-Za-z](?![A-Za-z0-9]))?")
"""Beginning of a file's name that is a symbol, with the class of a share as in BRK.B."""
_DECIMALS: Final = 9
_EXACT: Final = 1e-6
"""Share of a step within which a double is one of its multiples."""
_ROUNDED: Final = 2.0**-50
"""Relative rounding of a price or size that was computed."""


def detect_instrument(path: str | PathLike[str], symbol: str = "") -> Instrument:
    """Return the instrument of an array's file as read() makes it; without a symbol that of the file's name.

    It is the one that hftlab knows, with a finer tick or lot where the numbers need it, else one at the venue
    HFTBACKTEST with the tick and lot of the numbers' decimals. Raises CaptureError.
    """
    return instrument_of(Path(path), load_events(Path(path)), symbol)


def instrument_of(path: Path, events: npt.NDArray[Any], symbol: str = "") -> Instrument:
    """Return the instrument of an array that was loaded from a file."""
    symbol = symbol or _named(path)
    kinds = events["ev"] & form.KIND
    has_numbers = np.isfinite(events["px"]) & (kinds != form.DEPTH_CLEAR)
    changes = has_numbers & (kinds != form.TRADE) & (kinds != form.FILL)
    tick = step_of(_decimals(events["px"][changes if changes.any() else has_numbers]))
    lot = step_of(_decimals(events["qty"][has_numbers]))
    known = find_instrument(symbol)
    try:
        if known is None:
            return Instrument(symbol, HFTBACKTEST, tick, lot, "")
        tick, lot = math.gcd(known.tick, tick), math.gcd(known.lot, lot)
        return known if (tick, lot) == (known.tick, known.lot) else _finer(known, tick, lot)
    except ValueError as error:
        raise CaptureError(f"{path}: {error}: name the symbol by `instrument`", path=path) from error


def _finer(known: Instrument, tick: int, lot: int) -> Instrument:
    return dataclasses.replace(known, tick=tick, lot=lot)


def _named(path: Path) -> str:
    """Return the symbol that a file is named after: what its name begins with, as capitals."""
    found = _NAME.match(path.name)
    if found is None:
        raise CaptureError(f"{path} does not begin with a symbol: name it by `instrument`", path=path)
    return found[0].upper()


def _decimals(values: npt.NDArray[np.float64]) -> int:
    """Return how many decimals the values need, up to nine."""
    some = np.unique(np.abs(values[np.isfinite(values)]))  # the reader says what is wrong with the others
    for decimals in range(_DECIMALS):
        scaled = some * 10**decimals
        some = some[np.abs(scaled - np.rint(scaled)) > _EXACT + scaled * _ROUNDED]
        if not len(some):
            return decimals
    return _DECIMALS


assert step_of(_DECIMALS) == UNIT // 10**_DECIMALS
