"""A venue's own capture as a session."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.market.growing_processor import GrowingProcessor
from hftlab.session.event_table import EventTable
from hftlab.session.session import Session
from hftlab.session.writer import SessionWriter
from hftlab.venues import binance, itch, kraken, lobster

__all__ = ["FORMATS", "Imported", "import_capture"]

FORMATS: Final[dict[str, Any]] = {"binance": binance, "itch": itch, "kraken": kraken, "lobster": lobster}
_SELECTIVE: Final = ("itch", "kraken")
_DEPTH: Final = 10
_CHUNK: Final = 1 << 13
"""Events at a time: their messages are what takes the memory."""


class _Reader(Protocol):
    """What every format's `read()` returns."""

    @property
    def instruments(self) -> tuple[Instrument, ...]: ...
    @property
    def stats(self) -> Any: ...
    def __iter__(self) -> Iterator[EventBatch]: ...
    def __next__(self) -> EventBatch: ...


class Imported(NamedTuple):
    """The new session, and what was counted: the decoder's own counts, and `filtered`, the rows kept from the books."""

    session: Session
    stats: dict[str, Any]


def import_capture(
    format_name: str,
    path: Path | str,
    folder: Path | str,
    *,
    symbols: Iterable[str] | None = None,
    pace: int = 0,
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Imported:
    """Decode a capture and write its events, and MARKET_DATA with ten levels and trades, into a session folder.

    There is a message for each event of the venue; with a `pace` (ns) one for each interval and symbol that had any,
    while `events` keeps all. `symbols` are the only ones read, of formats that hold many. `progress` is told the bytes
    of the file consumed so far. Memory does not grow with the file.

    Raises CaptureError; what could be read before the damage is a session all the same, and the error says where.
    Raises SessionExists as hl.record does.
    """
    reader = _opened(format_name, path, symbols, progress)
    # A file of another format shows now, before a folder is made or replaced.
    first = next(reader, None)
    source = {"name": Path(path).name, "kind": "capture", "format": format_name}
    writer = SessionWriter(folder, source=source, overwrite=overwrite)
    processor, events = GrowingProcessor(_DEPTH, pace), EventTable(writer)
    damage: CaptureError | None = None
    try:
        for batch in chain(() if first is None else (first,), reader):
            events.add(batch)
            _append(writer, processor.process(batch))
    except CaptureError as exc:
        damage = exc
    _append(writer, processor.flush())
    events.flush()
    stats = _counts(reader.stats) | {"filtered": processor.filtered}
    writer.manifest.source |= {"instruments": [one.to_dict() for one in reader.instruments], "stats": stats}
    if damage is not None:
        writer.manifest.source["damage"] = str(damage)
    manifest = writer.close()
    if damage is not None:
        raise CaptureError(f"{damage} ({manifest.messages:,} messages before it are in {folder})", path=path)
    return Imported(Session(writer.folder), stats)


def _opened(
    format_name: str, path: Path | str, symbols: Iterable[str] | None, progress: Callable[[int], object] | None
) -> _Reader:
    if format_name not in FORMATS:
        raise CaptureError(f"no format is called {format_name!r}: choose one of {', '.join(FORMATS)}", path=path)
    read: Callable[..., _Reader] = FORMATS[format_name].read
    options: dict[str, Any] = {"progress": progress, "chunk": _CHUNK}
    if symbols is None:
        return read(path, **options)
    if format_name not in _SELECTIVE:
        raise CaptureError(f"{path} holds one symbol, as files of {format_name} do: leave out the symbols", path=path)
    return read(path, symbols=list(symbols), **options)


def _append(writer: SessionWriter, messages: list[tuple[int, Any]]) -> None:
    for ts_recv, message in messages:
        writer.append(message, ts_recv)
    writer.commit()


def _counts(stats: Any) -> dict[str, Any]:
    values = {field.name: getattr(stats, field.name) for field in dataclasses.fields(stats)}
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
