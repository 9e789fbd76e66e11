"""A server is recorded over the network."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hftlab.clock import Clock
from hftlab.errors import ConnectionFailed, SessionError, SessionExists, SubscriptionFailed
from hftlab.protocol import MarketData
from hftlab.recorder import record_url
from hftlab.server import Server
from hftlab.session import open_session
from hftlab.simulator import RandomWalk
from tests.listed_source import ListedSource
from tests.session.sessions import numbered, replayed, write_session

START = 1_767_364_200_000_000_000


def walk() -> RandomWalk:
    return RandomWalk(5, clock=Clock(START, speed=100))


async def published(server: Server, count: int) -> None:
    """Wait until the server has published `count` more messages."""
    last = server.stats()["published"] + count
    reached = asyncio.Event()
    server.taps.append(lambda *_: reached.set() if server.stats()["published"] >= last else None)
    async with asyncio.timeout(10):
        await reached.wait()


async def forever() -> None:
    await asyncio.Event().wait()


async def test_it_records_all_that_the_server_has_until_it_is_stopped(tmp_path: Path) -> None:
    """The recording has every change of every symbol."""
    async with Server(walk(), port=0) as server:
        session = await record_url(server.url, tmp_path / "session", published(server, 30))
    messages = [message for _, message in replayed(session) if isinstance(message, MarketData)]
    assert len(messages) >= 25
    assert {one.symbol for one in messages[-1].symbols} == set(walk().symbols)
    sequences = [message.sequence for message in messages if not message.snapshot]
    assert sequences == list(range(1, len(sequences) + 1))
    assert session.manifest.complete


async def test_it_records_the_symbols_asked_for(tmp_path: Path) -> None:
    async with Server(walk(), port=0) as server:
        session = await record_url(server.url, tmp_path / "session", published(server, 5), ["MSFT", "TSLA"])
    assert session.manifest.symbols == ["MSFT", "TSLA"]


async def test_it_ends_with_a_replay_and_has_all_of_it(tmp_path: Path) -> None:
    """The recording stops by itself and does not miss the first message."""
    first = write_session(tmp_path / "first", [(START + at, numbered(at)) for at in range(500)])
    async with Server(first.replay(float("inf")), port=0) as server:
        async with asyncio.timeout(10):
            second = await record_url(server.url, tmp_path / "second", forever())
    symbols = [[message.symbols for _, message in replayed(session)] for session in (first, second)]
    assert symbols[0] == symbols[1]


async def test_it_ends_when_the_server_is_gone_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages received until then are a session."""
    monkeypatch.setattr("hftlab.transport.backoff.Backoff.delay", lambda *_: 0.0)
    async with Server(walk(), port=0) as server:
        recording = asyncio.create_task(record_url(server.url, tmp_path / "session", forever()))
        await published(server, 10)
        while not (tmp_path / "session" / "manifest.json").exists():
            await published(server, 1)
        await published(server, 5)
        await server.stop()
        async with asyncio.timeout(10):
            session = await recording
    assert len(replayed(session)) > 0
    events = session.control.collect()["event"].to_list()
    assert events[:3] == ["connect", "subscribe", "disconnect"]
    assert events[-1] == "end"
    assert "error" in events


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_wrong_symbol_neither_leaves_a_folder_nor_costs_one(tmp_path: Path, overwrite: bool) -> None:
    folder = tmp_path / "session"
    if overwrite:
        write_session(folder, [(1, numbered(1))])
    async with Server(walk(), port=0) as server, asyncio.timeout(10):
        stop = asyncio.ensure_future(forever())
        with pytest.raises(SubscriptionFailed, match="does not have 'NOPE': name some of AAPL"):
            await record_url(server.url, folder, stop, ["AAPL", "NOPE"], overwrite=overwrite)
        stop.cancel()
    if overwrite:
        assert (folder / "market_data" / "part-000001.parquet").exists()
    else:
        assert not folder.exists()


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_refused_subscription_leaves_everything_as_it_was(
    tmp_path: Path, overwrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers with an ERROR, which the client receives like any other message."""
    folder = tmp_path / "new" / "session"
    if overwrite:
        write_session(folder, [(1, numbered(1))])
    async with Server(walk(), port=0) as server, asyncio.timeout(10):
        monkeypatch.setattr("hftlab.recorder.remote._check", lambda *_: None)
        stop = asyncio.ensure_future(forever())
        with pytest.raises(SubscriptionFailed, match="NOPE"):
            await record_url(server.url, folder, stop, ["NOPE"], overwrite=overwrite)
        stop.cancel()
    if overwrite:
        assert replayed(open_session(folder)) == [(1, numbered(1))]
        assert {path.name for path in folder.iterdir()} == {"manifest.json", "market_data", "index"}
    else:
        assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_silent_server_is_an_error_and_no_session(tmp_path: Path, overwrite: bool) -> None:
    """An empty session would look like a quiet market."""
    folder = tmp_path / "session"
    if overwrite:
        write_session(folder, [(1, numbered(1))])
    async with Server(port=0) as server, asyncio.timeout(10):
        with pytest.raises(SessionError, match="no market data came"):
            await record_url(server.url, folder, asyncio.sleep(0), ["AAPL"], overwrite=overwrite)
    if overwrite:
        assert replayed(open_session(folder)) == [(1, numbered(1))]
    else:
        assert not folder.exists()


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (["S00999", "X00999"], r"does not have 'X00999' \(nearest: 'S00999'\): .* none to record all of its 3,000"),
        (["s00999"], r"does not have 's00999' \(nearest: 'S00999'\)"),
        ([f"?{number}" for number in range(3_000)], r"'\?4' and 2,995 more: name"),
    ],
)
async def test_an_unknown_symbol_of_many_is_told_with_the_nearest(tmp_path: Path, wanted: list[str], told: str) -> None:
    """The first of 3,000 would be of no use."""
    symbols = [f"S{number:05}" for number in range(3_000)]
    source = ListedSource([(START, numbered(1))])
    source.symbols = tuple(symbols)
    async with Server(source, port=0) as server, asyncio.timeout(10):
        stop = asyncio.ensure_future(forever())
        with pytest.raises(SubscriptionFailed, match=told) as raised:
            await record_url(server.url, tmp_path / "session", stop, wanted)
        stop.cancel()
    assert raised.value.context["unknown"] == [one for one in wanted if one not in symbols]
    assert not any(tmp_path.iterdir())


async def test_a_server_that_does_not_name_its_symbols_needs_them_named(tmp_path: Path) -> None:
    async with Server(port=0) as server:
        stop = asyncio.ensure_future(forever())
        with pytest.raises(SubscriptionFailed, match=r"name them with symbols=.+ --symbols"):
            await record_url(server.url, tmp_path / "session", stop)
        stop.cancel()
        named = asyncio.create_task(record_url(server.url, tmp_path / "session", _soon(server), ["AAPL"]))
        session = await named
    assert session.manifest.symbols == ["AAPL"]


async def _soon(server: Server) -> None:
    """Publish one message, and return when it has been sent."""
    server.publish(numbered(1))
    async with asyncio.timeout(10):
        while server.stats()["messages_sent"] == 0:
            await asyncio.sleep(0)


async def test_an_absent_server_and_an_existing_folder_are_errors(tmp_path: Path) -> None:
    stop = asyncio.ensure_future(forever())
    with pytest.raises(ConnectionFailed):
        await record_url("ws://127.0.0.1:1", tmp_path / "session", stop)
    assert not (tmp_path / "session").exists()
    write_session(tmp_path / "session", [])
    async with Server(walk(), port=0) as server:
        with pytest.raises(SessionExists):
            await record_url(server.url, tmp_path / "session", stop)
    stop.cancel()
