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
from tests.session.sessions import crashed, numbered, replayed

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
        (table / "part-000007.tmp").write_text("half of it")
        (folder / "manifest.json.tmp").write_text("{")
        assert recover(folder).messages == 7
        assert replayed(open_session(folder)) == RECEIVED

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
    def test_a_torn_tail_keeps_what_is_whole_and_says_what_is_not(self, writer: SessionWriter, tmp_path: Path) -> None:
        """The journal is cut at forty places. The damaged segment stays in the folder for inspection."""
        crash = crashed(writer, tmp_path / "crashed")
        size = segment(crash).stat().st_size
        found = set()
        for cut in random.Random(1).sample(range(size), 40):
            folder = shutil.copytree(crash, tmp_path / str(cut))
            torn = segment(folder)
            torn.write_bytes(torn.read_bytes()[:cut])
            messages, dropped = recover(folder)
            assert replayed(open_session(folder)) == RECEIVED[: 5 + messages]
            assert dropped < size // 4
            assert torn.with_suffix(".wal.damaged").exists() == (dropped > 0)
            assert recover(folder) == Recovery(0, 0)
            found.add(messages)
        assert found == set(range(7))

    def test_a_flipped_bit_drops_what_follows_and_says_how_much(self, writer: SessionWriter, tmp_path: Path) -> None:
        folder = crashed(writer, tmp_path / "crashed")
        path = segment(folder)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x10
        path.write_bytes(data)
        messages, dropped = recover(folder)
        assert 0 < messages < 7
        assert len(data) / 3 < dropped < len(data)
        assert replayed(open_session(folder)) == RECEIVED[: 5 + messages]
        assert path.with_suffix(".wal.damaged").read_bytes() == data


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
