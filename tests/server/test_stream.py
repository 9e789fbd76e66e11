"""REPLAY_CONTROL over real sockets: what clients show is the state at the position, and what comes is what follows."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from websockets.asyncio.client import ClientConnection, connect

from hftlab.client import Client
from hftlab.clock import Clock, from_milliseconds, to_milliseconds
from hftlab.credentials import access_token, local_account
from hftlab.errors import ArgumentError, ServerError
from hftlab.loop import run
from hftlab.protocol import BookDelta, DataType, Gap, MarketData, MarketDataSymbol, Message, ReplayStatus
from hftlab.protocol.base import Base
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.server import Server, replay_controller
from hftlab.server.server_socket import ServerSocket
from hftlab.session import Replay, Session, read_ahead, replay
from hftlab.simulator import RandomWalk
from hftlab.source import Timed
from tests.protocol.conftest import encoded, market_data, symbol, trade
from tests.server.conversation import PATIENCE, receive, request, settled, subscribe
from tests.session.sessions import Received, numbered, write_session
from tests.session.test_lossy_messages import holed
from tests.session.test_reader import NAMES, sessions, state_of, symbols
from tests.session.test_tables import ORDER

START = 1_700_000_000_000_000_000
US = 1000
FAST = float("inf")
EVERYTHING = [kind for kind in DataType if kind not in ("BOOK_DELTA", "ARBITRAGE")]
KEY = b"k" * 32


def at(number: int) -> int:
    """Times that the wire can name, no two the same."""
    return START + number * US


def ms(number: int) -> float:
    return to_milliseconds(at(number))


def statuses(messages: list[Any]) -> list[ReplayStatus]:
    return [message for message in messages if isinstance(message, ReplayStatus)]


class Watcher:
    """What a client at frequency 0 has got since the position was last set."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.since = at(-1)
        self.got: list[list[MarketDataSymbol]] = []

    def read(self) -> None:
        for message in self.client.messages():
            if isinstance(message, ReplayStatus) and message.reset:
                self.since, self.got = from_milliseconds(message.position), []
            elif isinstance(message, MarketData) and not message.snapshot:
                self.got.append(message.symbols)


@contextmanager
def encoding(*, always: bool) -> Iterator[None]:
    """Let replays encode all that they read, or nothing: sessions of tests are read before the server has a say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay._Preference, "is_encoded", lambda self: always)
        yield


def controls() -> SearchStrategy[list[tuple[str, Any]]]:
    one = st.one_of(
        st.tuples(st.just("seek"), st.integers(-3, 30)),
        st.tuples(st.just("step"), st.integers(1, 5)),
        st.sampled_from([("pause", None), ("resume", None), ("speed", FAST), ("speed", 1e-3), ("speed", 1.0)]),
    )
    return st.lists(one, min_size=1, max_size=8)


async def do(client: Client, action: str, value: Any) -> ReplayStatus:
    match action:
        case "seek":
            status = await client.replay.seek(at(value))
        case "step":
            status = await client.replay.step(value)
        case "speed":
            status = await client.replay.set_speed(value)
        case "pause":
            status = await client.replay.pause()
        case _:
            status = await client.replay.resume()
    assert status is not None
    return status


def shown(client: Client, *, whole: bool) -> dict[str, MarketDataSymbol]:
    found = {name: client.latest(name) for name in NAMES}
    return comparable({name: one for name, one in found.items() if one is not None}, whole=whole)


def comparable(state: Mapping[str, MarketDataSymbol], *, whole: bool) -> dict[str, MarketDataSymbol]:
    """Trades are events; a last trade is kept by who has seen it, and told anew by a snapshot."""
    return {
        name: msgspec.structs.replace(one, trades=None, last_trade=one.last_trade if whole else None)
        for name, one in state.items()
    }


@settings(max_examples=20)
@given(
    st.lists(st.lists(symbols(), min_size=1, max_size=3, unique_by=lambda one: one.symbol), min_size=1, max_size=20),
    controls(),
    st.booleans(),
)
def test_any_controls_show_the_session_at_its_position(
    drawn: list[list[MarketDataSymbol]], asked: list[tuple[str, Any]], is_encoded: bool
) -> None:
    """State against one computed from the start, each message against the session's, and nothing is lost."""
    received: list[Received] = [(at(number), market_data(*some)) for number, some in enumerate(drawn)]
    # What a message leaves out is sent as it was before.
    state = LatestState()
    told = [(when, state.take_in(message).symbols) for when, message in received]

    async def conversation(session: Session) -> None:
        async with (
            Server(session.replay(FAST), port=0) as server,
            Client(server.url) as every,
            Client(server.url) as paced,
        ):
            await every.replay.pause()
            for client, frequency in ((every, 0), (paced, 1000)):
                await client.subscribe(session.manifest.symbols, data_types=EVERYTHING, frequency=frequency)
            watcher = Watcher(every)
            for action, value in asked:
                status = await do(every, action, value)
                await paced.ping()
                watcher.read()
                if status.state not in ("PAUSED", "ENDED"):
                    continue
                position = from_milliseconds(status.position)
                truth = state_of(message for when, message in received if when <= position)
                whole = action == "seek"
                for client in (every, paced):
                    assert shown(client, whole=whole) == comparable(truth, whole=whole)
                    assert client.metrics.messages_lost == client.metrics.gaps == client.metrics.conflated == 0
                between = [some for when, some in told if watcher.since < when <= position]
                assert watcher.got == between

    with tempfile.TemporaryDirectory() as folder, encoding(always=is_encoded):
        run(conversation(write_session(Path(folder) / "session", received, segment_bytes=900)))


