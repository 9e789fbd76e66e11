"""A recording takes messages from any thread and counts only those that are on disk."""

from __future__ import annotations

import errno
import math
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from hftlab.errors import MessageParseError, SessionError, SessionExists
from hftlab.protocol import Heartbeat
from hftlab.recorder import Recording
from hftlab.session import open_session, recover
from hftlab.session.segment import read_segment
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered, replayed, write_session
from tests.waiting import until


def on_disk(folder: Path) -> int:
    (path,) = (folder / "journal").glob("*.wal")
    return len(read_segment(path))


def test_closing_waits_until_everything_is_a_session(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session", source={"name": "test"})
    for number in range(5000):
        recording.message(numbered(number), number)
    session = recording.close()
    assert replayed(session) == [(number, numbered(number)) for number in range(5000)]
    assert recording.recorded == session.manifest.messages == 5000
    assert recording.dropped == 0
    assert session.manifest.source == {"name": "test"}


def test_closing_again_returns_the_session_again(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session", source={})
    recording.message(numbered(1), 1)
    assert replayed(recording.close()) == replayed(recording.close()) == [(1, numbered(1))]


def test_two_threads_may_close_at_once(tmp_path: Path) -> None:
    """A `with` block and the end of the process may coincide."""
    recording = Recording(tmp_path / "session", source={})
    for number in range(2000):
        recording.message(numbered(number), number)
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(recording.close().manifest.messages)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [2000] * 4


def test_what_counts_as_recorded_is_on_disk(tmp_path: Path) -> None:
    """The count never exceeds the rows on disk; it is read before them."""
    recording = Recording(tmp_path / "session", source={})
    counts: list[int] = []
    number = 0
    while len(set(counts)) < 5:
        recording.message(numbered(number), number)
        number += 1
        counts.append(recording.recorded)
        if len(counts) < 2 or counts[-1] != counts[-2]:
            assert counts[-1] <= on_disk(recording.folder)
    recording.close()
    assert recording.recorded == number


def test_control_rows_do_not_count_as_recorded(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session", source={})
    recording.control("connect", 1, detail="somewhere")
    recording.message(numbered(1), 2)
    recording.control("disconnect", 3, detail="gone")
    session = recording.close()
    assert recording.recorded == session.manifest.messages == 1
    assert session.control.collect()["event"].to_list() == ["connect", "disconnect"]


def test_messages_from_several_threads_are_all_there(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session", source={})

    def feed(start: int) -> None:
        for number in range(start, start + 500):
            recording.message(numbered(number), number)

    threads = [threading.Thread(target=feed, args=(start,)) for start in range(0, 2000, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    received = replayed(recording.close())
    assert sorted(message.id for _, message in received) == sorted(f"md_{number}" for number in range(2000))
    assert [at for at, _ in received] == sorted(at for at, _ in received)


def test_a_folder_that_is_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    before = threading.active_count()
    with pytest.raises(SessionExists):
        Recording(tmp_path, source={})
    assert threading.active_count() == before


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class TestDiskThatFails:
    """It is said at once, and the recording goes on when the disk is well again."""

    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hftlab.recorder.recording._RETRY", 0.001)

    def test_one_that_is_not_well_at_the_end_is_the_exception_of_all_that_follows(self, tmp_path: Path) -> None:
        """Every later call raises it, none of them blocks, and what was lost is counted."""
        recording = Recording(tmp_path / "session", source={})
        shutil.rmtree(tmp_path / "session")
        recording.message(numbered(1), 1)
        for _ in range(2):
            with pytest.raises(SessionError, match=r"deleted|No such file.* 0 messages safe and 1 lost.*hftlab reco"):
                recording.close()
        assert isinstance(recording.failure, FileNotFoundError)
        with pytest.raises(SessionError):
            recording.message(numbered(2), 2)
        assert recording.dropped == 2

    def test_a_deleted_folder_is_said_at_once(self, tmp_path: Path) -> None:
        """The system goes on writing into a file that no folder names."""
        recording = Recording(tmp_path / "session", source={})
        recording.message(numbered(1), 1)
        until(lambda: recording.recorded == 1)
        shutil.rmtree(tmp_path / "session")
        recording.message(numbered(2), 2)
        until(lambda: recording.problem is not None)
        assert "its folder was deleted while it was written" in str(recording.problem)
        assert recording.recorded == 1
        with pytest.raises(SessionError):
            recording.close()

    @pytest.mark.parametrize("call", ["journal._sync", "journal.os.write"])
    def test_it_is_said_and_the_recording_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        recording = Recording(tmp_path / "session", source={})
        recording.message(numbered(0), 0)
        until(lambda: recording.recorded == 1)
        assert (recording.problem, recording.new_problem()) == (None, None)
        monkeypatch.setattr(f"hftlab.session.{call}", no_space)
        for number in range(1, 50):
            recording.message(numbered(number), number)
        until(lambda: recording.problem is not None)
        sentence = f"nothing is recorded in {recording.folder} at present (No space left on device)"
        assert str(recording.problem).startswith(sentence)
        assert sentence in str(recording.new_problem())
        assert recording.new_problem() is None
        assert recording.recorded == 1
        monkeypatch.undo()
        until(lambda: recording.recorded == 50)
        assert recording.problem is None
        assert replayed(recording.close()) == [(number, numbered(number)) for number in range(50)]
        assert recording.dropped == 0
        assert open_session(tmp_path / "session").manifest.damaged == 0

    def test_what_was_dropped_meanwhile_is_a_row_where_it_is_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hftlab.recorder.recording._BUFFER", 20_000)
        recording = Recording(tmp_path / "session", source={})
        with monkeypatch.context() as patch:
            patch.setattr("hftlab.session.journal._sync", no_space)
            recording.message(numbered(0), 0)
            until(lambda: recording.problem is not None)
            number = 0
            while recording.dropped < 3:
                number += 1
                recording.message(numbered(number), number)
        until(lambda: recording.recorded == number - 2)
        recording.message(numbered(number + 1), number + 1)
        session = recording.close()
        kept = [*range(number - 2), number + 1]
        assert replayed(session) == [(at, numbered(at)) for at in kept]
        (drop,) = session.control.collect().to_dicts()
        assert (drop["event"], drop["ts_from"], drop["ts_to"]) == ("drop", number - 2, number)
        assert drop["detail"].startswith("3 messages: ")
        assert drop["message"] == number - 2

    def test_a_disk_that_cannot_take_parquet_is_said_and_the_journal_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recording = Recording(tmp_path / "session", source={})
        recording._writer._segment_bytes = 1
        with monkeypatch.context() as patch:
            patch.setattr("hftlab.session.parts.Parts._write", no_space)
            recording.message(numbered(0), 0)
            until(lambda: recording.problem is not None)
            assert f"the journal in {recording.folder} cannot become Parquet" in str(recording.problem)
            recording.message(numbered(1), 1)
            until(lambda: recording.recorded == 2)
        until(lambda: recording.problem is None)
        assert replayed(recording.close()) == [(at, numbered(at)) for at in range(2)]

    def test_what_was_safe_is_recovered(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        recording = Recording(tmp_path / "session", source={})
        for number in range(5):
            recording.message(numbered(number), number)
        until(lambda: recording.recorded == 5)
        with monkeypatch.context() as patch:
            patch.setattr("hftlab.session.journal._sync", no_space)
            recording.message(numbered(5), 5)
            with pytest.raises(SessionError, match=r"No space left on device.* 5 messages safe and 1 lost"):
                recording.close()
        assert recover(tmp_path / "session").messages >= 5  # what has reached the disk all the same is kept


def test_a_message_after_the_end_is_refused(tmp_path: Path) -> None:
    """It would be lost without a word: nobody writes any more."""
    recording = Recording(tmp_path / "session", source={})
    recording.close()
    with pytest.raises(SessionError, match="was closed"):
        recording.message(numbered(1), 1)
    with pytest.raises(SessionError, match="was closed"):
        recording.control("error", 2)
    assert recording.dropped == 1  # a row of the control table is not a message


def test_one_that_is_longer_than_the_journal_takes_costs_itself_alone(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session", source={})
    recording.message(numbered(1), 1)
    recording.undecoded(b"x" * (1 << 24), 2, "too long")
    recording.message(numbered(3), 3)
    session = recording.close()
    assert replayed(session) == [(1, numbered(1)), (3, numbered(3))]
    assert (recording.recorded, recording.dropped) == (2, 1)
    (drop,) = session.control.collect().to_dicts()
    assert (drop["event"], drop["ts_recv"]) == ("drop", 2)
    assert drop["detail"] == "1 message: a message of 16,777,216 bytes cannot be recorded: at most 16 MiB"


def test_a_failure_while_the_queue_is_full_blocks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that empties the queue has ended."""
    monkeypatch.setattr("hftlab.recorder.recording._BUFFER", 3000)
    recording = Recording(tmp_path / "session", source={})
    number = 0
    with pytest.raises(SessionError, match="has ended early"):
        while True:
            number += 1
            recording.message(numbered(number), number, payload="text")  # type: ignore[arg-type]
    with pytest.raises(SessionError):
        recording.close()


def test_messages_beyond_the_queue_are_counted_and_the_session_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control table has the number of dropped messages."""
    monkeypatch.setattr("hftlab.recorder.recording._BUFFER", 3000)
    recording = Recording(tmp_path / "session", source={})
    number = 0
    while not recording.dropped:
        recording.message(numbered(number), number)
        number += 1
    session = recording.close()
    assert (session.manifest.messages, recording.dropped) == (number - 1, 1)
    (drop,) = session.control.collect().to_dicts()
    assert (drop["event"], drop["detail"]) == ("drop", "1 message: the disk was too slow")


class TestWithoutData:
    def test_a_session_with_data_is_not_replaced_by_nothing(self, tmp_path: Path) -> None:
        """Messages about the connection alone are nothing."""
        old = write_session(tmp_path / "session", [(1, numbered(1))])
        recording = Recording(tmp_path / "session", source={}, overwrite=True)
        recording.control("connect", 1)
        recording.message(Heartbeat(timestamp=1.0), 2)
        for _ in range(2):
            with pytest.raises(SessionError, match=r"no market data came.*session in .* is kept"):
                recording.close()
        assert replayed(old) == replayed(open_session(tmp_path / "session")) == [(1, numbered(1))]
        assert {path.name for path in (tmp_path / "session").iterdir()} == {"manifest.json", "market_data", "index"}

    def test_an_empty_one_is(self, tmp_path: Path) -> None:
        write_session(tmp_path / "session", [])
        recording = Recording(tmp_path / "session", source={"name": "new"}, overwrite=True)
        assert recording.close().manifest.source == {"name": "new"}

    @pytest.mark.parametrize("keep_empty", [False, True])
    def test_a_new_folder_is_kept_if_asked_for(self, tmp_path: Path, keep_empty: bool) -> None:
        recording = Recording(tmp_path / "a" / "session", source={}, keep_empty=keep_empty)
        recording.control("connect", 1)
        if keep_empty:
            assert recording.close().control.collect().height == 1
        else:
            with pytest.raises(SessionError, match="no market data came, so that nothing is recorded in"):
                recording.close()
            assert not any(tmp_path.iterdir())

    def test_data_replaces_while_it_is_recorded(self, tmp_path: Path) -> None:
        write_session(tmp_path / "session", [(1, numbered(1))])
        recording = Recording(tmp_path / "session", source={}, overwrite=True)
        recording.message(numbered(7), 7)
        assert replayed(recording.close()) == [(7, numbered(7))]


def test_a_message_that_could_not_be_replayed_is_refused_and_the_recording_goes_on(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session", source={})
    with pytest.raises(MessageParseError, match=r"`symbols\[0\].price` is nan"):
        recording.message(market_data(symbol(price=float("nan"))), 1)
    recording.message(numbered(2), 2)
    assert replayed(recording.close()) == [(2, numbered(2))]
    assert recording.dropped == 0


@pytest.mark.parametrize("at", [1.5, math.nan, 2**63, None])
def test_a_time_that_cannot_be_is_refused_and_the_recording_goes_on(tmp_path: Path, at: Any) -> None:
    recording = Recording(tmp_path / "session", source={})
    with pytest.raises(ValueError, match=r"ts_recv is .*: a time is a whole number"):
        recording.undecoded(b"rubbish", at, "no JSON")
    with pytest.raises(ValueError, match=r"ts_recv is .*: a time is a whole number"):
        recording.message(numbered(1), at)
    with pytest.raises(ValueError, match=r"ts_recv is .*: a time is a whole number"):
        recording.control("gap", at)
    recording.message(numbered(2), 2)
    assert replayed(recording.close()) == [(2, numbered(2))]


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recording = Recording("session", source={})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    recording.message(numbered(1), 1)
    session = recording.close()
    assert session.folder == recording.folder == tmp_path / "session"
    assert replayed(session) == [(1, numbered(1))]
