"""Recovery turns what a crash leaves into a session with every committed message, exactly once."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hftlab.errors import SessionDamaged
from hftlab.session import Recovery, SessionWriter, open_session, recover
from hftlab.session.segment import read_segment
from tests.session.sessions import crashed, kill, numbered, replayed

RECEIVED = [(at, numbered(at)) for at in range(12)]


@pytest.fixture
def writer(tmp_path: Path) -> SessionWriter:
    """Writer with twelve messages: five in Parquet parts, seven in the journal."""
    writer = SessionWriter(tmp_path / "running", source={"name": "test"}, segment_bytes=1)
    for at, message in RECEIVED[:5]:
        writer.append(message, at)
        writer.commit()
    writer._segment_bytes = 1 << 20
    for at, message in RECEIVED[5:]:
        writer.append(message, at)
    writer.commit()
    return writer


def segment(folder: Path) -> Path:
    (path,) = (folder / "journal").glob("*.wal")
    return path


class TestCrash:
    def test_every_committed_message_is_kept(self, writer: SessionWriter, tmp_path: Path) -> None:
        """A message that was appended but not committed may be lost."""
        writer.append(numbered(99), 99)
        folder = crashed(writer, tmp_path / "crashed")
        with pytest.raises(SessionDamaged):
            open_session(folder)
        assert recover(folder) == Recovery(messages=7, dropped_bytes=0)
        session = open_session(folder)
        assert replayed(session) == RECEIVED
        assert session.manifest.complete
        assert session.manifest.ending == "recovered"
        assert session.manifest.was_killed
        assert not (folder / "journal").exists()

    def test_progress_is_what_has_been_read_of_the_journal(self, writer: SessionWriter, tmp_path: Path) -> None:
        folder = crashed(writer, tmp_path / "crashed")
        size, told = segment(folder).stat().st_size, list[int]()
        recover(folder, progress=told.append)
        assert told == [size]

    def test_files_of_others_stay(self, writer: SessionWriter, tmp_path: Path) -> None:
        """A program that keeps folders in step leaves copies, with names that are nearly ours."""
        folder = crashed(writer, tmp_path / "crashed")
        names = ("journal/000001 copy.wal", "market_data/part-000001 (conflicted copy).parquet", "market_data/part-a")
        for name in names:
            (folder / name).write_bytes(b"of others")
        assert recover(folder) == Recovery(messages=7, dropped_bytes=0)
        assert replayed(open_session(folder)) == RECEIVED
        assert all((folder / name).read_bytes() == b"of others" for name in names)

    def test_recovering_again_changes_nothing(self, writer: SessionWriter, tmp_path: Path) -> None:
        folder = crashed(writer, tmp_path / "crashed")
        recover(folder)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert recover(folder) == Recovery(0, 0)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    def test_a_segment_that_is_parquet_already_is_not_taken_twice(self, writer: SessionWriter, tmp_path: Path) -> None:
        """The process ended after the parts were written and before the segment was removed."""
        journal = shutil.copytree(writer.folder / "journal", tmp_path / "journal")
        writer.close()
        shutil.copytree(journal, writer.folder / "journal")
        assert recover(writer.folder) == Recovery(0, 0)
        assert replayed(open_session(writer.folder)) == RECEIVED

    def test_a_recovery_that_was_interrupted_there_is_not_either(self, writer: SessionWriter, tmp_path: Path) -> None:
        folder = crashed(writer, tmp_path / "crashed")
        journal = shutil.copytree(folder / "journal", tmp_path / "journal")
        recover(folder)
        shutil.copytree(journal, folder / "journal")
        assert recover(folder) == Recovery(0, 0)
        assert replayed(open_session(folder)) == RECEIVED

    def test_a_part_without_its_entry_in_the_manifest_is_replaced(self, writer: SessionWriter, tmp_path: Path) -> None:
        """The process ended after writing the part and before writing the manifest, and left temporary files."""
        folder = crashed(writer, tmp_path / "crashed")
        table = folder / "market_data"
        (table / "part-000006.parquet").write_text("the part that the journal still has")
        unfinished = [table / "part-000007.tmp", folder / "index" / "market_data-000007.tmp"]
        for path in unfinished:
            path.parent.mkdir(exist_ok=True)
            path.write_text("half of it")
        (folder / "manifest.json.tmp").write_text("{")
        assert recover(folder).messages == 7
        assert replayed(open_session(folder)) == RECEIVED
        assert not [path for path in unfinished if path.exists()]

    def test_a_recording_that_ended_at_once_is_an_empty_session(self, tmp_path: Path) -> None:
        folder = crashed(SessionWriter(tmp_path / "running", source={}), tmp_path / "crashed")
        assert recover(folder) == Recovery(0, 0)
        assert replayed(open_session(folder)) == []

    def test_control_rows_are_kept_and_do_not_count_as_messages(self, writer: SessionWriter, tmp_path: Path) -> None:
        writer.control("gap", 20, channel=1, first=2, last=3, detail="lost")
        writer.commit()
        folder = crashed(writer, tmp_path / "crashed")
        assert recover(folder).messages == 7
        assert open_session(folder).control.collect()["message"].to_list() == [12]


class TestDamage:
    @pytest.mark.no_cover
    def test_a_torn_tail_keeps_what_is_whole_and_says_what_is_not(self, writer: SessionWriter, tmp_path: Path) -> None:
        """The journal is cut at forty places. The damaged segment stays in the folder for inspection."""
        crash = crashed(writer, tmp_path / "crashed")
        size = segment(crash).stat().st_size
        found = set()
        for cut in random.Random(1).sample(range(size), 40):
            folder = shutil.copytree(crash, tmp_path / str(cut))
            torn = segment(folder)
            torn.write_bytes(torn.read_bytes()[:cut])
            messages, dropped, damaged = recover(folder)
            assert damaged == 0
            assert replayed(open_session(folder)) == RECEIVED[: 5 + messages]
            assert dropped < size // 4
            assert torn.with_suffix(".wal.damaged").exists() == (dropped > 0)
            assert recover(folder) == Recovery(0, 0)
            found.add(messages)
        assert found == set(range(7))

    def test_a_flipped_bit_costs_its_own_record_and_is_a_row(self, writer: SessionWriter, tmp_path: Path) -> None:
        folder = crashed(writer, tmp_path / "crashed")
        path = segment(folder)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x10
        path.write_bytes(data)
        messages, dropped, damaged = recover(folder)
        assert (messages, damaged) == (6, 1)
        assert len(data) / 9 < dropped < len(data) / 5
        session = open_session(folder)
        (lost,) = (place for place, one in enumerate(RECEIVED) if one not in replayed(session))
        assert replayed(session) == RECEIVED[:lost] + RECEIVED[lost + 1 :]
        (row,) = session.control.collect().to_dicts()
        assert (row["event"], row["message"], row["ts_from"], row["ts_to"]) == ("damage", lost, lost - 1, lost + 1)
        assert row["detail"].startswith(f"1 records are missing: {dropped} bytes of the journal's segment 000006.wal")
        assert session.manifest.damaged == 1
        assert path.with_suffix(".wal.damaged").read_bytes() == data
        assert recover(folder) == Recovery(0, 0)

    def test_records_that_are_missing_between_two_segments_are_one_row(self, tmp_path: Path) -> None:
        """A segment that was cut at the end of a record has no hole: the numbers show it."""
        folder = three_segments(tmp_path)
        first = folder / "journal" / "000001.wal"
        cut = record_ends(first)[1]
        first.write_bytes(first.read_bytes()[:cut])
        assert recover(folder) == Recovery(7, 0, 1)
        assert replayed(open_session(folder)) == RECEIVED[:2] + RECEIVED[4:9]
        (row,) = open_session(folder).control.collect().to_dicts()
        assert (row["event"], row["message"], row["ts_from"], row["ts_to"]) == ("damage", 2, 1, 4)

    def test_damage_at_both_ends_of_a_segment_is_said_of_both(self, tmp_path: Path) -> None:
        """What is missing before the first record of a segment does not hide what is missing behind its last."""
        folder = three_segments(tmp_path)
        first, second, third = sorted((folder / "journal").glob("*.wal"))
        first.write_bytes(first.read_bytes()[: record_ends(first)[1]])
        data = bytearray(second.read_bytes())
        data[-90] ^= 1
        data[-1] ^= 1  # the seal
        second.write_bytes(data)
        third.unlink()
        messages, _, damaged = recover(folder)
        assert (messages, damaged) == (4, 2)
        rows = open_session(folder).control.collect()["detail"].to_list()
        assert [row.partition(":")[0] for row in rows] == ["2 records are missing", "records may be missing"]

    def test_a_segment_of_which_nothing_is_left_is_said(self, tmp_path: Path) -> None:
        """Also the only one: its time is when it was written last, not 1970."""
        folder = three_segments(tmp_path)
        first, *others = sorted((folder / "journal").glob("*.wal"))
        for path in others:
            path.unlink()
        first.write_bytes(b"\xee" * 40_000)
        changed = first.stat().st_mtime_ns
        assert recover(folder) == Recovery(0, 40_000, 1)
        manifest = open_session(folder).manifest
        assert (manifest.started, manifest.ended) == (changed, changed)

    def test_a_torn_segment_before_one_without_anything_is_the_end(self, tmp_path: Path) -> None:
        """A disk that fails makes the recorder begin another segment, and the process may be killed then."""
        folder = three_segments(tmp_path)
        _, second, third = sorted((folder / "journal").glob("*.wal"))
        third.unlink()
        second.write_bytes(second.read_bytes()[: record_ends(second)[0] + 30])
        third.touch()
        assert recover(folder) == Recovery(5, 30, 0)
        assert open_session(folder).manifest.damaged == 0


class TestParts:
    """A segment goes once the parts that came of it have been verified."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Session whose segment 1 is Parquet already and was not deleted."""
        folder = three_segments(tmp_path)
        journal = shutil.copytree(folder / "journal", tmp_path / "kept")
        recover(folder)
        (folder / "journal").mkdir()
        shutil.copy(journal / "000003.wal", folder / "journal")
        return folder

    def test_parts_that_are_damaged_are_made_again(self, folder: Path) -> None:
        part = sorted((folder / "market_data").iterdir())[-1]
        data = bytearray(part.read_bytes())
        data[100] ^= 1
        part.write_bytes(data)
        assert recover(folder).damaged == 0
        assert replayed(open_session(folder)) == RECEIVED[:9]
        assert open_session(folder).manifest.messages == 9

    def test_parts_that_are_missing_too(self, folder: Path) -> None:
        sorted((folder / "market_data").iterdir())[-1].unlink()
        recover(folder)
        assert replayed(open_session(folder)) == RECEIVED[:9]

    def test_those_of_the_only_segment_are_made_again(self, tmp_path: Path) -> None:
        """No part is left then that says which number comes next."""
        folder = three_segments(tmp_path)
        first, *later = sorted((folder / "journal").glob("*.wal"))
        for path in later:
            path.unlink()
        data = first.read_bytes()
        recover(folder)
        (folder / "journal").mkdir()
        first.write_bytes(data)
        (part,) = (folder / "market_data").iterdir()
        part.write_bytes(b"")
        recover(folder)
        assert replayed(open_session(folder)) == RECEIVED[:4]
        assert open_session(folder).manifest.messages == 4

    @pytest.mark.parametrize(("harm", "places"), [("torn", 0), ("two", 2)])
    def test_damage_of_the_segment_is_counted_once(self, tmp_path: Path, harm: str, places: int) -> None:
        folder = three_segments(tmp_path)
        path = folder / "journal" / ("000003.wal" if harm == "torn" else "000001.wal")
        ends, data = record_ends(path), bytearray(path.read_bytes())
        if harm == "torn":
            data = data[: ends[0] + 30]
        else:
            for later in sorted((folder / "journal").glob("*.wal"))[1:]:
                later.unlink()
            data[ends[0] + 30] ^= 1
            data[ends[2] + 30] ^= 1
        path.write_bytes(data)
        assert recover(folder).damaged == places
        control = open_session(folder).control.collect()
        path.write_bytes(data)  # it was not set aside yet when the machine stopped
        sorted((folder / "market_data").iterdir())[-1].write_bytes(b"")
        recover(folder)
        assert open_session(folder).manifest.damaged == places
        assert open_session(folder).control.collect().equals(control)

    def test_if_they_cannot_be_the_segment_stays(self, folder: Path) -> None:
        """Those of a later segment are behind them."""
        (folder / "journal" / "000003.wal").rename(folder / "journal" / "000002.wal")
        sorted((folder / "market_data").iterdir())[1].write_bytes(b"")
        with pytest.raises(SessionDamaged, match=r"000002\.wal is kept, which may hold the messages of that part"):
            recover(folder)
        assert (folder / "journal" / "000002.wal").is_file()


