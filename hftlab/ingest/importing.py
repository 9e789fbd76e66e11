"""Imports a venue's own capture file as a session."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from hftlab.errors import ArgumentError, CaptureError, MessageParseError
from hftlab.events import EventBatch
from hftlab.ingest.disk_errors import naming
from hftlab.instruments import Instrument, apply_text
from hftlab.market.growing_processor import GrowingProcessor
from hftlab.session.event_table import EventTable
from hftlab.session.object_path import ObjectPath, located
from hftlab.session.session import Session
from hftlab.session.spool import through_spool
from hftlab.session.writer import SessionWriter
from hftlab.venues import binance, dbn, hftbacktest, iex, itch, kraken, lobster, mitch, nyse
from hftlab.venues.own_formats import OwnReader, find_format, format_names
from hftlab.venues.pcap import PacketStats
from hftlab.venues.progress_bar import no_progress, progress_reporter

__all__ = ["FORMATS", "Imported", "import_capture"]

FORMATS: Final[dict[str, Any]] = {
    "binance": binance,
    "dbn": dbn,
    "hftbacktest": hftbacktest,
    "iex": iex,
    "itch": itch,
    "kraken": kraken,
    "lobster": lobster,
    "mitch": mitch,
    "nyse": nyse,
}
_DETECT: Final[dict[str, Callable[[Path, str], Instrument]]] = {
    "binance": lambda path, _: binance.detect_instrument(path),
    "dbn": dbn.detect_instrument,
    "hftbacktest": hftbacktest.detect_instrument,
    "kraken": kraken.detect_instrument,
    "lobster": lambda path, _: lobster.read(path).instrument,
}
_SELECTIVE: Final = ("dbn", "iex", "itch", "kraken", "mitch", "nyse")
_OF_OPTIONS: Final = {"date": ("itch", "mitch"), "mapping": ("nyse",), "price_scale": ("nyse",)}
_DEPTH: Final = 10
_CHUNK: Final = 1 << 13
"""Events decoded at a time. It bounds the memory, most of which is the messages that are made of them."""


class _Reader(Protocol):
    """Iterator over event batches, which the `read()` of every format returns."""

    @property
    def instruments(self) -> tuple[Instrument, ...]: ...
    @property
    def stats(self) -> Any: ...
    def __iter__(self) -> Iterator[EventBatch]: ...
    def __next__(self) -> EventBatch: ...


class Imported(NamedTuple):
    """Result of an import: the new session and the decoder's counts; `filtered` counts rows kept from the books."""

    session: Session
    stats: dict[str, Any]


