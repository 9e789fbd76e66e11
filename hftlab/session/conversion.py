"""Turns journal segments into Parquet parts: the same way while recording and in recovery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from hftlab.session.journal_record import Record
from hftlab.session.manifest import Manifest
from hftlab.session.parts import Parts
from hftlab.session.segment import Segment, read_segment
from hftlab.session.table_ids import TableId

__all__ = ["convert_segment", "damaged_places"]

_COUNTED: Final = ("messages", "segments", "damaged", "started", "ended")


def convert_segment(parts: Parts, path: Path, *, is_last: bool = False) -> Segment:
    """Write the records of a segment file as parts; they are on disk and in the manifest when this returns.

    Records that are there already are passed over. Where records are missing, the control table gets a `damage` row in
    their place, and the manifest counts it. The end of the last segment with anything in it may be torn, as a crash
    leaves it, without that being damage. If writing fails the manifest is as it was before.
    """
    segment = read_segment(path)
    manifest = parts.manifest
    before = [getattr(manifest, name) for name in _COUNTED]
    symbols, tables = list(manifest.symbols), {name: list(some) for name, some in manifest.tables.items()}
    try:
        parts.add_segment(int(path.stem), _Numbered(manifest, path, segment, is_last=is_last))
    except BaseException:
        for name, value in zip(_COUNTED, before, strict=True):
            setattr(manifest, name, value)
        manifest.symbols, manifest.tables = symbols, tables
        raise
    return segment


def damaged_places(manifest: Manifest, path: Path, segment: Segment, *, is_last: bool = False) -> int:
    """Count the `damage` rows that convert_segment() writes for a segment of a session with this manifest."""
    counted = msgspec.structs.replace(manifest, damaged=0)
    for _ in _Numbered(counted, path, segment, is_last=is_last):
        pass
    return counted.damaged


class _Numbered:
    """Iterator over a segment's records that are new, with a row about damage wherever some are missing."""

    def __init__(self, manifest: Manifest, path: Path, segment: Segment, *, is_last: bool) -> None:
        self._manifest = manifest
        self._name = path.name
        self._changed = path.stat().st_mtime_ns
        """Time of what is missing if nothing is left that has one."""
        self._segment = segment
        self._is_last = is_last

    def __iter__(self) -> Iterator[Record]:
        expected, before = self._manifest.next_number, self._manifest.ended
        segment = self._segment
        is_told = not segment.holes
        for record in self._segment:
            number = expected if record.number is None else record.number
            if number < expected:
                continue
            if number > expected:
                yield self._damage(expected, number - 1, before, record.ts_recv)
                is_told = True
            yield record if record.number is not None else record._replace(number=number)
            expected, before = number + 1, record.ts_recv
        if segment.ends_in_hole:
            # What is missing at the end is known once a later record comes, if one does.
            is_told = self._is_last and segment.holes[-1].is_torn and (is_told or len(segment.holes) == 1)
        if not is_told:
            yield self._damage(expected, None, before, None)

    def _damage(self, first: int, last: int | None, after: int | None, until: int | None) -> Record:
        self._manifest.damaged += 1
        size = self._segment.damaged_bytes
        many = "records may be missing" if last is None else f"{last - first + 1:,} records are missing"
        what = {
            "event": "damage",
            "detail": f"{many}: {size:,} bytes of the journal's segment {self._name} were damaged",
            "ts_from": after,
            "ts_to": until,
        }
        at = next((time for time in (until, after) if time is not None), self._changed)
        number = first if last is not None else max(0, first - 1)
        return Record(TableId.CONTROL, at, msgspec.json.encode(what), None, None, number)