class TestExtent:
    """What is made of a capture or a simulation says how far it got."""

    def test_one_of_another_program_is_left_as_it_is(self, tmp_path: Path) -> None:
        """Whatever it may mean."""
        folder = crashed(SessionWriter(tmp_path / "running", source={"extent": [7]}), tmp_path / "crashed")
        recover(folder)
        assert open_session(folder).manifest.source == {"extent": [7]}

    def test_it_is_not_the_whole_of_what_was_killed(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path / "session", source={"extent": {"whole": False}})
        for at, message in RECEIVED:
            writer.append(message, at)
        writer.commit()
        kill(writer)
        recover(tmp_path / "session")
        manifest = open_session(tmp_path / "session").manifest
        assert not manifest.complete
        assert manifest.source["extent"] == {"whole": False, "until": 11, "events_until": None}


def three_segments(tmp_path: Path) -> Path:
    """Make the session of a recording that was killed with nine messages in three sealed segments."""
    writer = SessionWriter(tmp_path / "session", source={}, segment_bytes=1, convert_later=True)
    for begin in (0, 4, 7):
        for at, message in RECEIVED[begin : {0: 4, 4: 7, 7: 9}[begin]]:
            writer.append(message, at)
        writer.commit()
    kill(writer)
    journal = writer.folder / "journal"
    (journal / "000004.wal").unlink()
    return writer.folder


def record_ends(path: Path) -> list[int]:
    """Return where each record of a segment ends."""
    return [stop for _, stop in read_segment(path)._bodies]


_CHILD = """
import sys
from hftlab.recorder import Recording
from tests.session.sessions import numbered

recording = Recording(sys.argv[1], source={"name": "child"})
acknowledged = number = 0
while True:
    if number < acknowledged + 500:
        recording.message(numbered(number), number)
        number += 1
    if recording.recorded != acknowledged:
        acknowledged = recording.recorded
        print(acknowledged, flush=True)
"""


def test_what_was_acknowledged_before_a_kill_is_there(tmp_path: Path) -> None:
    """The recording process gets SIGKILL, so that it cannot finish anything."""
    folder = tmp_path / "session"
    command = [sys.executable, "-c", _CHILD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(8)][-1]
        child.kill()
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout if line.endswith("\n"))])
    with pytest.raises(SessionDamaged, match="hftlab recover"):
        open_session(folder)
    recovery = recover(folder)
    assert recovery.messages >= acknowledged >= 1000
    assert replayed(open_session(folder)) == [(at, numbered(at)) for at in range(recovery.messages)]
