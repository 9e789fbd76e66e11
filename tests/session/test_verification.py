"""Verification finds whatever is not as it was recorded, and goes on after it."""

from __future__ import annotations

import errno
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hftlab.errors import SessionNotFound
from hftlab.session import Session, SessionWriter, compact, open_session, verify
from hftlab.session.manifest import MANIFEST, checksum
from tests.session.sessions import crashed, numbered, write_session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return write_session(tmp_path / "session", [(at, numbered(at)) for at in range(6)], segment_bytes=1)


def problems(folder: Path) -> list[tuple[str, str]]:
    return [(problem.path.relative_to(folder).as_posix(), problem.what) for problem in verify(folder).problems]


def edit(session: Session, **changes: Any) -> None:
    manifest = json.loads((session.folder / MANIFEST).read_text())
    del manifest["checksum"]
    (session.folder / MANIFEST).write_text(json.dumps(manifest | changes))


def test_a_whole_session_has_no_problems(session: Session) -> None:
    found = verify(session.folder)
    assert found.is_whole
    assert found.files == 1 + 2 * len(session.manifest.tables["market_data"]), "each part has an index"
    assert found.size == session.manifest.size


def test_progress_is_what_has_been_read(session: Session) -> None:
    told: list[int] = []
    found = verify(session.folder, progress=told.append)
    assert len(told) == len(session.manifest.tables["market_data"])
    assert told == sorted(told)
    assert told[-1] == found.size


def test_every_flipped_byte_of_a_part_is_found(session: Session) -> None:
    chance = random.Random(5)
    part = session.manifest.tables["market_data"][1]
    path = session.folder / part.file
    data = path.read_bytes()
    for at in sorted(chance.sample(range(len(data)), 50)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :])
        ((name, what),) = problems(session.folder)
        assert name == part.file
        assert "checksum" in what
    path.write_bytes(data)
    assert verify(session.folder).is_whole


def test_all_problems_are_told_not_the_first_alone(session: Session) -> None:
    first, second, third, *_ = (session.folder / part.file for part in session.manifest.tables["market_data"])
    first.unlink()
    second.write_bytes(second.read_bytes() + b"more")
    (third.parent / "part-000099.parquet").write_bytes(b"")
    found = dict(problems(session.folder))
    assert found[first.relative_to(session.folder).as_posix()] == "it is missing"
    assert "bytes, and the manifest says" in found[second.relative_to(session.folder).as_posix()]
    assert "does not name it" in found["market_data/part-000099.parquet"]


def test_a_manifest_that_cannot_be_read_is_the_problem(session: Session) -> None:
    (session.folder / MANIFEST).write_text("{")
    ((name, what),) = problems(session.folder)
    assert (name, "cannot be read" in what) == (MANIFEST, True)


def test_what_the_manifest_says_has_to_add_up(session: Session) -> None:
    edit(session, messages=99)
    assert problems(session.folder) == [(MANIFEST, "it says 99 messages, which its tables' rows do not add up to")]


def test_parts_in_another_order_are_found(session: Session) -> None:
    tables = json.loads((session.folder / MANIFEST).read_text())["tables"]
    tables["market_data"].reverse()
    edit(session, tables=tables)
    found = problems(session.folder)
    assert len(found) == len(tables["market_data"]) - 1
    assert all("not after those of" in what for _, what in found)


def test_a_journal_that_is_left_is_told(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "running", source={})
    for at in range(3):
        writer.append(numbered(at), at)
    writer.commit()
    folder = crashed(writer, tmp_path / "crashed")
    with (folder / "journal" / "000001.wal").open("ab") as torn:
        torn.write(b"torn")
    ((name, what),) = problems(folder)
    assert name == "journal/000001.wal"
    assert what.startswith("3 rows are not in the tables yet, and 4 bytes are torn or damaged: run `hftlab recover`")


def test_a_session_that_is_recorded_has_no_problem_for_that(tmp_path: Path) -> None:
    """Its journal holds rows, and a part is on disk a moment before the manifest names it."""
    writer = SessionWriter(tmp_path / "running", source={}, segment_bytes=1)
    for at in range(3):
        writer.append(numbered(at), at)
        writer.commit()
    named = tmp_path / "running" / "market_data"
    (named / "part-000004.parquet").write_bytes((named / "part-000003.parquet").read_bytes())
    found = verify(tmp_path / "running")
    assert found.is_whole
    assert f"process {os.getpid()} on " in str(found.recorded_by)
    (named / "part-000002.parquet").write_bytes(b"damaged")
    assert [problem.path.name for problem in verify(tmp_path / "running").problems] == ["part-000002.parquet"]
    writer.close()
    assert verify(tmp_path / "running").recorded_by is None


def test_a_file_that_the_system_cannot_read_is_a_problem_among_others(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a disk with a bad sector is what verification is for."""
    bad, other, *_ = (session.folder / part.file for part in session.manifest.tables["market_data"])
    other.unlink()

    def failing(path: Path, read: Callable[[Path], int] = checksum) -> int:
        if path == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return read(path)

    monkeypatch.setattr("hftlab.session.verification.checksum", failing)
    assert [what for _, what in problems(session.folder)] == [
        "it cannot be read (Input/output error)",
        "it is missing",
    ]


def test_a_compaction_meanwhile_is_no_damage(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """It deletes the parts that the manifest named when it was read."""

    def compacted(path: Path) -> int:
        monkeypatch.undo()
        compact(session.folder)
        return 0 if not path.exists() else checksum(path)

    monkeypatch.setattr("hftlab.session.verification.checksum", compacted)
    assert verify(session.folder).is_whole
    assert len(open_session(session.folder).manifest.tables["market_data"]) == 1


def test_what_is_not_a_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFound):
        verify(tmp_path)
