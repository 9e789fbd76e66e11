"""Segments become parts in the same way while recording and in recovery; a failure changes nothing."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec
import pytest

from hftlab.protocol import JSON
from hftlab.session.conversion import convert_segment
from hftlab.session.journal import Journal
from hftlab.session.journal_record import Record
from hftlab.session.manifest import Manifest, read_manifest, write_manifest
from hftlab.session.parts import Parts
from hftlab.session.table_ids import TableId
from tests.session.sessions import numbered


def record(number: int) -> Record:
    return Record(TableId.MARKET_DATA, 10 * number, JSON.encode(numbered(number)), number=number)


def segment(folder: Path, place: int, *numbers: int) -> Path:
    with Journal(folder / f"{place:06d}.wal") as journal:
        for number in numbers:
            journal.append(record(number))
    return journal.path


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path, Manifest(source={}))


def test_records_that_are_there_already_are_passed_over(tmp_path: Path, parts: Parts) -> None:
    """A disk that fails may leave them in two segments."""
    convert_segment(parts, segment(tmp_path, 1, 0, 1, 2))
    convert_segment(parts, segment(tmp_path, 2, 1, 2, 3))
    manifest = read_manifest(tmp_path)
    assert [(one.first, one.last, one.segment) for one in manifest.tables["market_data"]] == [(0, 2, 1), (3, 3, 2)]
    assert (manifest.messages, manifest.damaged, manifest.segments) == (4, 0, 2)


def test_a_segment_of_which_all_is_there_adds_nothing(tmp_path: Path, parts: Parts) -> None:
    convert_segment(parts, segment(tmp_path, 1, 0, 1))
    convert_segment(parts, segment(tmp_path, 2, 0, 1))
    assert len(read_manifest(tmp_path).tables["market_data"]) == 1


@pytest.mark.parametrize("is_last", [False, True])
def test_numbers_that_are_missing_are_a_row(tmp_path: Path, parts: Parts, is_last: bool) -> None:
    convert_segment(parts, segment(tmp_path, 1, 0, 1, 4, 5), is_last=is_last)
    assert parts.manifest.damaged == 1
    (control,) = parts.manifest.tables["control"]
    assert (control.first, control.started) == (2, 40)


def test_a_torn_end_is_damage_unless_it_is_the_last_segment(tmp_path: Path, parts: Parts) -> None:
    """A segment that another one follows was finished."""
    path = segment(tmp_path, 1, 0, 1)
    path.write_bytes(path.read_bytes()[:-10])
    convert_segment(parts, path, is_last=True)
    assert parts.manifest.damaged == 0
    other = Parts(tmp_path, Manifest(source={}))
    convert_segment(other, path)
    assert other.manifest.damaged == 1


def test_a_failure_leaves_the_manifest_as_it_was(tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    convert_segment(parts, segment(tmp_path, 1, 0, 1))
    before = msgspec.json.encode(parts.manifest)
    path = segment(tmp_path, 2, 2, 3, 7)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("hftlab.session.parts.write_manifest", full)
        with pytest.raises(OSError, match="No space left"):
            convert_segment(parts, path)
    assert msgspec.json.encode(parts.manifest) == before
    convert_segment(parts, path)
    assert [one.rows for one in read_manifest(tmp_path).tables["market_data"]] == [2, 3]


def test_the_first_part_of_a_table_makes_its_folder_durable_also_after_a_failure(
    tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is there may be one that has not reached the disk."""
    synced: list[Path] = []
    monkeypatch.setattr("hftlab.session.parts.sync_folder", synced.append)
    write_manifest(tmp_path, parts.manifest)
    (tmp_path / "market_data").mkdir()
    convert_segment(parts, segment(tmp_path, 1, 0))
    assert synced[synced.index(tmp_path / "market_data") - 1] == tmp_path
