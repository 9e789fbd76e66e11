"""`hftlab serve --feed` and `hftlab record --feed`, against a scripted venue."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import hftlab as hl
from tests.command import Run, ended, journalled, started
from tests.feeds.binance.threaded_venue import ThreadedVenue, threaded_venue
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture
def venue() -> Iterator[ThreadedVenue]:
    with threaded_venue() as venue:
        yield venue


def addresses(venue: ThreadedVenue) -> list[str]:
    return ["--ws-url", venue.addresses["ws_url"], "--rest-url", venue.addresses["rest_url"]]


class TestServe:
    def test_it_serves_a_feed(self, venue: ThreadedVenue) -> None:
        options = ["--feed", "binance:BTCUSDT,XYZUSDT", "--port", "0", *addresses(venue)]
        with started("serve", *options) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with hl.connect(url) as client:
                client.subscribe("BTCUSDT", frequency=0)
                until(lambda: venue.step() or client.latest("BTCUSDT"))
            process.send_signal(signal.SIGTERM)
            status, _, err = ended(process)
        assert (status, err) == (0, "")


class TestRecord:
    def test_it_records_a_feed_with_its_raw_frames(self, venue: ThreadedVenue, tmp_path: Path) -> None:
        options = ["--feed", "binance:BTCUSDT,XYZUSDT", "--raw", "-o", tmp_path / "session", *addresses(venue)]
        with started("record", *options) as process:
            until(lambda: venue.venue.connections)
            until(lambda: venue.step() or venue.venue.requests["depth"] >= 2)
            until(lambda: venue.step() or journalled(tmp_path / "session") > 20_000)
            process.send_signal(signal.SIGINT)
            status, out, err = ended(process)
        assert (status, err) == (0, "")
        session = hl.open_session(tmp_path / "session")
        assert session.manifest.complete
        assert str(tmp_path / "session") in out.replace("\n", "")
        assert sorted(path.name for path in (tmp_path / "session/raw").iterdir()) == ["BTCUSDT.gz", "XYZUSDT.gz"]


class TestOptions:
    @pytest.mark.parametrize(
        ("command", "said"),
        [
            (["serve", "--feed", "bitstamp:BTC"], "--feed bitstamp:BTC is not known"),
            (["serve", "--feed", "kraken:"], "names no symbols: give some, such as kraken:BTC/USD"),
            (["serve", "--feed", "kraken:BTCUSD"], "'BTCUSD' is not a pair of Kraken's"),
            (["serve", "--feed", "kraken:BTC/USD", "--market", "spot"], "--market spot is for a feed of Binance"),
            (["record", "--feed", "kraken:A/B", "--rest-url", "http://x", "-o", "x"], "is for a feed of Binance"),
            (["serve", "--feed", "binance:"], "names no symbols"),
            (["serve", "--feed", "binance:BTCUSDT,"], "--feed 'BTCUSDT,' has an empty name"),
            (["serve", "--feed", "binance:BTCUSDT", "--ws-url", "ws://127.0.0.1:1/ws"], "ends in /ws"),
            (["serve", "--feed", "binance:BTCUSDT", "--market", "futures"], "--market futures is not one"),
            (["serve", "--feed", "binance:BTCUSDT", "--seed", "1"], "leave --source, --seed and --speed out"),
            (["serve", "--market", "usdm"], "--market usdm is for a live feed"),
            (["serve", "--fills", "power"], "--fills power is for a live feed here"),
            (["record", "-o", "x"], "give the address of a server, or --feed"),
            (["record", "ws://127.0.0.1:1", "-o", "x", "--raw"], "--raw keeps the frames of a live feed"),
            (["record", "--feed", "binance:BTCUSDT", "-o", "x", "--symbols", "A"], "--symbols A is for a server"),
            (["record", "ws://127.0.0.1:1", "--feed", "binance:BTCUSDT", "-o", "x"], "and not both"),
        ],
    )
    def test_what_does_not_go_together_is_an_error(self, command: list[str], said: str, run: Run) -> None:
        status, _, err = run(*command)
        assert status == 2
        assert said in " ".join(err.split())