def empty_between_states() -> list[Received]:
    """Make three messages of one time: a book without levels between two states without a book."""
    bare = market_data(symbol(bids=None, asks=None))
    empty = BookDelta(timestamp=1.0, symbol="AAPL", exchange="X", bids=[], asks=[], checksum=0, ts_event=2.0)
    return [(10, bare), (10, empty), (10, bare)]


@settings(max_examples=15)
@given(sessions(), st.lists(st.integers(8, 22), min_size=1, max_size=4))
@example(empty_between_states(), [10])
def test_incremental_books_are_those_of_the_position(received: list[Received], positions: list[int]) -> None:
    """From recordings of states and of deltas, many of the same time; followed by BOOK_DELTA, with its checksums."""
    received = [(at(when), message) for when, message in received]

    async def conversation(session: Session) -> None:
        async with Server(session.replay(), port=0) as server, Client(server.url) as client:
            await client.replay.pause()
            if session.manifest.symbols:
                await client.subscribe(session.manifest.symbols, data_types=["BOOK_DELTA"], frequency=0)
            for number in positions:
                await client.replay.seek(at(number))
                await client.replay.step(2)
                await client.replay.seek(at(number))
                truth = state_of(message for when, message in received if when <= at(number))
                for name in session.manifest.symbols:
                    check(client, name, truth.get(name))
            assert client.metrics.messages_lost == client.metrics.gaps == 0

    def check(client: Client, name: str, truth: MarketDataSymbol | None) -> None:
        book = client.book(name)
        if truth is None or truth.bids is None or truth.asks is None:
            assert book is None
            return
        assert book is not None
        assert not book.stale
        for mine, theirs, sign in ((book.bids(9), truth.bids, -1), (book.asks(9), truth.asks, 1)):
            levels = {one.price: one.size for one in theirs if one.size}
            assert [level[:2] for level in mine] == sorted(levels.items(), key=lambda pair: sign * pair[0])

    with tempfile.TemporaryDirectory() as folder:
        run(conversation(write_session(Path(folder) / "session", received, segment_bytes=900)))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """AAPL ten times, and MSFT from the sixth message on."""
    messages = [market_data(symbol("AAPL", 2.0 + number)) for number in range(10)]
    for number in range(5, 10):
        messages[number].symbols.append(symbol("MSFT", 20.0 + number))
    return write_session(tmp_path / "session", [(at(number), message) for number, message in enumerate(messages)])


@pytest.fixture
async def server(session: Session) -> AsyncIterator[Server]:
    async with Server(session.replay(FAST), port=0, key=KEY) as server:
        yield server


async def signed_in(server: Server) -> ClientConnection:
    connection = await connect(server.url)
    token = access_token(KEY, "alice", time.time())
    assert (await request(connection, type="AUTH", token=token))["type"] == "AUTH_SUCCESS"
    return connection


async def control(connection: ClientConnection, action: str, **fields: Any) -> list[dict[str, Any]]:
    """All that comes up to the answer, without times."""
    await connection.send(
        msgspec.json.encode({"type": "REPLAY_CONTROL", "timestamp": 1, "id": "q", "action": action} | fields).decode()
    )
    found = [await receive(connection)]
    while found[-1].get("id") != "q":
        found.append(await receive(connection))
    return found