def import_capture(
    format_name: str,
    path: Path | str,
    folder: PathLike[str] | str,
    *,
    symbols: Iterable[str] | None = None,
    instrument: Instrument | str | None = None,
    pace: int = 0,
    overwrite: bool = False,
    date: dt.date | str | None = None,
    mapping: Mapping[int, tuple[str, int]] | Path | str | None = None,
    price_scale: int | None = None,
    progress: Callable[[int], object] | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Imported:
    """Decode a capture file into a session: its events, and MARKET_DATA with ten levels and trades.

    Every event of the venue gives one message. With a `pace` (ns) there is one message for each symbol and interval
    with events, while the `events` table still has them all. `symbols` selects from formats that hold many symbols.
    `instrument` takes the place of the one that hftlab knows or finds, except for iex, itch, mitch and nyse, whose
    files tell all of theirs; a text such as "BTCUSDT,tick=0.01,lot=0.001" changes only what it names. A format of
    another package gets both as they are (hftlab.venues.own_formats). `date` is the day of a file of itch or mitch that
    does not say it; of nyse `mapping` and `price_scale` tell what the symbol indexes of a part of a day are, as in
    `hl.venues.nyse.read()`, where a path is that of a capture that has the mappings, as the day's beginning.
    `progress` is called with the bytes of the file that have been read, for Binance and Kraken twice, because they are
    surveyed first. Memory does not grow with the file.

    The manifest's `source["extent"]` says from the start how far the capture was read, and whether that is the `whole`.
    With `overwrite` the session in the folder stays until the whole capture is a session.

    With an address on an object store, such as "s3://bucket/path", the session is made in a folder of this machine
    (hftlab.session.spool) and uploaded when it is whole; `storage_options` are as in hl.open_session().

    Raises SessionExists as hl.record does, and CaptureError, also for a capture without events. If the file is damaged,
    what comes before the damage is still written as a session unless another one would be lost by that, and the error
    says where.
    """
    symbols = None if symbols is None else list(symbols)
    place = located(folder, storage_options)
    if isinstance(place, ObjectPath):
        given = partial(import_capture, format_name, path, symbols=symbols, instrument=instrument, pace=pace)
        by_format = partial(given, date=date, mapping=mapping, price_scale=price_scale)
        write = partial(by_format, overwrite=overwrite, progress=progress)
        session, imported = through_spool(place, write, overwrite=overwrite)
        return Imported(session, imported.stats)
    path = Path(path).absolute()
    extent: dict[str, Any] = {"whole": False, "bytes": 0, "size": path.stat().st_size if path.is_file() else None}
    source: dict[str, Any] = {
        "name": path.name,
        "kind": "capture",
        "format": format_name,
        "instruments": [],
        "extent": extent,
    }
    with _reporter(path, progress) as report:
        chosen = _chosen_options(format_name, path, date=date, mapping=mapping, price_scale=price_scale)
        reader = _opened(
            format_name, path, symbols, instrument, chosen, lambda done: (extent.update(bytes=done), report(done))
        )
        extent["bytes"] = 0  # some readers have looked through the file, but read nothing yet
        # Reading the first events shows a file of another format before a folder is made.
        first = next((batch for batch in reader if len(batch)), None)
        if first is None:
            raise _without_events(path, symbols, reader)
        source["instruments"] = [one.to_dict() for one in reader.instruments]
        writer = SessionWriter(place, source=source, overwrite=overwrite, when_whole=True)
        try:
            with naming(place):
                return _import(chain((first,), reader), reader, writer, pace, path)
        except BaseException:
            writer.give_up()
            raise


def _import(batches: Iterable[EventBatch], reader: _Reader, writer: SessionWriter, pace: int, path: Path) -> Imported:
    processor, events = GrowingProcessor(_DEPTH, pace), EventTable(writer)
    source = writer.manifest.source
    damage: CaptureError | None = None
    try:
        for batch in batches:
            if len(batch):
                if "until" not in source["extent"]:
                    writer.control("start", int(batch.ts_recv[0]), detail="all symbols of the session")
                source["extent"]["until"] = int(batch.ts_recv[-1])
            events.add(batch)
            _append(writer, processor.process(batch), path)
            writer.commit()
    except CaptureError as exc:
        damage = exc
    for waiting in processor.flush():
        try:
            _append(writer, [waiting], path)
        except CaptureError as exc:  # those of other symbols are as good as ever
            damage = damage or exc
    if damage is not None and writer.old is not None:
        raise _kept(damage, writer.folder) from damage
    events.flush()
    stats = _cut_off(reader) | _counts(reader.stats) | {"filtered": processor.filtered}
    source |= {"instruments": [one.to_dict() for one in reader.instruments], "stats": stats}
    source["extent"]["whole"] = damage is None
    writer.control("end", source["extent"]["until"], detail=None if damage is None else str(damage))
    if damage is not None:
        source["damage"] = str(damage)
    manifest = writer.close()
    if damage is not None:
        raise CaptureError(
            f"{damage} ({manifest.messages:,} messages before it are in {writer.folder})", path=damage.path
        ) from damage
    return Imported(Session(writer.folder), stats)


def _kept(damage: CaptureError, folder: Path) -> CaptureError:
    return CaptureError(
        f"{damage} (the session in {folder} is kept: import to another folder to have what is before the damage)",
        path=damage.path,
    )


def _without_events(path: Path, symbols: Iterable[str] | None, reader: _Reader) -> CaptureError:
    wanted = "" if symbols is None else f" of {', '.join(symbols)}"
    counted = ", ".join(f"{name} {fact}" for name, fact in _counts(reader.stats).items() if fact)
    return CaptureError(
        f"{path} has no events{wanted}, so that there is nothing to import: check the file and the symbols "
        f"(read: {counted or 'nothing'})",
        path=path,
    )


def _reporter(path: Path, progress: Callable[[int], object] | None) -> AbstractContextManager[Callable[[int], object]]:
    return progress_reporter(path, progress) if path.is_file() else nullcontext(no_progress)


def _opened(
    format_name: str,
    path: Path,
    symbols: Iterable[str] | None,
    instrument: Instrument | str | None,
    chosen: dict[str, Any],
    progress: Callable[[int], object],
) -> _Reader:
    options: dict[str, Any] = {"progress": progress, "chunk": _CHUNK, **chosen}
    if format_name not in FORMATS:
        if format_name not in (own := format_names()):
            raise CaptureError(
                f"unknown format {format_name!r}: choose one of {', '.join([*FORMATS, *own])}", path=path
            )
        both = {"symbols": symbols, "instrument": instrument}
        given = {name: value for name, value in both.items() if value is not None}
        return OwnReader(format_name, find_format(format_name).read, path, **options, **given)
    read: Callable[..., _Reader] = FORMATS[format_name].read
    if instrument is not None:
        options["instrument"] = _instrument(format_name, Path(path), instrument)
    if symbols is None:
        return read(path, **options)
    if format_name not in _SELECTIVE:
        raise CaptureError(f"{path} holds one symbol, as files of {format_name} do: leave out the symbols", path=path)
    return read(path, symbols=symbols, **options)


def _chosen_options(format_name: str, path: Path, **options: Any) -> dict[str, Any]:
    """Return the options that are given, as the format's reader takes them."""
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if format_name not in _OF_OPTIONS[name]:
            raise CaptureError(
                f"{path}: {name} is for files of {' and '.join(_OF_OPTIONS[name])}, not of {format_name}: leave it out",
                path=path,
            )
    if isinstance(day := given.get("date"), str):
        try:
            given["date"] = dt.date.fromisoformat(day)
        except ValueError:
            raise ArgumentError(f"date is {day!r}: write it as 2026-01-02") from None
    if isinstance(given.get("mapping"), str | Path):
        given["mapping"] = nyse.read_mapping(given["mapping"])
    return given


def _instrument(format_name: str, path: Path, given: Instrument | str) -> Instrument:
    """Return the instrument that is given, or that of the file with the changes of a text."""
    if format_name not in _DETECT:
        raise CaptureError(f"{path} tells its instruments, as files of {format_name} do: leave it out", path=path)
    if isinstance(given, Instrument):
        return given
    try:
        return apply_text(_DETECT[format_name](path, given.partition(",")[0].strip()), given)
    except ValueError as error:
        raise CaptureError(f"{path}: {error}", path=path) from error


def _append(writer: SessionWriter, messages: list[tuple[int, Any]], path: Path) -> None:
    for ts_recv, message in messages:
        try:
            writer.append(message, ts_recv)
        except MessageParseError as error:
            raise CaptureError(
                f"{path}: what was received at {ts_recv} ns since 1970 makes a message that cannot be: {error}; the "
                "capture is damaged there, or a clock was not set",
                path=path,
            ) from error


def _cut_off(reader: _Reader) -> dict[str, Any]:
    """Return what there is to say of a packet capture that ends too early, and its reader does not count."""
    capture = getattr(reader, "capture", None)
    if not isinstance(capture, PacketStats) or not capture.is_torn:
        return {}
    return {"truncated_bytes": capture.truncated_bytes, "is_torn": True}


def _counts(stats: Any) -> dict[str, Any]:
    values = (
        stats
        if isinstance(stats, dict)
        else {field.name: getattr(stats, field.name) for field in dataclasses.fields(stats)}
    )
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
