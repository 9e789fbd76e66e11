"""A venue's own capture as a session."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.market import Processor
from hftlab.recorder.session import Session
from hftlab.recorder.writer import SessionWriter
from hftlab.venues import binance

__all__ = ["FORMATS", "Imported", "import_capture"]

FORMATS: Final = {"binance": binance}
_DEPTH: Final = 10


class Imported(NamedTuple):
    """The new session, what the decoder counted, and the books as they stood at the end."""

    session: Session
    stats: dict[str, Any]
    books: BookSet


def import_capture(
    format_name: str,
    path: Path | str,
    folder: Path | str,
    *,
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Imported:
    """Decode a capture and write its events, and MARKET_DATA with ten levels and trades, into a session folder.

    `progress` is told the bytes of the file consumed so far. Raises CaptureError; what could be read before the damage
    is a session all the same, and the error says where. Raises SessionExists as hl.record does.
    """
    if format_name not in FORMATS:
        raise CaptureError(f"no format is called {format_name!r}: choose one of {', '.join(FORMATS)}", path=path)
    reader = FORMATS[format_name].read(path, progress=progress)
    instrument = reader.instrument
    source = {"name": Path(path).name, "kind": "capture", "format": format_name, "instrument": instrument.to_dict()}
    writer = SessionWriter(folder, source=source, overwrite=overwrite)
    processor = Processor([instrument], _DEPTH)
    damage: CaptureError | None = None
    try:
        for batch in reader:
            writer.events(batch.to_polars())
            for ts_recv, message in processor.process(batch):
                writer.append(message, ts_recv)
            writer.commit()
    except CaptureError as exc:
        damage = exc
    stats = {name: dict(value) if isinstance(value, Counter) else value for name, value in _counts(reader.stats)}
    writer.manifest.source["stats"] = stats
    if damage is not None:
        writer.manifest.source["damage"] = str(damage)
    manifest = writer.close()
    if damage is not None:
        raise CaptureError(f"{damage} ({manifest.messages:,} messages before it are in {folder})", path=path)
    return Imported(Session(writer.folder), stats, processor.books)


def _counts(stats: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(stats, field.name)) for field in dataclasses.fields(stats)]
