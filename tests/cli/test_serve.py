"""`hftlab serve` and `hftlab replay`: one line with the address, a stream, and an end at a signal."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.clock import Clock
from hftlab.protocol import OrderBookLevel
from hftlab.session import Session
from hftlab.simulator import Exchange, RandomWalk
from tests.command import Result, ended, first_line, make_run, started
from tests.session.sessions import numbered, replayed, write_session
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("compiled")

START = 1_767_364_200_000_000_000


def walked(seed: int, steps: int) -> list[float]:
    """Compute the prices of BRK.A in a random walk."""
    walk = RandomWalk(seed, clock=Clock(1, paused=True))
    return [message.symbols[-1].price for message in walk.advance(1 + (steps - 1) * walk.interval)]


def exchanged(seed: int, intervals: int) -> list[list[OrderBookLevel] | None]:
    """Compute the bids of TSLA, which do not depend on the other symbols or on the start."""
    exchange = Exchange(seed, ["TSLA"], clock=Clock(START, paused=True))
    messages = exchange.advance(START + intervals * exchange.interval)
    return [message.symbols[0].bids for message in messages if message.symbols]


class TestServe:
    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_it_prints_the_url_streams_and_ends_at_a_signal(self, end: signal.Signals) -> None:
        """One line, on standard output; status 0, also with a client connected."""
        with started("serve", "--port", "0", "--seed", "7", "--speed", "100") as process:
            url = first_line(process)
            assert url.startswith("ws://127.0.0.1:")
            with hl.connect(url, auto_reconnect=False) as client:
                client.subscribe("AAPL", frequency=0)
                assert len(client.messages(count=5)) == 5
                process.send_signal(end)
                assert ended(process) == Result(0, "", "")

    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_as_soon_as_the_url_is_there_is_not_missed(self, end: signal.Signals) -> None:
        with started("serve", "--port", "0") as process:
            first_line(process)
            process.send_signal(end)
            assert ended(process).status == 0

    def test_a_second_one_on_the_port_names_the_first(self) -> None:
        with started("serve", "--port", "0") as first:
            port = first_line(first).rpartition(":")[2]
            with started("serve", "--port", port) as second:
                status, out, err = ended(second)
            assert (status, out) == (2, "")
            assert f"(process {first.pid})" in err
            assert err.count("\n") == 1

    @pytest.mark.no_cover
    def test_the_seed_makes_the_market(self) -> None:
        """The prices are part of the walk of this seed, and not of another seed's."""
        options = ["--source", "walk", "--port", "0", "--seed", "7", "--speed", "100"]
        with started("serve", *options) as process, hl.connect(first_line(process)) as client:
            client.subscribe("BRK.A", frequency=0)
            prices = [message.symbols[0].price for message in client.messages(count=10)]
        assert " ".join(map(str, prices)) in " ".join(map(str, walked(7, 5000)))
        assert " ".join(map(str, prices)) not in " ".join(map(str, walked(8, 5000)))

    @pytest.mark.no_cover
    def test_the_exchange_is_the_default_source(self) -> None:
        """The bids are part of the market of this seed, and not of another seed's."""
        options = ["--port", "0", "--seed", "7", "--speed", "20"]
        with started("serve", *options) as process, hl.connect(first_line(process)) as client:
            client.subscribe("TSLA", data_types=["QUOTES", "ORDER_BOOK"], frequency=0)
            messages = [message for message in client.messages(count=10) if message.type == "MARKET_DATA"]
        bids = [message.symbols[0].bids for message in messages]
        assert len(bids) >= 5
        assert str(bids)[1:-1] in str(exchanged(7, 3000))
        assert str(bids)[1:-1] not in str(exchanged(8, 3000))

    def test_a_session_can_be_the_source(self, session: Session) -> None:
        options = ["--source", session.folder, "--speed", "inf", "--port", "0"]
        with started("serve", *options) as process, hl.connect(first_line(process)) as client:
            client.subscribe("AAPL", frequency=0)
            assert client.wait_for_replay(PATIENCE)
            streamed = [message.symbols for message in client.messages() if message.type == "MARKET_DATA"]
        assert streamed == [message.symbols for _, message in replayed(session)]

    def test_the_exchange_is_stepped_by_clients(self) -> None:
        with started("serve", "--port", "0", "--seed", "7", "--stepped") as process:
            with hl.connect(first_line(process), account="alice") as client:
                client.subscribe("AAPL", frequency=0)
                begun = client.replay.position
                client.replay.step("1s")
                assert client.replay.position == begun + 10**9
            process.send_signal(signal.SIGINT)
            assert ended(process) == Result(0, "", "")

    @pytest.mark.parametrize("other", [["--source", "walk"], ["--source", "data/one"], ["--feed", "binance:BTCUSDT"]])
    def test_only_the_exchange_is_stepped(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], other: list[str]
    ) -> None:
        result = make_run(monkeypatch, capsys)("serve", "--stepped", *other)
        assert (result.status, result.out) == (2, "")
        assert f"--stepped is for the exchange: leave it or {' '.join(other)} out" in result.err


class TestReplay:
    def test_it_waits_for_the_first_subscription_and_streams_everything(self, session: Session) -> None:
        with started("replay", session.folder, "--port", "0", "--speed", "inf") as process:
            with hl.connect(first_line(process)) as client:
                assert client.offered_symbols == ["AAPL"]
                client.subscribe("AAPL", frequency=0)
                assert client.wait_for_replay(PATIENCE)
                streamed = [message for message in client.messages() if message.type == "MARKET_DATA"]
            process.send_signal(signal.SIGTERM)
            assert ended(process) == Result(0, "", "")
        assert [message.symbols for message in streamed] == [numbered(at).symbols for at in range(6)]

    def test_several_sessions_are_one_source_by_time(self, session: Session, tmp_path: Path) -> None:
        """The second session's messages are between those of the first, and both have the one symbol."""
        start = session.manifest.started
        other = write_session(tmp_path / "other", [(start, numbered(7)), (start + 3, numbered(8))])
        options = ["--port", "0", "--speed", "inf"]
        with (
            started("replay", session.folder, other.folder, *options) as process,
            hl.connect(first_line(process)) as client,
        ):
            assert client.offered_symbols == ["AAPL:other", "AAPL:session"]
            client.subscribe(client.offered_symbols, frequency=0)
            assert client.wait_for_replay(PATIENCE)
            streamed = [message for message in client.messages() if message.type == "MARKET_DATA"]
        ids = [(message.id, message.symbols[0].symbol) for message in streamed]
        assert ids[:3] == [("md_0", "AAPL:session"), ("md_7", "AAPL:other"), ("md_1", "AAPL:session")]
        assert [name for name, _ in ids] == ["md_0", "md_7", "md_1", "md_2", "md_3", "md_8", "md_4", "md_5"]
