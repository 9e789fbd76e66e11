"""Bits that flip and files that are cut: what is read is exact, or it is said that it is not."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from hftlab.errors import SessionError
from hftlab.session import SessionWriter, open_session, recover
from tests.session.sessions import Received, kill, numbered, replayed

RECEIVED: list[Received] = [(at, numbered(at)) for at in range(12)]


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Session that was killed with a part of two messages, and ten in three segments of the journal."""
    writer = SessionWriter(tmp_path_factory.mktemp("crash") / "session", source={}, segment_bytes=1, convert_later=True)
    for begin, end in ((0, 2), (2, 6), (6, 9), (9, 12)):
        for at, message in RECEIVED[begin:end]:
            writer.append(message, at)
        if end == 12:
            writer._segment_bytes = 1 << 20
        writer.commit()
        if begin == 0:
            writer.convert()
    kill(writer)
    return writer.folder


@pytest.fixture(scope="module")
def finished(crash: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same session after its recovery."""
    folder = shutil.copytree(crash, tmp_path_factory.mktemp("finished") / "session")
    recover(folder)
    return folder


def outcome(folder: Path) -> str:
    """Recover and read a session: "exact", "said", or "WRONG" if neither holds."""
    journal = {path.name: path.read_bytes() for path in folder.glob("journal/*")}
    try:
        recovery = recover(folder)
    except SessionError:
        kept = {path.name.removesuffix(".damaged"): path.read_bytes() for path in folder.glob("journal/*")}
        return "said" if journal.items() <= kept.items() else "WRONG"
    try:
        session = open_session(folder)
        there = replayed(session)
        rows = session.control.collect().to_dicts()
    except SessionError:
        return "said"
    if any(one not in RECEIVED for one in there) or there != sorted(there, key=lambda one: one[0]):
        return "WRONG"
    if there == RECEIVED and session.manifest.messages == len(RECEIVED):
        return "exact"
    is_said = sum(row["event"] == "damage" for row in rows) == session.manifest.damaged == recovery.damaged > 0
    return "said" if is_said else "WRONG"


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading back does not depend on it; test_power_loss.py shows what a power loss leaves."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def stretches(size: int, count: int) -> list[range]:
    """Divide the places of a file into up to `count` stretches of the same length."""
    count = min(size, count)
    return [range(size * number // count, size * (number + 1) // count) for number in range(count)]


@pytest.mark.no_cover
@pytest.mark.parametrize("flips", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_a_bit_that_flips_anywhere_is_never_wrong_in_silence(
    crash: Path, finished: Path, tmp_path: Path, flips: int
) -> None:
    """In the journal, the parts, their indexes and the manifest, of a session that was killed and of one that ended.

    One bit of each stretch of every file, so that heads, records, pages and footers are all among them.
    """
    chance = random.Random(flips)
    seen: dict[tuple[str, str], int] = {}
    places = [
        (source, path.relative_to(source), chance.choice(stretch))
        for source in (crash, finished)
        for path in sorted(source.rglob("*"))
        if path.is_file()
        for stretch in stretches(path.stat().st_size, flips)
    ]
    for source, name, place in places:
        folder = shutil.copytree(source, tmp_path / "flipped")
        data = bytearray((folder / name).read_bytes())
        data[place] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(data)
        found = outcome(folder)
        assert found != "WRONG", f"{name}, byte {place} of the session in {source}"
        seen[name.suffix, found] = seen.get((name.suffix, found), 0) + 1
        shutil.rmtree(folder)
    assert {".wal", ".json", ".parquet"} <= {kind for kind, _ in seen}
    assert {"exact", "said"} == {found for _, found in seen}


@pytest.mark.no_cover
@pytest.mark.parametrize("step", [211, pytest.param(7, marks=pytest.mark.soak)])
def test_a_journal_that_is_cut_anywhere_is_never_wrong_in_silence(crash: Path, tmp_path: Path, step: int) -> None:
    """The last segment may end anywhere, as a crash leaves it; a cut in those before shows."""
    *others, last = sorted((crash / "journal").glob("*.wal"))
    others = [path for path in others if path.stat().st_size]
    assert len(others) >= 2
    for path in (*others, last):
        for size in range(0, path.stat().st_size, step):
            folder = shutil.copytree(crash, tmp_path / "cut")
            (folder / "journal" / path.name).write_bytes(path.read_bytes()[:size])
            found = outcome(folder)
            if path == last and found == "WRONG":
                there = replayed(open_session(folder))
                assert there == RECEIVED[: len(there)]
                assert len(there) >= 9
            else:
                assert found == "said" or (found == "exact" and size > path.stat().st_size - 80), (path, size)
            shutil.rmtree(folder)
