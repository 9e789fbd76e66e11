"""Decoder of Databento's records into rows of EventBatches."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.events import ASK, BID, CANCEL, F_LAST, F_MBP, MODIFY, NO_SIDE, NONE, TRADE
from hftlab.venues.dbn.records import UNDEFINED_PRICE, Levels, Records
from hftlab.venues.state_differences import differences

__all__ = ["Decoder"]

Array = npt.NDArray[Any]
Columns = dict[str, Array]

_SIDES: Final = (BID, ASK)
_REMOVAL, _CHANGE, _TRADE, _NOTHING = range(4)
"""Order of the rows of one record."""


class Decoder:
    """Decoder that keeps the last levels of each instrument, to compare the next record with.

    Where F_LAST does not tell the ends of events, each record is one.
    """

    def __init__(self, *, ends_events: bool) -> None:
        self._ends_events = ends_events
        self._last: dict[int, tuple[Array, Array]] = {}

    def decode(self, records: Records) -> Columns:
        """Return the rows of records, with Databento's instrument ids.

        Records of mbo and trades are rows as they are. One of levels gives a row flagged F_MBP for each level that
        differs from the instrument's record before, and a T if it is a trade; an N if it has neither.
        """
        columns = records.columns
        if not self._ends_events or records.kind in ("trades", "bbo"):
            columns = columns | {"flags": columns["flags"] | np.uint8(F_LAST)}
        if records.levels is None:
            return columns
        at, order, prices, sizes, sides = self._changes(records, records.levels)
        is_trade = columns["action"] == TRADE
        trades = np.flatnonzero(is_trade)
        quiet = np.ones(len(records), np.bool_)
        quiet[at] = quiet[trades] = False
        nothing = np.flatnonzero(quiet)
        places = np.concatenate([at, trades, nothing])
        kinds = np.concatenate([order, np.full(len(trades), _TRADE), np.full(len(nothing), _NOTHING)])
        rows = np.lexsort((kinds, places))
        places, kinds = places[rows], kinds[rows]
        made = {name: values[places] for name, values in columns.items()}
        is_level = kinds < _TRADE
        made["price"][is_level], made["size"][is_level] = _placed(prices, rows), _placed(sizes, rows)
        made["side"][is_level] = _placed(sides, rows)
        made["action"] = np.array([CANCEL, MODIFY, TRADE, NONE], np.uint8)[kinds]
        empty = kinds == _NOTHING
        made["price"][empty], made["size"][empty], made["side"][empty] = 0, 0, NO_SIDE
        ends = np.append(places[1:] != places[:-1], True) if len(places) else np.zeros(0, np.bool_)
        made["flags"] = np.where(ends, made["flags"], made["flags"] & ~np.uint8(F_LAST)) | np.where(
            kinds == _TRADE, np.uint8(0), np.uint8(F_MBP)
        )
        return made

    def _changes(self, records: Records, levels: Levels) -> tuple[Array, Array, Array, Array, Array]:
        """Return the record, the place in its order, the price, the size and the side of each change."""
        ids = records.columns["instrument_id"]
        by_id = np.argsort(ids, kind="stable")
        starts = np.flatnonzero(np.append(True, ids[by_id][1:] != ids[by_id][:-1])) if len(ids) else by_id
        block = np.zeros(len(ids), np.int64)
        block[starts[1:]] = 1
        # Each instrument's states are numbered one by one, its last before these records first; a number between
        # those of two instruments is free.
        numbers = np.arange(len(ids)) + 2 * np.cumsum(block) + 1
        found = []
        for side, letter in enumerate(_SIDES):
            states, prices, sizes = _flat(numbers, levels.prices[by_id, side], levels.sizes[by_id, side])
            before = [
                _flat(numbers[start] - 1 + np.zeros(1, np.int64), last[0][None, side], last[1][None, side])
                for start in starts.tolist()
                if (last := self._last.get(int(ids[by_id[start]]))) is not None
            ]
            parts = [np.concatenate(some) for some in zip((states, prices, sizes), *before, strict=True)]
            numbered, changed, totals = differences(*parts)
            places = np.searchsorted(numbers, numbered)
            there = (places < len(numbers)) & (numbers[np.minimum(places, len(numbers) - 1)] == numbered)
            found.append((by_id[places[there]], changed[there], totals[there], np.full(there.sum(), letter, np.uint8)))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(ids)], strict=True):
            row = by_id[end - 1]
            self._last[int(ids[by_id[start]])] = (levels.prices[row], levels.sizes[row])
        at, prices, sizes, sides = (np.concatenate(some) for some in zip(*found, strict=True))
        return at, np.where(sizes == 0, _REMOVAL, _CHANGE), prices, sizes, sides


def _placed(values: Array, rows: Array) -> Array:
    """Return the values of changes in the order of all rows, of which changes are the first."""
    return values[rows[rows < len(values)]]


def _flat(numbers: Array, prices: Array, sizes: Array) -> tuple[Array, Array, Array]:
    """Return the number of its state, price and size of every level that is there."""
    states = np.repeat(numbers, prices.shape[1])
    prices, sizes = prices.reshape(-1), sizes.reshape(-1)
    there = (sizes > 0) & (prices != UNDEFINED_PRICE)
    return states[there], prices[there], sizes[there]