class TestOnTheWire:
    async def test_a_seek_is_status_then_snapshots_then_the_answer(self, server: Server) -> None:
        connection = await signed_in(server)
        await control(connection, "PAUSE")
        await subscribe(connection, "AAPL", "MSFT", frequency=0)
        await settled(lambda: server.stats()["channels"] == 1)
        said = await control(connection, "SEEK", position=ms(3))
        while said[0]["type"] != "REPLAY_STATUS" or "reset" not in said[0]:
            said.pop(0)
        status, snapshot, ack = said
        assert (status["state"], status["position"], status["reset"]) == ("PAUSED", ms(3), True)
        assert (status["start"], status["end"]) == (ms(0), ms(9))
        assert snapshot["snapshot"]
        assert [(one["symbol"], one["price"]) for one in snapshot["symbols"]] == [("AAPL", 5.0)]
        assert (snapshot["channel"], snapshot["sequence"]) == (1, 1)
        assert ack["type"] == "ACK"
        await connection.close()

    async def test_it_needs_authentication(self, server: Server) -> None:
        async with connect(server.url) as connection:
            (_, error) = await control(connection, "PAUSE")
            assert error["errorType"] == "AUTHENTICATION_FAILED"

    async def test_everyone_is_told(self, server: Server) -> None:
        connection = await signed_in(server)
        async with connect(server.url) as other:
            await receive(other)
            for action, state, speed in (
                ("PAUSE", "PAUSED", None),
                ("SPEED", "PAUSED", 2.0),
                ("RESUME", "WAITING", 2.0),
            ):
                await control(connection, action, **({"speed": speed} if action == "SPEED" else {}))
                told = await receive(other)
                assert (told["type"], told["state"], told.get("speed")) == ("REPLAY_STATUS", state, speed)
        await connection.close()

    async def test_start_and_end_are_told_to_everyone_once(self, server: Server) -> None:
        async with connect(server.url) as one, connect(server.url) as other:
            await receive(other)
            await subscribe(one, "AAPL", frequency=0)
            told = [await receive(other) for _ in range(2)]
            assert [status["state"] for status in told] == ["PLAYING", "ENDED"]
            assert told[1]["position"] == ms(9)
            await subscribe(other, "AAPL", frequency=0)
            assert (await request(other, type="PING"))["type"] == "PONG"

    async def test_a_seek_needs_a_position(self, server: Server) -> None:
        connection = await signed_in(server)
        *_, error = await control(connection, "SEEK")
        assert (error["errorType"], error["context"]["field"]) == ("MESSAGE_PARSE_ERROR", "position")
        await connection.close()


