"""`hftlab record`: until the end of a replay, for some seconds, or until a signal."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

import hftlab as hl
from hftlab.cli.session_text import session_text
from hftlab.clock import Clock
from hftlab.protocol import MarketData
from hftlab.recorder.byte_queue import ByteQueue
from hftlab.session import Session, open_session
from hftlab.simulator import RandomWalk
from tests.command import Run, ended, started
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import numbered, replayed
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("compiled")


class TestRecord:
    def test_it_records_a_replay_to_its_end(self, session: Session, tmp_path: Path, run: Run) -> None:
        """It prints the new session."""
        with hl.serve(session.replay(float("inf")), port=0) as server:
            status, out, err = run("record", server.url, "-o", tmp_path / "copy")
        assert (status, err) == (0, "")
        copy = open_session(tmp_path / "copy")
        assert out == f"{session_text(copy)}\n"
        assert [message.symbols for _, message in replayed(copy)] == [numbered(at).symbols for at in range(6)]

    def test_it_records_to_an_object_store(
        self, session: Session, tmp_path: Path, run: Run, object_store: ObjectServer
    ) -> None:
        where = f"s3://{BUCKET}/copy"
        with hl.serve(session.replay(float("inf")), port=0) as server:
            status, out, err = run("record", server.url, "-o", where)
        assert (status, err) == (0, "")
        copy = open_session(where)
        assert out == f"{session_text(copy)}\n"
        assert [message.symbols for _, message in replayed(copy)] == [numbered(at).symbols for at in range(6)]

    def test_what_was_dropped_is_said_and_is_the_exit_status(
        self, session: Session, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One of the messages has no room in the queue."""
        put = ByteQueue.put

        def crowded(self: ByteQueue[Any], item: Any, size: int, *, beyond: bool = False) -> bool:
            message = getattr(item, "message", None)
            return not (isinstance(message, MarketData) and message.symbols[0].price == 4.0) and put(
                self, item, size, beyond=beyond
            )

        monkeypatch.setattr(ByteQueue, "put", crowded)
        with hl.serve(session.replay(float("inf")), port=0) as server:
            status, out, err = run("record", server.url, "-o", tmp_path / "copy")
        assert (status, out) == (1, f"{session_text(open_session(tmp_path / 'copy'))}\n")
        assert err == "hftlab: messages were dropped in 1 place: see the session's control\n"

    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_with_a_whole_session(self, tmp_path: Path, end: signal.Signals) -> None:
        options = ["-o", tmp_path / "session", "--symbols", "MSFT, AAPL"]
        walk = RandomWalk(7, clock=Clock(speed=100))
        with hl.serve(walk, port=0) as server, started("record", server.url, *options) as process:
            until(lambda: server.stats()["messages_sent"] > 20)
            process.send_signal(end)
            status, out, err = ended(process)
        assert (status, err) == (0, "")
        session = open_session(tmp_path / "session")
        assert out == f"{session_text(session)}\n"
        assert session.manifest.complete
        assert session.manifest.symbols == ["AAPL", "MSFT"]
        assert len(replayed(session)) >= 15

    def test_seconds_end_it(self, tmp_path: Path, run: Run) -> None:
        with hl.serve(RandomWalk(7, clock=Clock(speed=100)), port=0) as server:
            assert run("record", server.url, "-o", tmp_path / "session", "--seconds", "0.2").status == 0
        assert open_session(tmp_path / "session").manifest.complete
