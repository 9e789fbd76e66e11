"""The manifest is replaced as a whole, and counts what the parts hold."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from hftlab.errors import SessionDamaged, SessionNotFound
from hftlab.session.manifest import File, Manifest, Part, checksum, read_manifest, write_manifest

PARTS = {
    "market_data": [Part("market_data/a", rows=3, size=10, crc32=1), Part("market_data/b", rows=4, size=20, crc32=2)],
    "control": [Part("control/a", rows=1, size=5, crc32=3)],
}


def test_it_reads_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(source={"name": "x", "seed": 7}, symbols=["A"], started=1, ended=2**62, tables=PARTS)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


def test_rows_and_bytes_are_sums_over_the_parts() -> None:
    manifest = Manifest(source={}, tables=PARTS)
    assert [manifest.rows(table) for table in ("market_data", "control", "events")] == [7, 1, 0]
    assert manifest.size == 35


def test_a_write_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest(tmp_path, Manifest(source={"name": "old"}))

    def full(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("hftlab.session.manifest.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_manifest(tmp_path, Manifest(source={"name": "new"}))
    assert read_manifest(tmp_path).source == {"name": "old"}


def test_a_folder_without_one_is_not_a_session(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFound, match=r"is not a recorded session: it has no manifest\.json"):
        read_manifest(tmp_path)
    with pytest.raises(SessionNotFound, match="is not a recorded session: there is nothing of that name"):
        read_manifest(tmp_path / "absent")


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_checksum_is_that_of_the_whole_file(tmp_path: Path, size: int) -> None:
    """Files are read in blocks."""
    data = bytes(number % 251 for number in range(size))
    (tmp_path / "file").write_bytes(data)
    assert checksum(tmp_path / "file") == zlib.crc32(data)


@pytest.mark.parametrize("name", ["messages", "started", "ended"])
def test_its_numbers_are_those_of_tables(tmp_path: Path, name: str) -> None:
    """Else one session would end the catalogue of all."""
    write_manifest(tmp_path, Manifest(source={}, **{name: 10**30}))
    with pytest.raises(SessionDamaged, match=f"{name} is 1000000000000000000000000000000, which is not an int64"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/a", "market_data/../../a", "", "a\0b", "C:\\a", "."])
def test_it_names_nothing_outside_of_the_session(tmp_path: Path, path: str) -> None:
    """A session that somebody sent has recover() and compact() delete nothing elsewhere."""
    part = Part("market_data/a", rows=3, size=10, crc32=1)
    for tables in (
        {path: [part]},
        {"market_data": [Part(path, rows=3, size=10, crc32=1)]},
        {"market_data": [Part("market_data/a", rows=3, size=10, crc32=1, index=File(path, size=1, crc32=1))]},
    ):
        write_manifest(tmp_path, Manifest(source={}, tables=tables))
        with pytest.raises(SessionDamaged, match=r"is not (the name of a table|a file of the session)"):
            read_manifest(tmp_path)
