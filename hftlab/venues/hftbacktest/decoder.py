"""Decoder of rows of hftbacktest's event array into EventBatches."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.events import (
    ADD,
    ASK,
    BID,
    CANCEL,
    CLEAR,
    F_LAST,
    F_MBP,
    F_SNAPSHOT,
    FILL,
    MODIFY,
    NO_SIDE,
    TRADE,
    EventBatch,
)
from hftlab.instruments import Instrument
from hftlab.venues.hftbacktest import event_format as form

__all__ = ["READ", "Meaning", "OffGrid", "decode_rows", "ends_of", "letters_of", "meaning_of"]

Array = npt.NDArray[Any]

_LETTERS: Final = list(b"ACMRTFN")
_ACTIONS: Final = {
    form.DEPTH: MODIFY,
    form.DEPTH_SNAPSHOT: ADD,
    form.TRADE: TRADE,
    form.DEPTH_CLEAR: CLEAR,
    form.ADD_ORDER: ADD,
    form.CANCEL_ORDER: CANCEL,
    form.MODIFY_ORDER: MODIFY,
    form.FILL: FILL,
}
READ: Final = tuple(_ACTIONS)
"""Kinds of rows that are decoded."""
_STEP: Final = 1e-3
"""Share of a tick or lot by which a number may be beside its multiple."""
_HALF: Final = 0.5
"""1e-9 by which a price between two ticks differs from both."""
_ROUNDED: Final = 2.0**-50
"""Relative rounding of a number that was computed."""
_LARGEST: Final = 2.0**62
"""Ticks of 1e-9 or lots, so that int64 holds them."""


class Meaning(Enum):
    """Meaning of an array's `ival`: all of hftlab's columns, Databento's flags alone, or anything else."""

    OURS = "ours"
    FLAGS = "flags"
    UNKNOWN = "unknown"


class OffGrid(ValueError):
    """Price or size that is not a multiple of its step; `row` is its place, `column` px or qty."""

    def __init__(self, row: int, column: str, value: float) -> None:
        super().__init__(f"{column} {value!r}")
        self.row, self.column, self.value = row, column, value


def meaning_of(ival: npt.NDArray[np.int64]) -> Meaning:
    """Tell what `ival` holds, from all of an array's rows."""
    if len(ival) and np.isin(letters_of(ival), _LETTERS).all() and (ival >= 0).all():
        return Meaning.OURS
    is_flags = ((ival >= 0) & (ival <= 0xFF)).all() and ival.any()
    return Meaning.FLAGS if is_flags else Meaning.UNKNOWN


def letters_of(ival: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the actions in the `ival` of hftlab's arrays; N is a row that belongs to the next one."""
    return (ival >> 8 & 0xFF).astype(np.uint8)


def ends_of(rows: Array, meaning: Meaning) -> npt.NDArray[np.bool_]:
    """Return which rows are the last of their event: as flagged, else the last of those with the same two times."""
    if meaning is not Meaning.UNKNOWN:
        flagged: npt.NDArray[np.bool_] = rows["ival"] & F_LAST != 0
        return flagged
    ends = np.ones(len(rows), np.bool_)
    exch, local = rows["exch_ts"], rows["local_ts"]
    ends[:-1] = (exch[1:] != exch[:-1]) | (local[1:] != local[:-1])
    return ends


def decode_rows(rows: Array, ends: Array, meaning: Meaning, instrument: Instrument) -> EventBatch:
    """Decode rows of the kinds READ, of which hftlab's has none with the letter N. Raises OffGrid.

    A DEPTH_CLEAR of one side becomes an R with the side, and the price up to which it clears; 0 is all of it.
    """
    kinds, ival = (rows["ev"] & form.KIND).astype(np.int64), rows["ival"]
    is_level = np.isin(kinds, (form.DEPTH, form.DEPTH_SNAPSHOT))
    actions = np.zeros(len(rows), np.uint8)
    for kind, action in _ACTIONS.items():
        actions[kinds == kind] = action
    quantity = rows["qty"]
    if meaning is Meaning.OURS:
        actions = letters_of(ival)
        quantity = np.where(rows["fval"] > 0, rows["fval"], quantity)
    else:
        actions[is_level & (quantity == 0)] = CANCEL
        # Without a size or a price to compare it is the whole order, wherever it stands.
        whole = (kinds == form.CANCEL_ORDER) & ((quantity == 0) | ~(np.abs(rows["px"]) > 0))
        actions[whole] = MODIFY
        quantity = np.where(whole, 0.0, quantity)
    flags = np.where(ends, F_LAST, 0)
    if meaning is not Meaning.UNKNOWN:
        flags |= ival & 0xFF
    flags[is_level] |= F_MBP
    flags[kinds == form.DEPTH_SNAPSHOT] |= F_SNAPSHOT
    return EventBatch(
        ts_event=rows["exch_ts"],
        ts_recv=rows["local_ts"],
        sequence=ival >> 16 if meaning is Meaning.OURS else np.zeros(len(rows), np.int64),
        instrument_id=np.zeros(len(rows), np.int32),
        order_id=rows["order_id"],
        action=actions,
        side=np.where(rows["ev"] & form.BUY != 0, BID, np.where(rows["ev"] & form.SELL != 0, ASK, NO_SIDE)),
        price=_prices(rows["px"], kinds, instrument),
        size=_sizes(quantity, instrument),
        flags=flags,
        instruments=(instrument,),
    )


_WITHOUT_PRICE: Final = (form.DEPTH_CLEAR, form.CANCEL_ORDER, form.FILL)


def _prices(px: Array, kinds: Array, instrument: Instrument) -> Array:
    """Return prices in 1e-9. A book's must be on the tick; a trade may be between two ticks.

    None, a NaN, is 0 where there need not be one.
    """
    px = np.where(np.isnan(px) & np.isin(kinds, _WITHOUT_PRICE), 0.0, px)
    can_be = np.abs(px) < _LARGEST / 1e9
    possible = np.where(can_be, px, 0.0)
    ticks = instrument.ticks(possible)
    is_free = np.isin(kinds, (form.TRADE, form.FILL, form.DEPTH_CLEAR))
    beside = _is_beside(possible, ticks, instrument.tick, np.where(is_free, _HALF, instrument.tick * _STEP))
    bad = ~can_be | (beside & ~is_free)
    if bad.any():
        row = int(np.argmax(bad))
        raise OffGrid(row, "px", float(px[row]))
    return np.where(beside, np.rint(possible * 1e9).astype(np.int64), ticks * instrument.tick)


def _sizes(quantity: Array, instrument: Instrument) -> Array:
    """Return sizes in lots."""
    can_be = (quantity >= 0) & (quantity * (1e9 / instrument.lot) < _LARGEST)
    possible = np.where(can_be, quantity, 0.0)
    lots = instrument.lots(possible)
    off = ~can_be | _is_beside(possible, lots, instrument.lot, instrument.lot * _STEP)
    if off.any():
        row = int(np.argmax(off))
        raise OffGrid(row, "qty", float(quantity[row]))
    return lots


def _is_beside(values: Array, steps: Array, step: int, slack: Array | float) -> Array:
    """Tell which values are not so many steps, but for `slack` (1e-9) and the rounding of doubles."""
    beside: Array = np.abs(values * 1e9 - steps * float(step)) > slack + np.abs(values) * (1e9 * _ROUNDED)
    return beside
