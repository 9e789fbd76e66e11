"""A part is verified as far as it is read: what is damaged is never served."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import polars as pl
import pytest

from hftlab.errors import SessionDamaged
from hftlab.protocol import JSON, BookDelta
from hftlab.session import Session, SessionWriter, open_session
from hftlab.session.manifest import Part
from hftlab.session.part_file import PartFile, verify_file
from hftlab.session.table_ids import TableId
from tests.protocol.conftest import level, market_data, symbol
from tests.session.sessions import Received, replayed, write_session

ROWS = 9000
"""Three row groups."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Session:
    received: list[Received] = [(at, market_data(symbol(f"S{at % 3}", 2.0 + at))) for at in range(ROWS)]
    return write_session(tmp_path_factory.mktemp("whole") / "session", received)


def part_of(session: Session) -> Part:
    (part,) = session.manifest.tables["market_data"]
    return part


def opened(session: Session) -> PartFile:
    return PartFile(session.folder, part_of(session), TableId.MARKET_DATA)


class TestGroups:
    def test_its_groups_cover_every_byte(self, whole: Session) -> None:
        index = opened(whole).index
        assert index.footer is not None
        edges = [(group.start, group.stop) for group in index.groups] + [index.footer[:2]]
        assert [start for start, _ in edges] == [0, *(stop for _, stop in edges[:-1])]
        assert edges[-1][1] == part_of(whole).size

    def test_a_group_has_its_messages_and_times(self, whole: Session) -> None:
        part = opened(whole)
        assert [(one.first, one.last) for one in part.groups] == [(0, 4095), (4096, 8191), (8192, ROWS - 1)]
        assert [part.place(at) for at in (-1, 0, 4095, 4096, ROWS)] == [-1, 0, 0, 1, 2]
        assert part.read(1)["message"].to_pylist() == list(range(4096, 8192))

    def test_without_an_index_it_is_found_in_the_rows(self, whole: Session) -> None:
        """As in sessions of older versions, and where the index is damaged: the rows are verified as a whole then."""
        part = part_of(whole)
        old = PartFile(whole.folder, Part(part.file, part.rows, part.size, part.crc32), TableId.MARKET_DATA)
        new = opened(whole)
        assert [one[3:] for one in old.groups] == [one[3:] for one in new.groups]
        assert old.index.all_newest == new.index.all_newest
        old.close()
        assert old.read(2).equals(new.read(2))
        assert (old.started, old.first) == (new.started, new.first) == (0, 0)


class TestDamage:
    @pytest.mark.no_cover
    def test_any_flipped_byte_of_a_part_is_noticed(self, whole: Session, tmp_path: Path) -> None:
        """A replay gives the messages before it, and raises in the place of what is damaged."""
        chance = random.Random(7)
        session = open_session(shutil.copytree(whole.folder, tmp_path / "session"))
        path = session.folder / part_of(session).file
        good = path.read_bytes()
        groups = opened(session).groups
        for place in [0, 3, len(good) - 1, len(good) - 6, *(chance.randrange(len(good)) for _ in range(40))]:
            path.write_bytes(good[:place] + bytes([good[place] ^ (1 << chance.randrange(8))]) + good[place + 1 :])
            replay = session.replay()
            with pytest.raises(SessionDamaged, match="restore it from a copy") as caught:
                replay.advance(ROWS)
            assert caught.value.path == path
            damaged = next((at for at, group in enumerate(groups) if group.start <= place < group.stop), 0)
            if damaged:
                replay = session.replay()
                assert len(replay.advance(groups[damaged].first - 2)) == groups[damaged].first - 1
            with pytest.raises(SessionDamaged):
                verify_file(session.folder, part_of(session))

    def test_a_damaged_index_costs_nothing_but_time(self, whole: Session, tmp_path: Path) -> None:
        session = open_session(shutil.copytree(whole.folder, tmp_path / "session"))
        index = part_of(session).index
        assert index is not None
        path = session.folder / index.file
        good, expected, state = path.read_bytes(), replayed(whole), whole.replay().seek(5000)
        for bad in (good[:100] + b"\xff" + good[101:], good[:-1], b""):
            path.write_bytes(bad)
            assert replayed(session) == expected
            assert session.replay().seek(5000) == state
            with pytest.raises(SessionDamaged, match=index.file):
                session.verify()
        path.unlink()
        assert session.replay().seek(5000) == state

    def test_a_damaged_index_of_other_messages_is_made_again(self, tmp_path: Path) -> None:
        """Also of those that are no text: a snapshot in such a message is a restart."""
        writer = SessionWriter(tmp_path / "session", source={})
        plain = BookDelta(timestamp=1.0, symbol="A", exchange="X", bids=[level(1.0)], asks=[], checksum=0, ts_event=1.0)
        foreign = JSON.encode(plain).replace(b'"checksum"', b'"snapshot":true,"tag":"\xfe","checksum"')
        writer.append(plain, 1)
        writer.append(JSON.decode(foreign), 2, payload=foreign)
        writer.close()
        (part,) = open_session(writer.folder).manifest.tables["messages"]
        assert part.index is not None
        files = [PartFile(writer.folder, part, TableId.MESSAGES)]
        assert files[0].index.footer is not None
        (writer.folder / part.index.file).unlink()
        files.append(PartFile(writer.folder, part, TableId.MESSAGES))
        assert files[1].index.footer is None
        assert [file.index.restarts(1) for file in files] == [{"A": 1}] * 2
        assert [file.index.firsts(1) for file in files] == [{"A": 0}] * 2

    def test_a_part_that_shrinks_while_it_is_read_is_noticed(self, whole: Session, tmp_path: Path) -> None:
        session = open_session(shutil.copytree(whole.folder, tmp_path / "session"))
        part = opened(session)
        part.read(0)
        path = session.folder / part_of(session).file
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(SessionDamaged):
            part.read(1)
        path.unlink()
        with pytest.raises(SessionDamaged, match="missing"):
            part.read(1)


def test_other_readers_find_the_parts_alone_in_the_folder_of_their_table(whole: Session) -> None:
    assert pl.scan_parquet(whole.folder / "market_data" / "*.parquet").select(pl.len()).collect().item() == ROWS
