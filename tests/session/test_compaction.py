"""Compaction: fewer parts, the same rows, and a whole session at every moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hftlab.errors import SessionDamaged, SessionError
from hftlab.session import Session, SessionWriter, compact, open_session, verify
from hftlab.session.diff import diff
from hftlab.session.manifest import write_manifest
from tests.session.sessions import crashed, numbered, replayed, write_session
from tests.session.test_tables import ORDER


def parts_of(session: Session) -> dict[str, int]:
    return {name: len(parts) for name, parts in session.manifest.tables.items()}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Forty messages of two tables in as many parts."""
    received = [(at, numbered(at) if at % 4 else ORDER) for at in range(40)]
    return write_session(tmp_path / "session", received, segment_bytes=1)


class Killed(BaseException):
    pass


class TestCompaction:
    def test_the_rows_are_the_same_in_fewer_parts(self, session: Session, tmp_path: Path) -> None:
        shutil.copytree(session.folder, tmp_path / "before")
        before = open_session(tmp_path / "before")
        done = compact(session)
        after = open_session(session.folder)
        assert (parts_of(before), parts_of(after)) == (
            {"market_data": 30, "order_updates": 10},
            {"market_data": 1, "order_updates": 1},
        )
        assert (done.parts_before, done.parts_after, done.bytes_before) == (40, 2, before.manifest.size)
        assert done.bytes_after == after.manifest.size < done.bytes_before
        assert diff(before, after) is None
        assert replayed(before) == replayed(after)
        assert verify(after.folder).is_whole

    def test_one_that_was_opened_before_says_to_open_it_again(self, session: Session) -> None:
        """Nothing is lost."""
        compact(session)
        with pytest.raises(
            SessionDamaged, match="is missing: open the session again if it was compacted or replaced since"
        ):
            session.market_data.collect()

    def test_progress_ends_at_the_size_of_all_parts(self, session: Session) -> None:
        """Parts that are large enough already count as well."""
        parts = session.manifest.tables["market_data"]
        told: list[int] = []
        compact(session, part_bytes=parts[0].size + parts[1].size, progress=told.append)
        assert told == sorted(told)
        assert len(told) > 2
        assert told[-1] == sum(part.size for some in session.manifest.tables.values() for part in some)

    def test_a_part_with_a_name_of_others_is_not_joined(self, session: Session) -> None:
        """Somebody has renamed it, and the manifest with it."""
        (session.folder / "market_data" / "part-000002.parquet").rename(session.folder / "market_data" / "mine.parquet")
        session.manifest.tables["market_data"][1].file = "market_data/mine.parquet"
        write_manifest(session.folder, session.manifest)
        rows = replayed(session)
        with pytest.raises(SessionError, match=r"mine\.parquet cannot be joined with others: name it in the way of"):
            compact(session, part_bytes=session.manifest.tables["market_data"][0].size * 2 + 1000)
        assert replayed(open_session(session.folder)) == rows

    def test_other_programs_read_the_rows_in_their_order(self, session: Session) -> None:
        """The names of parts sort as their rows do, whatever has been joined."""
        size = sum(part.size for part in session.manifest.tables["market_data"][:3])
        compact(session, part_bytes=size + 10)
        rows = pl.scan_parquet(session.folder / "market_data" / "*.parquet").select("message").collect()["message"]
        assert rows.to_list() == [at for at in range(40) if at % 4]
        compact(session, part_bytes=4 * size)
        rows = pl.scan_parquet(session.folder / "market_data" / "*.parquet").select("message").collect()["message"]
        assert rows.to_list() == [at for at in range(40) if at % 4]

    def test_the_manifest_says_what_a_joined_part_holds(self, session: Session) -> None:
        old = session.manifest.tables["market_data"]
        compact(session)
        (new,) = open_session(session.folder).manifest.tables["market_data"]
        assert (new.first, new.last) == (old[0].first, old[-1].last)
        assert (new.started, new.ended, new.segment) == (old[0].started, old[-1].ended, old[-1].segment)
        assert new.rows == sum(part.rows for part in old)
        assert new.file == "market_data/part-000001-000030.parquet"

    def test_compacting_again_changes_nothing(self, session: Session) -> None:
        compact(session)
        manifest = (session.folder / "manifest.json").read_bytes()
        done = compact(session)
        assert (done.parts_before, done.parts_after) == (2, 2)
        assert (session.folder / "manifest.json").read_bytes() == manifest

    def test_parts_do_not_grow_beyond_the_size(self, session: Session) -> None:
        sizes = [part.size for part in session.manifest.tables["market_data"]]
        compact(session, part_bytes=3 * max(sizes))
        rows = [part.rows for part in open_session(session.folder).manifest.tables["market_data"]]
        assert len(rows) > 1
        assert max(rows) <= 4

    def test_a_session_that_was_not_closed_is_refused(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path / "running", source={})
        writer.append(numbered(1), 1)
        writer.commit()
        folder = crashed(writer, tmp_path / "crashed")
        with pytest.raises(SessionDamaged, match="hftlab recover"):
            compact(folder)

    def test_a_damaged_part_is_refused_and_stays(self, session: Session) -> None:
        path = session.folder / session.manifest.tables["market_data"][3].file
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(SessionDamaged, match=path.name):
            compact(session)
        assert path.read_bytes() == data


STEPS: list[tuple[Any, str]] = [(os, "fsync"), (Path, "replace"), (Path, "unlink")]
"""Calls that a compaction makes on the disk, each of which may be its last."""


@pytest.mark.no_cover
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_kill_at_any_call_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    """Die before each of the calls in turn: the session has the same rows, and the next compaction cleans up."""
    received = [(at, numbered(at) if at % 4 else ORDER) for at in range(6)]
    reference = write_session(tmp_path / "reference", received, segment_bytes=1).folder
    whole: Callable[..., Any] = getattr(owner, name)
    survived = 0
    for fatal in range(1, 200):
        folder = shutil.copytree(reference, tmp_path / f"{name}-{fatal}")
        left = fatal

        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return whole(*arguments, **options)

        monkeypatch.setattr(owner, name, call)
        try:
            compact(folder)
            survived = fatal
        except Killed:
            pass
        finally:
            monkeypatch.setattr(owner, name, whole)
        assert diff(reference, folder) is None
        compact(folder)
        assert verify(folder).is_whole, verify(folder).problems
        assert diff(reference, folder) is None
        left_over = {path.parent.name for path in folder.glob("*/*")}
        assert left_over == {"market_data", "order_updates", "index"}
        assert len(list(folder.glob("*/*"))) == 4, "two parts, and an index of each"
        if survived:
            break
    assert survived > 2
