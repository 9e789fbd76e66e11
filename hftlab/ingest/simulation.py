"""Records simulated trading as a session, as fast as it can be computed."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import ArgumentError, HftlabError
from hftlab.events import COLUMNS, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.session.event_table import EventTable
from hftlab.session.session import Session
from hftlab.session.writer import SessionWriter
from hftlab.simulator import Exchange
from hftlab.simulator.listings import SYMBOLS, find_listing
from hftlab.venues import itch

__all__ = ["Simulated", "exchange_on", "record_simulation"]

_ITCH_PRICES: Final = 400_000 * UNIT
"""Upper bound of the last close of a stock in an ITCH file. The format's own bound is $429,496.7295."""


class Simulated(NamedTuple):
    """Result: the new session, the number of its order-level events, and the symbols left out of the ITCH file."""

    session: Session
    events: int
    left_out: list[str]


def exchange_on(day: str, seed: int, symbols: Sequence[str] | None = None) -> Exchange:
    """Return an exchange that starts at the opening of regular trading at the first symbol's venue.

    `day` is written as 2026-01-02. Raises HftlabError for a day that does not exist, for one on which the venue is
    closed, and for unknown symbols.
    """
    names = symbols or SYMBOLS
    venue = find_listing(names[0]).venue
    try:
        hours = venue.regular_hours(dt.date.fromisoformat(day))
    except ValueError:
        raise HftlabError(f"{day!r} is not a date: write it as 2026-01-02") from None
    if hours is None:
        raise HftlabError(f"{venue.name} is closed on {day}: give a trading day")
    return Exchange(seed, names, clock=Clock(hours[0], paused=True))


def record_simulation(
    exchange: Exchange,
    seconds: float,
    folder: Path | str,
    *,
    overwrite: bool = False,
    itch_path: Path | str | None = None,
    progress: Callable[[int], object] | None = None,
) -> Simulated:
    """Write the exchange's next `seconds` into a session folder: every message and every order-level event.

    With `itch_path` the events are also written as a TotalView-ITCH 5.0 file. That format is one venue's feed of stocks
    in dollars, so that only primary listings in dollars go there, and only those whose price fits. `progress` is called
    with the nanoseconds simulated so far. With `overwrite`, and where there is an ITCH file already, the old ones stay
    until the new ones are whole. Raises SessionExists as hl.record does, HftlabError if no symbol fits into ITCH, and
    ValueError unless `seconds` is above 0 and finite.
    """
    if not 0 < seconds < math.inf:
        raise ArgumentError(f"seconds is how long to simulate, above 0 and finite, got {seconds!r}")
    listed = [one for one in exchange.instruments if _fits_itch(one, exchange.closes[one])]
    if itch_path is not None and not listed:
        raise HftlabError(f"none of {', '.join(exchange.symbols)} fits into ITCH: give US stocks below $400,000")
    source = {
        "name": exchange.name,
        "kind": "simulator",
        "seed": exchange.seed,
        "seconds": seconds,
        "instruments": [instrument.to_dict() for instrument in exchange.instruments],
        "extent": {"whole": False},
    }
    itch_path = None if itch_path is None else Path(itch_path).absolute()
    writer = SessionWriter(folder, source=source, overwrite=overwrite, when_whole=True)
    try:
        batches = _recorded(exchange, seconds, writer, progress)
        count = sum(map(len, batches)) if itch_path is None else _write_itch(itch_path, batches, listed)
        writer.manifest.source["extent"]["whole"] = True
        writer.close()
    except BaseException:
        writer.give_up()
        raise
    left_out = [one.wire_symbol for one in exchange.instruments if one not in listed]
    return Simulated(Session(writer.folder), count, left_out)


def _recorded(
    exchange: Exchange, seconds: float, writer: SessionWriter, progress: Callable[[int], object] | None
) -> Iterator[EventBatch]:
    """Record each segment of the simulation, then yield its events."""
    events, extent = EventTable(writer), writer.manifest.source["extent"]
    for segment in exchange.segments(seconds):
        events.add(segment.events)
        for at, message in segment.messages:
            if "until" not in extent:
                writer.control("start", at, symbols=list(exchange.symbols))
            writer.append(message, at)
            extent["until"] = at
        writer.commit()
        yield segment.events
        if progress is not None and segment.messages:
            progress(min(segment.messages[-1][0] - exchange.start, round(seconds * NANOSECONDS)))
    events.flush()
    if "until" in extent:
        writer.control("end", extent["until"])


def _write_itch(path: Path, batches: Iterator[EventBatch], listed: list[Instrument]) -> int:
    """Write the ITCH file, in place of one that is there when it is whole; returns the number of all events."""
    counts: list[int] = []
    new = path.with_name(f".new-{path.name}")  # ends as the file does, which says whether it is gzip
    try:
        itch.write(new, _chosen(batches, listed, counts))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return sum(counts)


def _fits_itch(instrument: Instrument, close: int) -> bool:
    return instrument.primary and instrument.currency == "USD" and close < _ITCH_PRICES


def _chosen(batches: Iterator[EventBatch], listed: list[Instrument], counts: list[int]) -> Iterator[EventBatch]:
    """Yield the rows of the listed instruments; append the length of each whole batch to `counts`."""
    for batch in batches:
        counts.append(len(batch))
        numbers = np.array([listed.index(one) if one in listed else -1 for one in batch.instruments], np.int32)
        renumbered = numbers[batch.instrument_id]
        kept = renumbered >= 0
        columns = {name: getattr(batch, name)[kept] for name in COLUMNS} | {"instrument_id": renumbered[kept]}
        yield EventBatch(**columns, instruments=tuple(listed))
