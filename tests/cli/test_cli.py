"""The command line: what it prints, how it ends, and one sentence for what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.clock import Clock
from hftlab.protocol import OrderBookLevel
from hftlab.session import Session, SessionWriter, open_session
from hftlab.simulator import Exchange, RandomWalk
from tests.command import Result, Run, sentence
from tests.session.sessions import crashed, numbered, replayed, write_session
from tests.venues.captures import SNAPSHOT, trade, update, write_capture

pytestmark = pytest.mark.usefixtures("compiled")

PATIENCE = 30.0
START = 1_767_364_200_000_000_000


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own, which does not outlive the block."""
    command = [sys.executable, "-m", "hftlab", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, cwd=Path(__file__).parents[1], **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> Result:
    out, err = process.communicate(timeout=PATIENCE)
    return Result(process.returncode, out, err)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"


def walked(seed: int, steps: int) -> list[float]:
    """The prices of BRK.A."""
    walk = RandomWalk(seed, clock=Clock(1, paused=True))
    return [message.symbols[-1].price for message in walk.advance(1 + (steps - 1) * walk.interval)]


def exchanged(seed: int, intervals: int) -> list[list[OrderBookLevel] | None]:
    """The bids of TSLA, whichever others are there and whenever it starts."""
    exchange = Exchange(seed, ["TSLA"], clock=Clock(START, paused=True))
    messages = exchange.advance(START + intervals * exchange.interval)
    return [message.symbols[0].bids for message in messages if message.symbols]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return write_session(tmp_path / "session", [(START + at, numbered(at)) for at in range(6)], segment_bytes=1000)


class TestServe:
    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_it_prints_the_url_streams_and_ends_at_a_signal(self, end: signal.Signals) -> None:
        """One line, on standard output; status 0, also with a client connected."""
        with started("serve", "--port", "0", "--seed", "7", "--speed", "100") as process:
            url = url_of(process)
            assert url.startswith("ws://127.0.0.1:")
            with hl.connect(url, auto_reconnect=False) as client:
                client.subscribe("AAPL", frequency=0)
                assert len(client.messages(count=5)) == 5
                process.send_signal(end)
                assert ended(process) == Result(0, "", "")

    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_as_soon_as_the_url_is_there_is_not_missed(self, end: signal.Signals) -> None:
        with started("serve", "--port", "0") as process:
            url_of(process)
            process.send_signal(end)
            assert ended(process).status == 0

    def test_a_second_one_on_the_port_names_the_first(self) -> None:
        with started("serve", "--port", "0") as first:
            port = url_of(first).rpartition(":")[2]
            with started("serve", "--port", port) as second:
                status, out, err = ended(second)
            assert (status, out) == (2, "")
            assert f"(process {first.pid})" in err
            assert err.count("\n") == 1

    def test_the_seed_makes_the_market(self) -> None:
        """What arrives is a stretch of the walk that this seed makes, and of no other seed's."""
        options = ["--source", "walk", "--port", "0", "--seed", "7", "--speed", "100"]
        with started("serve", *options) as process, hl.connect(url_of(process)) as client:
            client.subscribe("BRK.A", frequency=0)
            prices = [message.symbols[0].price for message in client.messages(count=10)]
        assert " ".join(map(str, prices)) in " ".join(map(str, walked(7, 5000)))
        assert " ".join(map(str, prices)) not in " ".join(map(str, walked(8, 5000)))

    def test_the_exchange_is_the_default_source(self) -> None:
        """What arrives is a stretch of the market that this seed makes, and of no other seed's."""
        options = ["--port", "0", "--seed", "7", "--speed", "20"]
        with started("serve", *options) as process, hl.connect(url_of(process)) as client:
            client.subscribe("TSLA", data_types=["QUOTES", "ORDER_BOOK"], frequency=0)
            bids = [message.symbols[0].bids for message in client.messages(count=10)]
        assert str(bids)[1:-1] in str(exchanged(7, 3000))
        assert str(bids)[1:-1] not in str(exchanged(8, 3000))

    def test_a_session_can_be_the_source(self, session: Session) -> None:
        options = ["--source", session.folder, "--speed", "inf", "--port", "0"]
        with started("serve", *options) as process, hl.connect(url_of(process)) as client:
            client.subscribe("AAPL", frequency=0)
            assert client.wait_for_replay(PATIENCE)
            streamed = [message.symbols for message in client.messages() if message.type == "MARKET_DATA"]
        assert streamed == [message.symbols for _, message in replayed(session)]


class TestReplay:
    def test_it_waits_for_the_first_subscription_and_streams_everything(self, session: Session) -> None:
        with started("replay", session.folder, "--port", "0", "--speed", "inf") as process:
            with hl.connect(url_of(process)) as client:
                assert client.offered_symbols == ["AAPL"]
                client.subscribe("AAPL", frequency=0)
                assert client.wait_for_replay(PATIENCE)
                streamed = [message for message in client.messages() if message.type == "MARKET_DATA"]
            process.send_signal(signal.SIGTERM)
            assert ended(process) == Result(0, "", "")
        assert [message.symbols for message in streamed] == [numbered(at).symbols for at in range(6)]


class TestSimulate:
    def test_it_makes_a_session_and_says_what_is_in_it(self, tmp_path: Path, run: Run) -> None:
        arguments = ("--hours", "0.01", "--symbols", "AAPL, BRK.A", "--itch", tmp_path / "day.itch")
        status, out, err = run("simulate", "-o", tmp_path / "day", *arguments)
        assert (status, err) == (0, "")
        session = open_session(tmp_path / "day")
        lines = out.splitlines()
        assert lines[0] == repr(session)
        assert f"events: {session.manifest.rows('events'):,}" in lines[1]
        assert f"{(tmp_path / 'day.itch').stat().st_size:,} bytes" in lines[2]
        assert lines[3].endswith("BRK.A")

    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            ("--date", "2026-01-03", "NASDAQ is closed on 2026-01-03"),
            ("--date", "yesterday", "'yesterday' is no date"),
            ("--symbols", "NOBODY", "no market for 'NOBODY'"),
        ],
    )
    def test_mistakes_are_said_in_one_sentence(
        self, tmp_path: Path, run: Run, option: str, value: str, said: str
    ) -> None:
        status, out, err = run("simulate", "-o", tmp_path / "day", option, value)
        assert (status, out) == (2, "")
        assert said in err
        assert err.count("\n") == 1
        assert not (tmp_path / "day").exists()


