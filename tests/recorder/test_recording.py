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
from hftlab.session.journal import read_segment
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import numbered, replayed, write_session


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


def test_a_disk_that_fails_is_the_exception_of_all_that_follows(tmp_path: Path) -> None:
    """Every later call raises it, and none of them blocks."""
    recording = Recording(tmp_path / "session", source={})
    shutil.rmtree(tmp_path / "session")
    recording.message(numbered(1), 1)
    for _ in range(2):
        with pytest.raises(SessionError, match=r"No such file.* messages safe.*hftlab recover"):
            recording.close()
    assert isinstance(recording.failure, FileNotFoundError)
    with pytest.raises(SessionError):
        recording.message(numbered(2), 2)
    assert recording.dropped == 1


def test_what_was_safe_before_a_disk_was_full_is_recovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / "session", source={})
    number = 0
    while recording.recorded < 5:
        number += 1
        recording.message(numbered(number), number)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hftlab.session.journal._sync", full)
    with pytest.raises(SessionError, match="No space left on device"):
        while True:
            number += 1
            recording.message(numbered(number), number)
    monkeypatch.undo()
    with pytest.raises(SessionError, match=f"{recording.recorded:,} messages safe"):
        recording.close()
    assert recover(tmp_path / "session").messages >= recording.recorded >= 5


def test_a_failure_while_the_queue_is_full_blocks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that empties the queue has ended."""
    monkeypatch.setattr("hftlab.recorder.recording._QUEUE", 10)
    recording = Recording(tmp_path / "session", source={})
    number = 0
    with pytest.raises(SessionError, match="has ended early"):
        while True:
            number += 1
            recording.message(numbered(number), number, payload=object())  # type: ignore[arg-type]
    with pytest.raises(SessionError):
        recording.close()


def test_messages_beyond_the_queue_are_counted_and_the_session_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control table has the number of dropped messages."""
    monkeypatch.setattr("hftlab.recorder.recording._QUEUE", 10)
    recording = Recording(tmp_path / "session", source={})
    number = 0
    while not recording.dropped:
        recording.message(numbered(number), number)
        number += 1
    session = recording.close()
    assert session.manifest.messages + recording.dropped == number
    (drop,) = session.control.collect().to_dicts()
    assert (drop["event"], drop["detail"]) == ("drop", f"{recording.dropped} messages: the disk was too slow")


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
        assert {path.name for path in (tmp_path / "session").iterdir()} == {"manifest.json", "market_data"}

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
