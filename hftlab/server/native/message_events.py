"""Events of a recorded session that has none of the venue's: what its messages say of levels and trades."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.errors import HftlabError
from hftlab.events import CANCEL, CLEAR, F_LAST, F_MBP, F_SNAPSHOT, MODIFY, TRADE, EventBatch
from hftlab.instruments import UNIT, Instrument, Venue, find_instrument
from hftlab.kernels.compiling import IntArray
from hftlab.server.native.session_events import EventParts, Events, SessionEvents
from hftlab.session import Session
from hftlab.session.level_changes import CLEARED, TRADED, level_changes
from hftlab.session.table_ids import EVENTS

__all__ = ["MessageEvents", "events_of"]

_ELSEWHERE: Final = Venue("RECORDED", "")
_LARGEST: Final = 2**63 / UNIT


def events_of(session: Session) -> EventParts:
    """Return the events of a session, of its messages where it has none. Raises HftlabError if there is nothing."""
    return SessionEvents(session) if session.manifest.rows(EVENTS) else MessageEvents(session)


class MessageEvents:
    """Changes of levels and trades of all symbols of a session, in one part, all of it in memory.

    Their numbers are the rows' places. Tick and lot are those of the instrument that hftlab knows by that name, if all
    prices and sizes are on them, else the coarsest that they are on.
    """

    def __init__(self, session: Session) -> None:
        changes = [level_changes(session.market_data, session.messages, symbol) for symbol in session.manifest.symbols]
        if not sum(map(len, changes)):
            raise HftlabError(
                f"{session.folder} has neither events nor books, of which a venue's own streams are made: serve a "
                "session that `hftlab import`, `hftlab simulate` or `hftlab record` has made"
            )
        steps = [(_units(of_symbol["price"].to_numpy()), _units(of_symbol["size"].to_numpy())) for of_symbol in changes]
        self.instruments = tuple(
            _instrument(symbol, prices, sizes)
            for symbol, (prices, sizes) in zip(session.manifest.symbols, steps, strict=True)
        )
        rows = pl.concat(
            of_symbol.with_columns(instrument=pl.lit(number, pl.Int32), price=prices, size=sizes // instrument.lot)
            for number, (of_symbol, instrument, (prices, sizes)) in enumerate(
                zip(changes, self.instruments, steps, strict=True)
            )
        )
        self._events = _events(rows.sort("message", maintain_order=True), self.instruments)

    def __len__(self) -> int:
        return 1

    def started(self, part: int) -> int:
        """Return the time of the first event."""
        assert part == 0
        return int(self._events.times[0])

    def load(self, part: int) -> Events:
        """Return the events."""
        assert part == 0
        return self._events


def _units(numbers: npt.NDArray[np.float64]) -> IntArray:
    """Return numbers in 1e-9 units; those that are too large for that, as sizes of some tokens are, to whole ones."""
    is_large = len(numbers) > 0 and float(np.abs(numbers).max()) >= _LARGEST
    units: IntArray = np.rint(numbers * (1 if is_large else UNIT)).astype(np.int64)
    return units


def _instrument(name: str, prices: IntArray, sizes: IntArray) -> Instrument:
    symbol, _, venue = name.partition(":")
    known = find_instrument(symbol, venue or None)
    if known is not None and not (prices % known.tick).any() and not (sizes % known.lot).any():
        return known
    tick, lot = (int(np.gcd.reduce(numbers)) or UNIT for numbers in (prices, sizes))
    return Instrument(name, _ELSEWHERE, tick, lot, "")


def _events(rows: pl.DataFrame, instruments: tuple[Instrument, ...]) -> Events:
    kind, size = rows["kind"].to_numpy(), rows["size"].to_numpy()
    action = np.where(size > 0, MODIFY, CANCEL).astype(np.uint8)
    action[kind == TRADED], action[kind == CLEARED] = TRADE, CLEAR
    flags = np.where(kind == TRADED, 0, F_MBP).astype(np.uint8)
    flags[rows["snapshot"].to_numpy()] |= F_SNAPSHOT
    message = rows["message"].to_numpy()
    flags[np.append(message[1:] != message[:-1], True)] |= F_LAST
    happened, received = rows["ts_event"].to_numpy(), rows["ts_recv"].to_numpy()
    numbers = np.arange(1, len(rows) + 1, dtype=np.int64)
    batch = EventBatch(
        ts_event=happened,
        ts_recv=received,
        sequence=numbers,
        instrument_id=rows["instrument"].to_numpy(),
        order_id=np.zeros(len(rows), np.uint64),
        action=action,
        side=rows["side"].to_numpy(),
        price=rows["price"].to_numpy(),
        size=size,
        flags=flags,
        instruments=instruments,
    )
    return Events(batch, np.maximum.accumulate(received), numbers)
