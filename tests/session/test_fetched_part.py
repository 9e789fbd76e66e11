from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hftlab.session.fetched_part import FetchedPart
from hftlab.session.object_path import ObjectPath
from hftlab.session.object_store import checked_options
from hftlab.session.state_index import Group, byte_ranges
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import numbered, write_session

GROUPS = 6


class Stored:
    """A Parquet file of six row groups on a server, and where they are."""

    def __init__(self, server: ObjectServer, data: bytes) -> None:
        self.server, self.data = server, data
        self.key = "part.parquet"
        server.write(self.key, data)
        *groups, self.footer = byte_ranges(memoryview(data))
        self.groups = [Group(*place, 0, 0, 0, 0) for place in groups]

    def opened(self) -> FetchedPart:
        path = ObjectPath(f"s3://{BUCKET}/{self.key}", checked_options(self.server.environment))
        return FetchedPart(path, len(self.data), self.footer, self.groups)

    def ranges(self) -> list[str]:
        return [one.range for one in self.server.log if one.method == "GET"]


@pytest.fixture(scope="module")
def stored(object_servers: ObjectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder: Path = tmp_path_factory.mktemp("s")
    session = write_session(folder / "s", [(n + 1, numbered(n)) for n in range(600)])
    rows = session.to_arrow()
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, row_group_size=100, compression="zstd")
    yield Stored(object_servers, sink.getvalue().to_pybytes())
    object_servers.clear()


class TestFetchedPart:
    @pytest.mark.parametrize("use_threads", [False, True])
    def test_row_groups_are_those_of_the_file(self, stored: Stored, use_threads: bool) -> None:
        part, whole = stored.opened(), pq.ParquetFile(pa.BufferReader(stored.data))
        for group in (3, 0, 5, 5):
            assert part.read(group, 0, use_threads=use_threads).equals(whole.read_row_group(group))
        part.close()

    def test_neighbours_come_with_one_request(self, stored: Stored) -> None:
        part = stored.opened()
        stored.server.log.clear()
        for group in range(1, 4):
            part.read(group, 4, use_threads=False)
        assert stored.ranges() == [f"bytes={stored.groups[1].start}-{stored.groups[3].stop - 1}"]
        part.read(4, 0, use_threads=False)
        assert stored.ranges()[1:] == [f"bytes={stored.groups[4].start}-{stored.groups[4].stop - 1}"]
        part.close()

    def test_what_is_not_as_recorded_is_a_value_error(self, stored: Stored) -> None:
        part = stored.opened()
        changed = bytearray(stored.data)
        changed[stored.groups[2].start + 50] ^= 1
        stored.server.write(stored.key, bytes(changed))
        try:
            part.read(1, 0, use_threads=False)
            with pytest.raises(ValueError):
                part.read(2, 0, use_threads=False)
            part.close()
            stored.server.write(stored.key, stored.data[:-1])
            with pytest.raises(ValueError):
                stored.opened()
            stored.server.delete(stored.key)
            with pytest.raises(FileNotFoundError):
                stored.opened()
        finally:
            stored.server.write(stored.key, stored.data)