class TestRecord:
    def test_it_records_a_replay_to_its_end(self, session: Session, tmp_path: Path, run: Run) -> None:
        """And says what it has made."""
        with hl.serve(session.replay(float("inf")), port=0) as server:
            status, out, err = run("record", server.url, "-o", tmp_path / "copy")
        assert (status, err) == (0, "")
        copy = open_session(tmp_path / "copy")
        assert out == f"{copy!r}\n"
        assert [message.symbols for _, message in replayed(copy)] == [numbered(at).symbols for at in range(6)]

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
        assert out == f"{session!r}\n"
        assert session.manifest.complete
        assert session.manifest.symbols == ["AAPL", "MSFT"]
        assert len(replayed(session)) >= 15

    def test_seconds_end_it(self, tmp_path: Path, run: Run) -> None:
        with hl.serve(RandomWalk(7, clock=Clock(speed=100)), port=0) as server:
            assert run("record", server.url, "-o", tmp_path / "session", "--seconds", "0.2").status == 0
        assert open_session(tmp_path / "session").manifest.complete


class TestImport:
    @pytest.fixture
    def capture(self, tmp_path: Path) -> Path:
        traded = trade(1, "100.02", "0.5", buyer_is_maker=False)
        return write_capture(tmp_path / "capture.gz", SNAPSHOT, update(10, 11, {"100.01": "5"}, {}), traded)

    def test_it_makes_a_session_and_says_what_it_met(self, capture: Path, tmp_path: Path, run: Run) -> None:
        status, out, err = run("import", "binance", capture, "-o", tmp_path / "session")
        assert (status, err) == (0, "")
        assert out.splitlines()[0] == repr(open_session(tmp_path / "session"))
        assert any("1" in line for line in out.splitlines()[1:])

    def test_a_truncated_capture_says_where_and_what_was_kept(self, capture: Path, tmp_path: Path, run: Run) -> None:
        capture.write_bytes(capture.read_bytes()[:-12])
        status, out, err = run("import", "binance", capture, "-o", tmp_path / "session")
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert f"hftlab: {capture}, line" in err
        assert f"are in {tmp_path / 'session'}" in err
        assert open_session(tmp_path / "session").manifest.messages > 0


class TestInfo:
    def test_it_shows_what_a_session_holds(self, session: Session, run: Run) -> None:
        status, out, err = run("info", session.folder)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == repr(session)
        assert "  symbols: AAPL" in lines
        parts = session.manifest.tables["market_data"]
        assert f"  market_data: 6 rows in {len(parts)} parts, {session.manifest.size:,} bytes" in lines
        assert len(parts) > 1

    def test_json_is_the_manifest(self, session: Session, run: Run) -> None:
        out = run("info", session.folder, "--json").out
        assert json.loads(out) == json.loads((session.folder / "manifest.json").read_text())


class TestRecover:
    def test_it_makes_a_session_of_what_a_crash_left(self, tmp_path: Path, run: Run) -> None:
        writer = SessionWriter(tmp_path / "running", source={})
        for at in range(3):
            writer.append(numbered(at), at)
        writer.commit()
        folder = crashed(writer, tmp_path / "crashed")
        with (folder / "journal" / "000001.wal").open("ab") as torn:
            torn.write(b"torn")
        refused = run("info", folder)
        assert refused.status == 2
        assert f"run `hftlab recover {folder}`" in refused.err
        status, out, err = run("recover", folder)
        assert (status, err) == (0, "")
        assert out.splitlines() == ["3 messages recovered, 4 torn bytes set aside", repr(open_session(folder))]
        assert run("recover", folder).out.startswith("0 messages recovered, 0 torn bytes")


