"""Journal records become parts, and parts of several versions are read as one table."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hftlab.errors import SessionTooNew
from hftlab.protocol import JSON
from hftlab.session.journal_record import Record
from hftlab.session.manifest import Manifest, checksum, read_manifest
from hftlab.session.parts import Parts, scan_parts
from hftlab.session.table_ids import TableId
from tests.session.sessions import numbered
from tests.session.test_tables import ORDER

RECORDS = [
    Record(TableId.MARKET_DATA, 5, JSON.encode(numbered(0)), number=0),
    Record(TableId.CONTROL, 6, b'{"event":"gap"}', number=1),
    Record(TableId.ORDER_UPDATES, 7, JSON.encode(ORDER), "alice", number=2),
    Record(TableId.MARKET_DATA, 8, JSON.encode(numbered(1)), number=3),
]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path, Manifest(source={}))


class TestSegments:
    def test_a_segment_becomes_one_part_a_table(self, parts: Parts, tmp_path: Path) -> None:
        """Its rows have the numbers of the records, which go through the session, across tables and segments."""
        parts.add_segment(1, RECORDS)
        parts.add_segment(2, [RECORDS[0]._replace(number=4)])
        manifest = read_manifest(tmp_path)
        numbers = {
            table: [pl.read_parquet(tmp_path / part.file)["message"].to_list() for part in manifest.tables[table]]
            for table in manifest.tables
        }
        assert numbers == {"market_data": [[0, 3], [4]], "control": [[1]], "order_updates": [[2]]}

    def test_the_manifest_on_disk_has_counts_times_and_checksums(self, parts: Parts, tmp_path: Path) -> None:
        parts.add_segment(1, RECORDS)
        manifest = read_manifest(tmp_path)
        assert (manifest.messages, manifest.segments, manifest.started, manifest.ended) == (3, 1, 5, 8)
        assert manifest.symbols == ["AAPL", "TSLA"]
        for part in (part for some in manifest.tables.values() for part in some):
            path = tmp_path / part.file
            assert (path.stat().st_size, checksum(path)) == (part.size, part.crc32)

    def test_a_table_of_a_later_version_is_not_dropped(self, parts: Parts, tmp_path: Path) -> None:
        with pytest.raises(SessionTooNew, match=r"records of table 99.*upgrade hftlab") as caught:
            parts.add_segment(1, [*RECORDS, Record(99, 9, b"{}")])
        assert caught.value.path == tmp_path
        assert list(tmp_path.iterdir()) == []


class TestScan:
    def test_a_column_that_a_part_lacks_is_null_in_its_rows(self, tmp_path: Path) -> None:
        """The order of the parts does not matter. A column that is not in the schema is left out."""
        schema = pl.Schema({"a": pl.Int64(), "b": pl.String()})
        frames = [pl.DataFrame({"a": [1]}), pl.DataFrame({"b": ["x"], "c": [0], "a": [2]})]
        paths = [tmp_path / f"{number}.parquet" for number in range(2)]
        for frame, path in zip(frames, paths, strict=True):
            frame.write_parquet(path)
        assert scan_parts(paths, schema).collect().rows() == [(1, None), (2, "x")]
        assert scan_parts(paths[::-1], schema).collect().rows() == [(2, "x"), (1, None)]

    def test_without_a_schema_the_first_part_says_what_there_is(self, tmp_path: Path) -> None:
        pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
        assert scan_parts([tmp_path / "a.parquet"], None).collect().rows() == [(1,)]
