"""A client in Node with `ws`, written from the reference document alone, against our command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hftlab.bench.node import node_folder
from hftlab.ingest import import_capture
from hftlab.server import Server
from hftlab.simulator import Exchange
from tests.needs import absent
from tests.server.traders import trader
from tests.shared_data import shared_data

SCRIPT = Path(__file__).with_name("reference_client.cjs")


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """`hftlab ARGUMENTS --port 0` while the block runs; yields the one line that it prints, its URL."""
    command = [sys.executable, "-m", "hftlab", *arguments, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
        assert server.stdout.read() == ""


def node_client(url: str, symbol: str, count: int) -> list[dict[str, Any]]:
    folder = node_folder()
    if folder is None:
        absent("needs node, npm and the package ws (Debian: apt install nodejs npm)")
    environment = os.environ | {"NODE_PATH": str(folder / "node_modules")}
    command = ["node", str(SCRIPT), url, symbol, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    received: list[dict[str, Any]] = json.loads(done.stdout)
    return received


def test_it_is_served_by_the_simulator() -> None:
    with serving("serve", "--source", "walk", "--seed", "1") as url:
        welcome, ack, *stream = node_client(url, "AAPL", 5)
    assert (welcome["type"], welcome["message"]) == ("ACK", "Connected to HFT WebSocket Server")
    assert (ack["type"], ack["message"]) == ("ACK", "Subscribed to 1 symbols")
    assert {message["type"] for message in stream} == {"MARKET_DATA"}
    assert all(len(message["symbols"][0]["asks"]) == 5 for message in stream)


@pytest.mark.no_cover
def test_it_is_served_a_replay_of_a_venues_capture(tmp_path: Path) -> None:
    """Binance's own bytes, imported, replayed fifty times as fast, arrive as the document's MARKET_DATA."""
    capture = shared_data("binance/spot_btcusdt_20240808.gz")
    session = import_capture("binance", capture, tmp_path / "session").session
    with serving("replay", str(session.folder), "--speed", "50") as url:
        stream = [message for message in node_client(url, "BTCUSDT", 20) if message["type"] == "MARKET_DATA"]
    symbols = [message["symbols"][0] for message in stream]
    assert len(symbols) == 20
    assert {one["symbol"] for one in symbols} == {"BTCUSDT"}
    assert all(one["bid"] < one["ask"] for one in symbols)
    assert all(len(one["bids"]) == len(one["asks"]) == 10 for one in symbols)
    # Source time: the capture's own day, not the day of the replay.
    assert all(1_723_161_000_000 < one["timestamp"] < 1_723_162_000_000 for one in symbols)


async def test_it_is_served_an_exchange_that_others_trade_at() -> None:
    """It gets the market with their trades in it, and nothing of their accounts."""
    async with Server(Exchange(seed=7, symbols=["AAPL"]), port=0) as server, trader(server) as alice:
        client = asyncio.create_task(asyncio.to_thread(node_client, server.url, "AAPL", 5))
        number = 0
        while not client.done():
            number += 1
            await alice.order(f"{number}", "BUY" if number % 2 else "SELL", quantity=10)
            await alice.ended(f"{number}")
            await asyncio.sleep(0.02)  # below the account's rate of orders
        welcome, ack, *stream = await client
    assert (welcome["type"], ack["type"]) == ("ACK", "ACK")
    assert {message["type"] for message in stream} == {"MARKET_DATA"}
    assert number > 1