class TestOneSentence:
    """Each error: status 2, nothing on standard output, one line on standard error."""

    @pytest.mark.parametrize("speed", ["0", "-1", "nan", "-inf"])
    def test_a_speed_that_is_none(self, session: Session, run: Run, speed: str) -> None:
        for command in (["serve"], ["replay", session.folder], ["serve", "--source", session.folder]):
            assert f"--speed {speed} is not above 0" in sentence(run(*command, "--speed", speed, "--port", "0"))

    @pytest.mark.parametrize("command", ["info", "recover", "replay", "serve --source"])
    def test_a_missing_session(self, tmp_path: Path, run: Run, command: str) -> None:
        assert f"{tmp_path / 'absent'} is no recorded session" in sentence(run(*command.split(), tmp_path / "absent"))

    def test_a_source_that_is_neither(self, run: Run) -> None:
        assert "or --source exchange or walk" in sentence(run("serve", "--source", "exchnage"))

    @pytest.mark.parametrize("command", ["info", "replay"])
    def test_a_damaged_session(self, session: Session, run: Run, command: str) -> None:
        part = session.folder / session.manifest.tables["market_data"][1].file
        part.write_bytes(b"x" + part.read_bytes()[1:])
        assert f"{part} is not what was recorded" in sentence(run(command, session.folder))

    def test_a_session_of_a_later_version(self, session: Session, run: Run) -> None:
        manifest = session.folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 9'))
        assert "upgrade hftlab" in sentence(run("info", session.folder))

    def test_a_port_in_use(self, run: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as foreign:
            port = foreign.getsockname()[1]
            said = sentence(run("serve", "--port", str(port)))
        assert f"port {port} on 127.0.0.1 is in use by" in said
        assert f"(process {os.getpid()})" in said

    def test_an_address_that_is_not_this_machine_s(self, run: Run) -> None:
        said = sentence(run("serve", "--host", "192.0.2.1", "--port", "0"))
        assert "cannot listen on 192.0.2.1:0" in said
        assert "give another --host" in said

    def test_nobody_to_record(self, tmp_path: Path, run: Run) -> None:
        for more in ([], ["--seconds", "5"]):
            said = sentence(run("record", "ws://127.0.0.1:1", "-o", tmp_path / "session", *more))
            assert "cannot connect to ws://127.0.0.1:1" in said
        assert "is no WebSocket address" in sentence(run("record", "127.0.0.1", "-o", tmp_path / "session"))
        assert not (tmp_path / "session").exists()

    def test_a_wrong_symbol(self, tmp_path: Path, run: Run) -> None:
        with hl.serve(RandomWalk(7), port=0) as server:
            said = sentence(run("record", server.url, "-o", tmp_path / "session", "--symbols", "AAPL,NOPE"))
        assert "does not have NOPE; it has AAPL" in said
        assert not (tmp_path / "session").exists()

    def test_a_folder_that_is_taken(self, session: Session, tmp_path: Path, run: Run) -> None:
        (tmp_path / "thesis").write_text("years of work")
        with hl.serve(RandomWalk(7), port=0) as server:
            assert "is there already" in sentence(run("record", server.url, "-o", session.folder))
            said = sentence(run("record", server.url, "-o", tmp_path / "thesis", "--overwrite"))
        assert "is no recorded session" in said
        assert (tmp_path / "thesis").read_text() == "years of work"

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, run: Run) -> None:
        (tmp_path / "file").write_text("")
        with hl.serve(RandomWalk(7), port=0) as server:
            said = sentence(run("record", server.url, "-o", tmp_path / "file" / "session"))
        assert str(tmp_path / "file") in said

    def test_a_capture_that_is_none(self, tmp_path: Path, run: Run) -> None:
        target = tmp_path / "session"
        assert "does not exist" in sentence(run("import", "binance", tmp_path / "absent.gz", "-o", target))
        assert "no format is called 'betamax'" in sentence(run("import", "betamax", tmp_path / "x", "-o", target))
        (tmp_path / "x").write_text("not a capture\n")
        assert f"{tmp_path / 'x'}, line 1" in sentence(run("import", "binance", tmp_path / "x", "-o", target))
        assert not target.exists()

    def test_no_traceback_from_the_command_itself(self, tmp_path: Path) -> None:
        """As its own process, with a warning shown as it would be to a user."""
        with started("record", "ws://127.0.0.1:1", "-o", tmp_path / "session") as process:
            assert "cannot connect" in sentence(ended(process))


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--port", "99999"], ["info"], ["record", "ws://x"]])
def test_wrong_usage_is_status_2_and_points_to_help(run: Run, arguments: list[str]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "--help" in err
    assert "Traceback" not in err


def test_help_names_every_command(run: Run) -> None:
    out = run("--help").out
    for command in (
        "serve",
        "record",
        "replay",
        "token",
        "import",
        "info",
        "recover",
        "demo",
        "lab",
        "doctor",
        "bench",
    ):
        assert f" {command} " in out