class TestCalls:
    async def test_a_client_on_this_machine_is_signed_in(self, session: Session) -> None:
        async with Server(session.replay(), port=0) as server, Client(server.url) as client:
            status = await client.replay.pause()
            assert status is not None
            assert status.state == "PAUSED"
            assert client.replay.status == status

    async def test_a_live_source_says_that_it_is_one(self) -> None:
        async with Server(RandomWalk(7), port=0) as server, Client(server.url) as client:
            with pytest.raises(ServerError, match=r"live and cannot be controlled.*session\.replay"):
                await client.replay.pause()
            with pytest.raises(ServerError, match="live"):
                await server.replay.pause()
        async with Server(port=0) as server, Client(server.url) as client:
            with pytest.raises(ServerError, match="without a source"):
                await client.replay.step()

    async def test_a_source_that_cannot_be_moved_says_so(self) -> None:
        source = RandomWalk(7)
        source.recorded = True
        async with Server(source, port=0) as server, Client(server.url) as client:
            assert (await client.replay.pause()).state == "PAUSED"  # type: ignore[union-attr]
            for moving in (client.replay.seek(START), client.replay.step()):
                with pytest.raises(ServerError, match="cannot be moved"):
                    await moving

    async def test_steps_show_at_once_whatever_the_pace(self, session: Session) -> None:
        """One at a time on a channel that sends every ten seconds."""
        async with Server(session.replay(), port=0) as server, Client(server.url) as client:
            await client.replay.pause()
            await client.subscribe("AAPL", frequency=10_000)
            for number in range(10):
                status = await client.replay.step()
                assert status is not None
                assert client.latest("AAPL").price == 2.0 + number  # type: ignore[union-attr]
                assert client.replay.position == at(number)
                assert status.state == ("ENDED" if number == 9 else "PAUSED")
            assert (await client.replay.step()).state == "ENDED"  # type: ignore[union-attr]

    async def test_a_server_that_stops_answers_the_controls_that_wait(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One is under way, another waits; neither is done later, when the server is started again."""
        server = await Server(session.replay(), port=0, key=KEY).start()
        has_begun, may_go_on, seek = threading.Event(), threading.Event(), server._playback.seek

        def slow(position: int) -> list[Message]:
            has_begun.set()
            may_go_on.wait(PATIENCE)
            return seek(position)

        monkeypatch.setattr(server._playback, "seek", slow)
        connection = await signed_in(server)
        controls = [asyncio.ensure_future(server.replay.seek(at(5))), asyncio.ensure_future(server.replay.set_speed(3))]
        await connection.send(json.dumps({"type": "REPLAY_CONTROL", "timestamp": 1, "id": "r", "action": "RESUME"}))
        await asyncio.to_thread(has_begun.wait, PATIENCE)
        await settled(lambda: server.connections()[0].received == 2)
        await server.stop()
        for one, action in zip(controls, ("SEEK", "SPEED"), strict=True):
            with pytest.raises(ServerError, match=f"has stopped, and {action} is not done"):
                await one
        said = [json.loads(message) async for message in connection]
        assert [(one["id"], one["errorType"]) for one in said if one["type"] == "ERROR"] == [("r", "SERVER_ERROR")]
        may_go_on.set()
        await server.start()
        assert (await server.replay.pause()).speed == 1.0  # type: ignore[union-attr]
        await settled(lambda: not server._playback.is_moving)
        assert server._playback.next_time() is None  # it waits for a subscription
        await server.stop()

    async def test_nothing_else_asks_a_source_that_is_sought(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is another thread's until then: figures, statuses, messages by hand and subscribers do without it."""
        recording = session.replay()
        has_begun, may_go_on, seek, next_time = (
            threading.Event(),
            threading.Event(),
            recording.seek,
            recording.next_time,
        )
        asked: list[str] = []

        def slow(position: int) -> list[Message]:
            has_begun.set()
            may_go_on.wait(PATIENCE)
            found = seek(position)
            has_begun.clear()
            return found

        def watched() -> int | None:
            if has_begun.is_set() and threading.current_thread() is threading.main_thread():
                asked.append("".join(traceback.format_stack(limit=8)))
            return next_time()

        monkeypatch.setattr(recording, "seek", slow)
        monkeypatch.setattr(recording, "next_time", watched)
        async with Server(recording, port=0) as server, Client(server.url) as client:
            await client.subscribe("AAPL")
            seeking = asyncio.ensure_future(server.replay.seek(at(5)))
            await asyncio.to_thread(has_begun.wait, PATIENCE)
            assert server.stats()["lag_seconds"] == 0
            server.publish(market_data(symbol("MSFT")))
            assert server.replay_status().state == "PLAYING"
            async with Client(server.url) as other:
                await other.subscribe("AAPL")
            may_go_on.set()
            await seeking
        assert asked == []

    async def test_a_long_step_tells_where_it_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else a client would give it up after a minute. Here each slice of 256 messages is long."""
        monkeypatch.setattr(replay_controller, "_PROGRESS", 0.0)
        session = write_session(tmp_path / "long", [(at(number), numbered(number)) for number in range(600)])
        async with Server(session.replay(), port=0) as server, Client(server.url) as client:
            await client.replay.pause()
            await client.subscribe("AAPL")
            client.messages()
            await client.replay.step(600)
            told = statuses(client.messages())
            assert [status.position for status in told] == [ms(255), ms(511), ms(599), ms(599)]
            assert (told[0].state, told[-1].state) == ("PAUSED", "ENDED")

    async def test_messages_of_one_time_can_be_stepped_through(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "ties", [(START, numbered(number)) for number in range(4)])
        async with Server(session.replay(FAST), port=0) as server, Client(server.url) as client:
            await client.replay.pause()
            await client.subscribe("AAPL", frequency=0)
            await client.replay.step()
            await client.replay.step(2)
            await client.ping()
            assert [one.id for one in client.messages() if isinstance(one, MarketData)] == ["md_0", "md_1", "md_2"]
            await client.replay.resume()
            await settled(lambda: client.replay_ended)
            assert [one.id for one in client.messages() if isinstance(one, MarketData)] == ["md_3"]

    async def test_what_was_not_yet_at_the_position_is_not_shown(self, session: Session) -> None:
        async with Server(session.replay(FAST), port=0) as server, Client(server.url) as client:
            await client.subscribe(["AAPL", "MSFT"], frequency=0)
            await settled(lambda: client.replay_ended)
            assert client.latest("MSFT") is not None
            await client.replay.pause()
            await client.replay.seek(at(4))
            assert client.latest("MSFT") is None
            assert client.book("MSFT") is None
            assert client.latest("AAPL").price == 6.0  # type: ignore[union-attr]
            await client.replay.seek(0)
            assert client.latest("AAPL") is None
            assert client.replay.position == at(-1)

    async def test_after_the_end_a_seek_plays_on(self, session: Session) -> None:
        async with Server(session.replay(FAST), port=0) as server, Client(server.url) as client:
            await client.subscribe("AAPL", frequency=0)
            for _ in range(3):
                await settled(lambda: client.replay_ended)
                client.messages()
                await client.replay.pause()
                status = await client.replay.seek(at(7))
                assert status is not None
                assert status.state == "PAUSED"
                await client.replay.resume()
                await settled(lambda: client.replay_ended)
                prices = [one.symbols[0].price for one in client.messages() if isinstance(one, MarketData)]
                assert prices == [9.0, 10.0, 11.0]

    async def test_a_seek_before_the_first_subscription_says_where_to_start(self, session: Session) -> None:
        async with Server(session.replay(FAST), port=0) as server, Client(server.url) as client:
            await client.replay.seek(at(6))
            await client.subscribe("AAPL", frequency=0)
            await settled(lambda: client.replay_ended)
            prices = [one.symbols[0].price for one in client.messages() if isinstance(one, MarketData)]
            assert prices == [8.0, 9.0, 10.0, 11.0]

    async def test_a_slow_reader_learns_of_a_seek_when_it_has_caught_up(
        self, session: Session, sockets: list[ServerSocket]
    ) -> None:
        """The snapshot counts in the sequence, so that who was behind gets one later."""
        async with Server(session.replay(1.0), port=0) as server, Client(server.url) as client:
            await client.replay.pause()
            await client.subscribe("AAPL", frequency=0)
            sockets[0].pause_writing()
            await client.replay.seek(at(4))
            assert client.latest("AAPL") is None
            sockets[0].resume_writing()
            await client.ping()
            assert client.latest("AAPL").price == 6.0  # type: ignore[union-attr]
            assert client.metrics.messages_lost == 0

    async def test_a_seek_that_fails_says_so_and_the_server_goes_on(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(self: Replay, position: int) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(Replay, "seek", broken)
        async with Server(session.replay(), port=0) as server, Client(server.url) as client:
            with pytest.raises(ServerError, match="SEEK failed: the disk is gone"):
                await client.replay.seek(START)
            assert (await client.replay.pause()).state == "PAUSED"  # type: ignore[union-attr]

    async def test_the_server_s_own_controls(self, session: Session) -> None:
        async with Server(session.replay(), port=0) as server, Client(server.url) as client:
            await server.replay.pause()
            await client.subscribe("AAPL", frequency=0)
            status = await server.replay.seek(at(2))
            assert status is not None
            assert status.position == ms(2)
            await client.ping()
            assert client.latest("AAPL").price == 4.0  # type: ignore[union-attr]
            with pytest.raises(ArgumentError, match="count"):
                await server.replay.step(0)
        with pytest.raises(ServerError, match="is not running"):
            await server.replay.pause()


class TestEncoded:
    """A replay at full speed, whose messages are JSON already."""

    SUBSCRIPTIONS: tuple[dict[str, Any], ...] = (
        {"frequency": 0},
        {"frequency": 0, "data_types": EVERYTHING},
        {"frequency": 0, "data_types": ["QUOTES"]},
        {"frequency": 0, "data_types": ["TRADES"]},
        {"frequency": 0, "data_types": ["BOOK_DELTA"]},
        {"frequency": 2, "data_types": EVERYTHING},
        {"frequency": 3},
    )

    async def streamed(self, session: Session) -> tuple[list[list[Any]], int]:
        """Return what each of several clients gets, but for the time of sending, and how often it was encoded."""
        encoded = 0
        publish = Publisher.publish_encoded

        def counted(self: Publisher[Any], message: EncodedMarketData, when: int) -> None:
            nonlocal encoded
            encoded += 1
            publish(self, message, when)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Publisher, "publish_encoded", counted)
            async with AsyncExitStack() as stack:
                server = await stack.enter_async_context(Server(session.replay(FAST), port=0))
                clients = []
                for encoding in ("json", "msgpack"):
                    for fields in self.SUBSCRIPTIONS:
                        client = await stack.enter_async_context(Client(server.url, encoding=encoding))
                        await client.replay.pause()
                        await client.subscribe(NAMES if encoding == "json" else NAMES[:2], **fields)
                        clients.append(client)
                await server.replay.resume()
                await settled(lambda: all(client.replay_ended for client in clients))
                late = await stack.enter_async_context(Client(server.url))
                await late.subscribe(NAMES, data_types=EVERYTHING)
                await settled(lambda: all(late.latest(name) for name in NAMES))  # the snapshot follows the answer
                got = [[one for one in client.messages() if not isinstance(one, ReplayStatus)] for client in clients]
                assert not any(client.metrics.messages_lost for client in clients)
                got.append([late.latest(name) for name in NAMES])
        return [[told(one) for one in some] for some in got], encoded

    async def test_every_client_gets_the_same(self, tmp_path: Path) -> None:
        """Clients of every data type, at once and paced, in both encodings, and one that comes late."""
        chance = random.Random(7)
        received: list[Received] = []
        for number in range(200):
            some = [
                symbol(
                    name,
                    2.0 + number,
                    last_trade=trade(2.0 + number) if number > 30 and number % 7 else None,
                    trades=[trade(2.0 + chance.randrange(3))] if chance.random() < 0.2 else None,
                    bids=None if chance.random() < 0.1 else symbol().bids,
                )
                for name in chance.sample(NAMES, chance.randint(1, 3))
            ]
            received.append((at(1000 * number), market_data(*some, id=f"md_{number}")))
        session = write_session(tmp_path / "session", received, segment_bytes=20_000)
        with encoding(always=False):
            expected, none = await self.streamed(session)
        with encoding(always=True):
            got, some_encoded = await self.streamed(session)
        assert none == 0
        assert some_encoded == len(received)
        assert got == expected
        assert len(got[0]) == len(received)

    async def test_a_tap_sees_messages(self, tmp_path: Path) -> None:
        """Also one that is added when the next messages are encoded already."""
        received: list[Received] = [(at(number), numbered(number)) for number in range(9)]
        session = write_session(tmp_path / "session", received)
        seen: list[Timed[Any]] = []
        with encoding(always=True):
            async with Server(session.replay(FAST), port=0) as server, Client(server.url) as client:
                server.taps.append(seen.append)
                await client.subscribe("AAPL", frequency=0)
                await settled(lambda: client.replay_ended)
        assert [(item.at, item.message) for item in seen] == received
        async with Server(port=0) as server:
            server.taps.append(seen.append)
            server._stream._output.accept_encoded(Timed(at(9), encoded(numbered(9))))
        assert seen[-1] == Timed(at(9), numbered(9))

    async def test_a_loop_begins_again(self, tmp_path: Path) -> None:
        received: list[Received] = [(at(number), numbered(number)) for number in range(5)]
        session = write_session(tmp_path / "session", received)
        with encoding(always=True):
            async with Server(session.replay(FAST, loop=True), port=0) as server, Client(server.url) as client:
                await client.subscribe("AAPL", frequency=0)
                got: list[str | None] = []
                while len(got) < 12:
                    await asyncio.sleep(0)
                    got += [one.id for one in client.messages() if isinstance(one, MarketData) and not one.snapshot]
        assert got[:12] == [f"md_{number % 5}" for number in range(12)]

    async def test_a_gap_comes_in_its_place(self, tmp_path: Path) -> None:
        session = holed(tmp_path / "session")
        plain = [item.message for item in session.replay().take(1000)]
        expected = ["gap" if isinstance(one, Gap) else one.symbols[0].price for one in plain]  # type: ignore[union-attr]
        with encoding(always=True):
            async with Server(session.replay(FAST), port=0) as server, connect(server.url) as connection:
                await subscribe(connection, "AAPL", "MSFT", frequency=0)
                got: list[Any] = []
                while len(got) < len(expected):
                    message = await receive(connection)
                    if message["type"] == "GAP":
                        got.append("gap")
                    elif message["type"] == "MARKET_DATA":
                        got.append(message["symbols"][0]["price"])
        assert got == expected
        assert got.count("gap") == 2

    async def test_damage_ends_the_stream_as_ever(self, tmp_path: Path) -> None:
        """The server has streamed what was before it."""
        session = write_session(tmp_path / "session", [(at(n), numbered(n)) for n in range(40)], segment_bytes=900)
        part = session.folder / session.manifest.tables["market_data"][-1].file
        part.write_bytes(part.read_bytes()[:-1] + b"x")
        with encoding(always=True):
            async with Server(session.replay(FAST), port=0) as server, connect(server.url) as connection:
                await subscribe(connection, "AAPL", frequency=0)
                got: list[str] = []
                while (message := await receive(connection))["type"] != "ERROR":
                    got += [message["id"]] if message["type"] == "MARKET_DATA" else []
        assert part.name in message["message"]
        assert got == [f"md_{number}" for number in range(len(got))]
        assert got


def told(one: Any) -> Any:
    """A message without the time of sending."""
    return msgspec.structs.replace(one, timestamp=1.0) if isinstance(one, Base) else one


async def test_a_paced_message_has_all_of_its_time_however_far_the_source_has_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message is read when the one before it is taken."""
    for name in ("_PIECE", "_QUEUED_ITEMS"):
        monkeypatch.setattr(read_ahead, name, 1)
    received: list[Received] = [(at(1000 * (number // 2)), numbered(number)) for number in range(100)]
    session = write_session(tmp_path / "session", received)
    async with Server(session.replay(FAST), port=0) as server, Client(server.url) as client:
        await client.subscribe("AAPL", frequency=1)
        await settled(lambda: client.replay_ended)
        got = [one.id for one in client.messages() if isinstance(one, MarketData) and not one.snapshot]
    assert got == [f"md_{number}" for number in range(1, 100, 2)]


class TestClock:
    async def test_resuming_the_clock_from_outside_wakes_the_server(self, session: Session) -> None:
        """Also from another thread; everyone is told."""
        source = session.replay()
        source.clock.pause()
        async with Server(source, port=0) as server, Client(server.url) as client:
            await client.subscribe("AAPL", frequency=0)
            await client.ping()
            assert client.latest("AAPL") is None
            await asyncio.to_thread(source.clock.resume)
            async with asyncio.timeout(PATIENCE):
                await settled(lambda: client.replay_ended)
            assert [status.state for status in statuses(client.messages())] == ["PAUSED", "PLAYING", "ENDED"]

    async def test_a_live_source_wakes_as_well(self) -> None:
        source = RandomWalk(7, clock=Clock(paused=True))
        async with Server(source, port=0) as server, Client(server.url) as client:
            await client.subscribe("AAPL", frequency=0)
            before = server.stats()["published"]
            source.clock.step(10**10)
            await settled(lambda: server.stats()["published"] >= before + 50)


async def test_trades_that_wait_for_their_channel_are_sent_before_a_seek(tmp_path: Path) -> None:
    traded = [market_data(symbol(trades=[trade(3.0 + number)])) for number in range(4)]
    session = write_session(tmp_path / "trades", [(at(number), message) for number, message in enumerate(traded)])
    async with Server(session.replay(1e-6), port=0) as server, Client(server.url) as client:
        await client.replay.pause()
        await client.subscribe("AAPL", data_types=["TRADES"], frequency=60_000)
        await client.replay.step(2)
        await client.replay.seek(at(3))
        got = [one for one in client.messages() if isinstance(one, MarketData)]
        assert [trade.price for message in got for trade in message.symbols[0].trades or ()] == [3.0, 4.0]


async def test_a_private_message_without_an_account_is_the_user_s_own() -> None:
    """The account with which local clients sign in by default."""
    items: list[Timed[Any]] = []
    async with Server(port=0) as server:
        server.taps.append(items.append)
        server.publish(ORDER)
        server.publish(ORDER, "alice")
        server.publish(market_data(symbol("AAPL")))
    assert [item.account for item in items] == [local_account(), "alice", None]
