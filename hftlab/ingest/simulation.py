"""Records simulated trading as a session, as fast as it can be computed."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import ArgumentError, HftlabError
from hftlab.events import EventBatch
from hftlab.ingest.disk_errors import naming
from hftlab.ingest.native_files import NativeFile, NativeFiles, native_file, native_files
from hftlab.instruments import NASDAQ
from hftlab.session.event_table import EventTable
from hftlab.session.object_path import ObjectPath, located
from hftlab.session.session import Session
from hftlab.session.spool import through_spool
from hftlab.session.writer import SessionWriter
from hftlab.simulator import Exchange
from hftlab.simulator.listings import SYMBOLS, find_listing

__all__ = ["Simulated", "exchange_on", "record_simulation"]


class Simulated(NamedTuple):
    """Result: the new session, the number of its order-level events, the venues' files, and symbols in none of them."""

    session: Session
    events: int
    left_out: list[str]
    files: tuple[NativeFile, ...] = ()


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


def _day_of(exchange: Exchange) -> dt.date:
    return dt.datetime.fromtimestamp(exchange.start // NANOSECONDS, ZoneInfo(NASDAQ.timezone)).date()


def record_simulation(
    exchange: Exchange,
    seconds: float,
    folder: PathLike[str] | str,
    *,
    overwrite: bool = False,
    itch_path: Path | str | None = None,
    formats: Iterable[str] = (),
    native_path: Path | str | None = None,
    progress: Callable[[int], object] | None = None,
) -> Simulated:
    """Write the exchange's next `seconds` into a session folder: every message and every order-level event.

    With `formats` the events are also written as their venues send them, to `native_path`: "itch" (TotalView-ITCH, a
    packet capture if the name ends in .pcap), "nyse" and "mitch" (packet captures), "binance" (lines of its streams).
    One file is at the path itself; several, which are those of several formats or of several symbols of Binance, are in
    the folder of that name, as they are if it exists. A format has the books of its venue; ITCH those of stocks whose
    primary listing is in dollars, as far as their price fits. `itch_path` is one more file, of ITCH. `progress` is
    called with the nanoseconds simulated so far. With `overwrite`, and where there are such files already, the old ones
    stay until the new ones are whole. A folder such as "s3://bucket/path" is on an object store, to which the
    session is uploaded when it is whole. Raises SessionExists as hl.record does, HftlabError if no symbol fits into
    a format, ArgumentError for an unknown one, and ValueError unless `seconds` is above 0 and finite.
    """
    place = located(folder)
    if isinstance(place, ObjectPath):
        made = partial(record_simulation, exchange, seconds, overwrite=overwrite, progress=progress)
        write = partial(made, itch_path=itch_path, formats=formats, native_path=native_path)
        session, simulated = through_spool(place, write, overwrite=overwrite)
        return simulated._replace(session=session)
    if not 0 < seconds < math.inf:
        raise ArgumentError(f"seconds is how long to simulate, above 0 and finite, got {seconds!r}")
    formats = [formats] if isinstance(formats, str) else list(formats)
    if bool(formats) != (native_path is not None):
        raise ArgumentError("formats and native_path go together: give both, or neither")
    files = [] if native_path is None else native_files(formats, native_path, exchange.closes, _day_of(exchange))
    if itch_path is not None:
        itch = native_file("itch", itch_path, exchange.closes)
        if itch.path in [file.path for file in files]:
            raise ArgumentError(f"itch_path is {itch.path}, which is a file of `formats` already: leave it out")
        files.append(itch)
    source = {
        "name": exchange.name,
        "kind": "simulator",
        "seed": exchange.seed,
        "seconds": seconds,
        "instruments": [instrument.to_dict() for instrument in exchange.instruments],
        "extent": {"whole": False},
    }
    writer = SessionWriter(place, source=source, overwrite=overwrite, when_whole=True)
    try:
        count = 0
        with naming(writer.folder):
            with NativeFiles(files) as native:
                for batch in _recorded(exchange, seconds, writer, progress):
                    native.add(batch)
                    count += len(batch)
            writer.manifest.source["extent"]["whole"] = True
            writer.close()
    except BaseException:
        writer.give_up()
        raise
    held = {one for file in files for one in file.instruments}
    left_out = [one.wire_symbol for one in exchange.instruments if files and one not in held]
    return Simulated(Session(writer.folder), count, left_out, tuple(files))


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
