"""`hftlab replay --as binance`: a session or a capture in Binance's own wire."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from hftlab.cli.native import check_wire
from hftlab.errors import HftlabError
from tests.command import ended, first_line, started
from tests.server.native.recordings import cut_capture
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("compiled")


def test_a_capture_is_served_as_it_is(tmp_path: Path) -> None:
    """It prints our address, and below it the market's; it leaves no folder behind."""
    capture = cut_capture("spot_btcusdt_20240808", tmp_path, 600)
    with started("replay", str(capture), "--as", "binance", "--port", "0", "--speed", "10") as process:
        url = first_line(process)
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        requests = f"http{url.removeprefix('ws')}"
        assert line == f"binance spot: streams {url}/ws and /stream, requests {requests}"
        with connect(f"{url}/ws/btcusdt@trade") as socket:
            assert json.loads(socket.recv(PATIENCE))["s"] == "BTCUSDT"
        assert httpx.get(f"{requests}/api/v3/depth?symbol=BTCUSDT").json()["bids"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).status == 0


@pytest.mark.parametrize(
    ("wire", "market", "sessions", "why"),
    [
        (None, "spot", 1, "give --as binance as well"),
        ("ftx", None, 1, "--as ftx is not known"),
        ("binance", "swap", 1, "give spot, usdm or coinm"),
        ("binance", None, 2, "serve them one by one"),
        ("kraken", None, 2, "--as kraken serves one recording"),
        ("kraken", "spot", 1, "--market spot is for --as binance"),
    ],
)
def test_options_that_do_not_go_together(wire: str | None, market: str | None, sessions: int, why: str) -> None:
    with pytest.raises(HftlabError, match=why):
        check_wire(wire, market, sessions)


def test_options_that_do() -> None:
    check_wire(None, None, 3)
    check_wire("binance", "usdm", 1)
    check_wire("kraken", None, 1)
