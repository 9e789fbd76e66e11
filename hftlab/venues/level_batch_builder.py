"""Builder of EventBatches from price levels as texts, collected event by event and converted at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import CANCEL, F_LAST, MODIFY, EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.decimals import parse_decimals

__all__ = ["BadNumber", "EventHead", "LevelBatchBuilder"]

IntArray = npt.NDArray[np.int64]

_NOTHING = (("0", "0"),)


class EventHead(NamedTuple):
    """Values that all rows of an event share; `line` is its line in the capture."""

    ts_event: int
    ts_recv: int
    sequence: int
    line: int
    instrument: int = 0


class BadNumber(NamedTuple):
    """Price or size that is not a decimal number, or not a multiple of the instrument's tick or lot."""

    line: int
    symbol: str
    column: str
    text: str
    step: int  # the tick or lot, in 1e-9


class LevelBatchBuilder:
    """Builder of batches: `add()` rows, `end()` each event, then `take()` the batch."""

    def __init__(self) -> None:
        self.instruments: tuple[Instrument, ...] = ()
        self._reset()

    def add_instrument(self, instrument: Instrument) -> int:
        """Add an instrument and return its index."""
        self.instruments = (*self.instruments, instrument)
        return len(self.instruments) - 1

    def _reset(self) -> None:
        self._prices: list[str] = []
        self._sizes: list[str] = []
        self._stretches: list[tuple[int, ...]] = []
        self._ends: list[int] = []
        self._lines: list[int] = []

    def __len__(self) -> int:
        return len(self._prices)

    def add(
        self, head: EventHead, action: int, side: int, flags: int, levels: Iterable[tuple[str, str]] = _NOTHING
    ) -> None:
        """Add a row for each (price, size) text; without levels one row that has neither.

        A row of action M whose size turns out to be 0 becomes a C.
        """
        before = len(self._prices)
        for price, size in levels:
            self._prices.append(price)
            self._sizes.append(size)
        ts_event, ts_recv, sequence, _, instrument = head
        count = len(self._prices) - before
        self._stretches.append((count, ts_event, ts_recv, sequence, instrument, action, side, flags))

    def end(self, line: int) -> None:
        """End an event, which consists of the rows added since the last call; its last row gets F_LAST."""
        self._ends.append(len(self._prices))
        self._lines.append(line)

    def take(self) -> tuple[EventBatch, BadNumber | None]:
        """Return the events collected so far, up to the first with a bad number, and that number."""
        table = np.array(self._stretches, np.int64).reshape(-1, 8)
        ids = np.repeat(table[:, 4], table[:, 0])
        ticks = np.array([instrument.tick for instrument in self.instruments], np.int64)[ids]
        lots = np.array([instrument.lot for instrument in self.instruments], np.int64)[ids]
        prices, bad_price = parse_decimals(self._prices, 1)
        sizes, bad_size = parse_decimals(self._sizes, lots)
        off_tick = (prices % ticks)[: bad_price if bad_price >= 0 else None] != 0
        if off_tick.any():
            bad_price = int(np.argmax(off_tick))
        bad = min((row for row in (bad_price, bad_size) if row >= 0), default=-1)
        keep, bad_text = len(self), None
        if bad >= 0:
            event = int(np.searchsorted(self._ends, bad, side="right"))
            keep = self._ends[event - 1] if event else 0
            is_price = bad == bad_price
            column, texts, steps = ("price", self._prices, ticks) if is_price else ("size", self._sizes, lots)
            symbol = self.instruments[ids[bad]].symbol
            bad_text = BadNumber(self._lines[event], symbol, column, texts[bad], int(steps[bad]))
            # After the first bad text the arrays hold arbitrary values; the batch is checked before it is cut.
            prices[keep:], sizes[keep:] = 0, 0
        batch = self._batch(np.repeat(table[:, 1:], table[:, 0], axis=0), prices, sizes)[:keep]
        self._reset()
        return batch, bad_text

    def _batch(self, heads: IntArray, prices: IntArray, sizes: IntArray) -> EventBatch:
        ts_event, ts_recv, sequence, instrument_id, action, side, flags = heads.T
        action[(action == MODIFY) & (sizes == 0)] = CANCEL
        flags[np.array(self._ends, np.int64) - 1] |= F_LAST
        columns: dict[str, npt.NDArray[Any]] = {
            "ts_event": ts_event,
            "ts_recv": ts_recv,
            "sequence": sequence,
            "instrument_id": instrument_id,
            "order_id": np.zeros(len(sizes), np.uint64),
            "action": action,
            "side": side,
            "price": prices,
            "size": sizes,
            "flags": flags,
        }
        return EventBatch(**columns, instruments=self.instruments)
