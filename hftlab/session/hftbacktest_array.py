"""A session's events of one symbol as hftbacktest's event array."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.errors import ArgumentError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.session.level_changes import CLEARED, TRADED, level_changes
from hftlab.session.market_at import check_symbols
from hftlab.session.session_tables import SessionTables
from hftlab.session.table_ids import EVENTS
from hftlab.venues.hftbacktest import event_format as form
from hftlab.venues.hftbacktest.encoder import encode
from hftlab.venues.hftbacktest.event_format import Times
from hftlab.venues.hftbacktest.survey import instrument_of

__all__ = ["chosen_symbol", "event_array", "instrument_of_symbol", "known_symbols"]

_KINDS: Final = {CLEARED: form.DEPTH_CLEAR, TRADED: form.TRADE}
_SIDES: Final = {ord("B"): form.BUY, ord("A"): form.SELL}

Array = npt.NDArray[Any]


def event_array(session: SessionTables, symbol: str | None, times: Times, feed_latency: int) -> Array:
    """Return the array of Session.to_hftbacktest()."""
    if times not in get_args(Times):
        raise ArgumentError(f"times is {times!r}: give one of {', '.join(map(repr, get_args(Times)))}")
    if not 0 <= feed_latency < 2**62:
        raise ArgumentError(f"feed_latency is {feed_latency!r}: give 0 or more nanoseconds")
    symbol = chosen_symbol(session, symbol)
    if (own := _by_symbol(session).get(symbol)) is not None:
        numbers = [number for number, one in enumerate(_instruments(session)) if one == own]
        rows = session.events.filter(pl.col("instrument_id").is_in(numbers)).drop("symbol").collect()
        rows = rows.with_columns(instrument_id=pl.lit(0, pl.Int32))
        return encode(EventBatch.from_polars(rows, [own]), times=times, feed_latency=feed_latency)
    return _of_messages(level_changes(session.market_data, session.messages, symbol), times, feed_latency)


def chosen_symbol(session: SessionTables, symbol: str | None) -> str:
    """Return the symbol that was meant, the only one for None. Raises ArgumentError and SessionError."""
    known = known_symbols(session)
    if symbol is None:
        if len(known) != 1:
            raise ArgumentError(f"an array has one symbol and {session.folder} has {len(known)}: name one of {known}")
        return known[0]
    check_symbols([symbol], known, session.folder)
    return symbol


def known_symbols(session: SessionTables) -> list[str]:
    """Return the symbols of a session's messages and of its events."""
    return list(dict.fromkeys([*session.manifest.symbols, *_by_symbol(session)]))


def instrument_of_symbol(session: SessionTables, symbol: str, events: Array) -> Instrument:
    """Return the instrument of a symbol: that of its events, else the one that its array's numbers need."""
    return _by_symbol(session).get(symbol) or instrument_of(Path(session.folder), events, symbol)


def _by_symbol(session: SessionTables) -> dict[str, Instrument]:
    """Return the instruments of order-level events by symbol: the first of each, as book_at() takes it."""
    found: dict[str, Instrument] = {}
    for one in _instruments(session):
        found.setdefault(one.wire_symbol, one)
    return found


def _instruments(session: SessionTables) -> list[Instrument]:
    """Return the instruments of order-level events, in the order of their instrument_id."""
    if not session.manifest.rows(EVENTS):
        return []
    return [Instrument.from_dict(one) for one in session.manifest.source.get("instruments", ())]


def _of_messages(changes: pl.DataFrame, times: Times, feed_latency: int) -> Array:
    kind = changes["kind"].to_numpy()
    events = np.zeros(len(changes), form.EVENT_DTYPE)
    events["ev"] = np.where(changes["snapshot"].to_numpy(), form.DEPTH_SNAPSHOT, form.DEPTH)
    for which, meaning in _KINDS.items():
        events["ev"][kind == which] = meaning
    for letter, flag in _SIDES.items():
        events["ev"][changes["side"].to_numpy() == letter] |= np.uint64(flag)
    happened, received = changes["ts_event"].to_numpy(), changes["ts_recv"].to_numpy()
    events["exch_ts"], events["local_ts"] = form.venue_and_local(happened, received, times, feed_latency)
    events["px"], events["qty"] = changes["price"].to_numpy(), changes["size"].to_numpy()
    return form.in_order(events)
