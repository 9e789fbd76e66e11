"""Recordings of a live client and of a live server."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import polars as pl
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from hftlab.client import Client
from hftlab.clock import Clock, wall_time
from hftlab.errors import HftlabError, MessageParseError, SessionError
from hftlab.protocol import JSON, MSGPACK, Ack, Codec, Gap, MarketData, Message
from hftlab.recorder import Recording, describe, tap
from hftlab.server import Server
from hftlab.session import Session
from hftlab.session.payload_texts import texts_payloads
from hftlab.simulator import RandomWalk
from hftlab.source import Timed
from tests.listed_source import ListedSource
from tests.protocol.conftest import market_data, symbol
from tests.recorder.test_recording import no_space
from tests.session.sessions import numbered, replayed, write_session
from tests.session.test_tables import ORDER
from tests.waiting import until

PATIENCE = 10.0
SECOND = 1_000_000_000
START = 1_767_364_200 * SECOND


async def arrived(client: Client, condition: Callable[[Any], bool]) -> None:
    """Wait for a message that meets the condition."""
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            if condition(message):
                return


@asynccontextmanager
async def sending(frames: list[bytes], codec: Codec = JSON) -> AsyncIterator[str]:
    """Serve another implementation that sends these frames to who has sent something; yields the address."""

    async def talk(connection: ServerConnection) -> None:
        is_text = not codec.binary
        await connection.send(codec.encode(Ack(timestamp=1.0, message="welcome", session="s")), text=is_text)
        await connection.recv()
        for frame in frames:
            await connection.send(frame, text=is_text)
        async for _ in connection:
            pass

    async with serve(talk, "127.0.0.1", 0, subprotocols=[Subprotocol(codec.subprotocol)]) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"ws://{host}:{port}"


async def received(folder: Path, frames: list[bytes], last: Message, codec: Codec = JSON) -> Session:
    """Record what a client receives of these frames, up to the last message."""
    encoding: Literal["json", "msgpack"] = "msgpack" if codec.binary else "json"
    async with sending(frames, codec) as url, Client(url, encoding=encoding) as client:
        recording = Recording(folder, source=describe(client))
        end = tap(client, recording)
        await client.send_message(numbered(0))
        await arrived(client, lambda message: message == last)
        end()
    return recording.close()


def happened(client: Client, event: str) -> Awaitable[object]:
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    client.on(event, lambda *what: done.done() or done.set_result(what))
    return asyncio.wait_for(done, PATIENCE)


def control(session: Session) -> list[tuple[object, ...]]:
    return session.control.select("event", "channel", "first", "last", "detail").collect().rows()


class TestServer:
    async def test_a_recorded_server_is_what_its_source_published(self, tmp_path: Path) -> None:
        """Messages have source time: a second source with the same seed says which."""
        walk, twin = (RandomWalk(7, clock=Clock(START, 100, paused=True)) for _ in range(2))
        walk.clock.resume()
        async with Server(walk, port=0) as server, Client(server.url) as client:
            recording = Recording(tmp_path / "session", source=describe(server))
            end = tap(server, recording)
            await client.subscribe(["AAPL"], frequency=0)
            await arrived(client, lambda message: message.sequence == 30)
            end()
        session = recording.close()
        received = replayed(session)
        assert len(received) >= 30
        first = received[0][0]
        while twin.next_time() < first:
            twin.advance(twin.next_time())
        for at, message in received:
            assert at == twin.next_time()
            assert [message] == twin.advance(at)
        assert session.manifest.source == {"name": "random walk", "kind": "server"}
        assert control(session) == [("start", *[None] * 4), ("end", *[None] * 4)]
        assert session.control.collect()["symbols"].to_list() == [walk.symbols, None]
        assert session.coverage().rows() == [
            (symbol, received[0][0], received[-1][0], 1.0, 0.0, 0, False) for symbol in sorted(walk.symbols)
        ]

    async def test_nothing_is_recorded_after_the_end(self, tmp_path: Path) -> None:
        async with Server(port=0) as server:
            recording = Recording(tmp_path / "session", source=describe(server))
            end = tap(server, recording)
            server.publish(numbered(1))
            end()
            server.publish(numbered(2))
        session = recording.close()
        assert [message for _, message in replayed(session)] == [numbered(1)]
        assert session.manifest.source["name"] == "by hand"

    async def test_accounts_and_the_json_that_came_are_kept(self, tmp_path: Path) -> None:
        """Private messages keep their account; public ones have none."""
        heartbeat = b'{ "type" : "HEARTBEAT", "timestamp" : 1, "unknown" : [] }'
        async with Server(port=0) as server:
            recording = Recording(tmp_path / "session", source=describe(server))
            end = tap(server, recording)
            (record,) = server.taps
            record(Timed(1, ORDER, "alice"))
            record(Timed(2, ORDER, "bob", JSON.encode(ORDER)))
            record(Timed(3, numbered(1), "alice"))
            record(Timed(4, JSON.decode(heartbeat), None, heartbeat))
            end()
        session = recording.close()
        assert session.replay().advance(9) == [Timed(1, ORDER, "alice"), Timed(2, ORDER, "bob"), numbered(1)]
        assert session.messages.collect()["payload"].to_list() == [heartbeat.decode()]


class TestStampsOfASource:
    """A source stamps its messages by a clock of its own, such as the wall's, while the server waits on another."""

    async def recorded(self, folder: Path, clock: Clock, stamps: list[float]) -> Session:
        """Record a server whose messages are due a second apart and stamped as given, in seconds."""
        source = ListedSource(
            [
                (START + number * SECOND, Timed(START + round(at * SECOND), numbered(number)))
                for number, at in enumerate(stamps)
            ]
        )
        source.clock = clock
        async with Server(source, port=0) as server, Client(server.url) as client:
            recording = Recording(folder, source=describe(server))
            end = tap(server, recording)
            await client.subscribe(["AAPL"], frequency=0)
            await arrived(client, lambda message: client.replay_ended)
            end()
        return recording.close()

    async def test_a_step_forward_and_its_correction_are_rows(self, tmp_path: Path) -> None:
        stamps = [0, 1, 2 + 3600, 3 + 3600, 4, 5]
        session = await self.recorded(tmp_path / "session", Clock(START, speed=100), stamps)
        rows = session.control.filter(pl.col("event") == "clock").collect()
        assert rows.height == 2
        assert [round((at - START) / SECOND) for at in rows["ts_to"]] == [3602, 4]
        assert "went forward" in rows["detail"][0]
        assert "was set back" in rows["detail"][1]
        times = session.market_data.collect()["ts_recv"]
        assert times.is_sorted()
        assert [round((at - START) / SECOND) for at in times][:4] == stamps[:4]

    @pytest.mark.parametrize(
        "clock",
        [
            pytest.param(lambda: Clock(START, speed=100), id="fast"),
            pytest.param(lambda: Clock(START, speed=float("inf")), id="as fast as possible"),
            pytest.param(lambda: Clock(START + 3600 * SECOND), id="behind"),
        ],
    )
    async def test_silence_and_delay_are_no_steps(self, tmp_path: Path, clock: Callable[[], Clock]) -> None:
        """However fast the source's time goes, and however late its messages are sent."""
        session = await self.recorded(tmp_path / "session", clock(), [0, 1, 2, 3])
        assert session.market_data.collect()["ts_recv"].to_list() == [START + at * SECOND for at in range(4)]
        assert [row[0] for row in control(session)] == ["start", "end"]


class TestClient:
    async def test_the_json_that_a_client_received_is_what_is_stored(self, tmp_path: Path) -> None:
        """The JSON is kept byte for byte, even where hftlab would have spelled it differently."""
        frames = [b'{"type": "HEARTBEAT",\n "timestamp": 1e0, "unknown": "\\u00e9"}', JSON.encode(numbered(1))]

        session = await received(tmp_path / "session", frames, numbered(1))
        assert session.messages.collect()["payload"].to_list() == [frames[0].decode()]
        assert [message for _, message in replayed(session)] == [numbered(1)]

    async def test_unknown_fields_of_messagepack_are_stored_as_json(self, tmp_path: Path) -> None:
        """A message with a value that JSON cannot hold is stored without its unknown fields."""
        plain, much = (msgspec.json.decode(JSON.encode(numbered(number))) for number in (1, 2))
        plain["lot"], much["symbols"][0]["lot"] = [1, "\u00e9"], msgspec.msgpack.Ext(5, b"data")
        frames = [msgspec.msgpack.encode(one) for one in (plain, much)]

        session = await received(tmp_path / "session", frames, numbered(2), MSGPACK)
        assert [message for _, message in replayed(session)] == [numbered(1), numbered(2)]
        kept = session.messages.collect()
        assert kept["reason"].to_list() == ["unknown fields: lot"]
        assert msgspec.json.decode(kept["payload"][0]) == plain

    async def test_everything_a_client_receives_is_recorded_when_it_was(self, tmp_path: Path) -> None:
        """The client's own callback is the reference; times lie between those before and after."""
        async with Server(port=0) as server, Client(server.url) as client:
            recording = Recording(tmp_path / "session", source=describe(client))
            end = tap(client, recording)
            taken: list[Message] = []
            client.on("message", taken.append)
            before = wall_time()
            await client.subscribe(["AAPL"], data_types=["ORDER_BOOK", "TRADES"], frequency=0)
            for number in range(10):
                server.publish(numbered(number))
            await arrived(client, lambda message: message.sequence == 10)
            end()
            after = wall_time()
        session = recording.close()
        received = replayed(session)
        assert [message for _, message in received] == [one for one in taken if isinstance(one, MarketData)]
        assert all(before <= at <= after for at, _ in received)
        (ack,) = (JSON.decode(payload) for payload in session.messages.collect()["payload"])
        assert isinstance(ack, Ack)
        assert ack in taken
        assert session.manifest.source == {"name": client.url, "kind": "client"}

    async def test_control_tells_of_a_lost_connection_and_of_the_next(self, tmp_path: Path) -> None:
        async with Server(port=0) as server:
            client = Client(server.url, reconnect_interval=0.01, max_reconnect_attempts=1000)
            await client.connect()
            recording = Recording(tmp_path / "session", source=describe(client))
            end = tap(client, recording)
            gone = happened(client, "disconnected")
            await server.stop()
            await gone
            back = happened(client, "connected")
            async with Server(port=server.port):
                await back
                end()
                await client.close()
        session = recording.close()
        rows = [row for row in control(session) if row[0] not in ("error", "end")]
        assert rows == [
            ("connect", None, None, None, client.url),
            ("disconnect", None, None, None, "closed by the server with 1001"),
            ("connect", None, None, None, client.url),
        ]
        again = session.control.collect().filter(pl.col("event") == "connect")["ts_recv"][-1]
        welcome = session.messages.collect().filter(pl.col("type") == "ACK")["ts_recv"][-1]
        assert again <= welcome, "the connection's first message has to lie within it"

    async def test_control_tells_of_what_is_missing_or_wrong(self, tmp_path: Path) -> None:
        """A lost message, a gap that the server declares, conflated state, and invalid JSON."""
        walk = [market_data(symbol(), channel=1, sequence=sequence) for sequence in (1, 2, 6, 13)]
        walk[-1].snapshot = True
        gap = Gap(timestamp=1.0, channel=1, sequence=9, from_sequence=7, to_sequence=9, reason="slow consumer")
        frames = [*map(JSON.encode, [*walk[:3], gap]), b"{nonsense", JSON.encode(walk[3])]

        async with sending(frames) as url, Client(url) as client:
            recording = Recording(tmp_path / "session", source=describe(client))
            end = tap(client, recording)
            await client.send_message(numbered(0))
            await arrived(client, lambda message: message.sequence == 13)
            end()
        session = recording.close()
        _, lost, declared, error, skipped, _ = control(session)
        assert lost == ("gap", 1, 3, 5, "lost")
        assert declared == ("gap", 1, 7, 9, "gap")
        assert (error[0], "not valid JSON" in str(error[-1])) == ("error", True)
        assert skipped == ("conflate", 1, 10, 13, "conflated")
        assert list(session.replay(gaps=False).advance(wall_time())) == walk
        assert session.messages.collect()["payload"].to_list() == [JSON.encode(gap).decode(), "{nonsense"]
        # The number of a row says between which messages it stands.
        names = {"control": "c", "market_data": "d", "messages": "m"}
        rows = [(n, letter) for name, letter in names.items() for n in session.table(name).collect()["message"]]
        assert "".join(letter for _, letter in sorted(rows)) == "cdddcmcmcdcc"

    async def test_what_the_client_does_not_know_is_kept(self, tmp_path: Path) -> None:
        """An unknown type, a known one with unknown fields, and rubbish, each between messages that replay."""
        foreign = JSON.encode(numbered(1)).replace(b'"exchange"', b'"lot":[1e999],"exchange"')
        unknown, rubbish = b'{"type":"NEWS","text":"\xc3\xa9"}', b'{"type":"MARKET_DATA",\x00'
        frames = [unknown, JSON.encode(numbered(0)), foreign, rubbish, JSON.encode(numbered(2))]

        async with sending(frames) as url, Client(url) as client:
            shown: list[Any] = []
            client.on("undecoded", shown.append)
            recording = Recording(tmp_path / "session", source=describe(client))
            end = tap(client, recording)
            before = wall_time()
            await client.send_message(numbered(0))
            await arrived(client, lambda message: message == numbered(2))
            end()
            after = wall_time()
        session = recording.close()
        assert [message for _, message in replayed(session)] == [numbered(0), numbered(1), numbered(2)]
        assert session.market_data.collect().height == 3
        rows = session.messages.collect()
        assert texts_payloads(rows) == [unknown, foreign, rubbish]
        assert rows["type"].to_list() == ["NEWS", "MARKET_DATA", None]
        assert rows["encoding"].to_list() == [None, None, "base64"]
        news, fields, broken = rows["reason"]
        assert "NEWS" in news
        assert fields == "unknown fields: symbols[0].lot"
        assert "not valid JSON" in broken
        assert [(one.payload, str(one.error)) for one in shown] == [(unknown, news), (rubbish, broken)]
        assert before <= shown[0].received_at <= rows["ts_recv"][1] <= after
        assert [row[0] for row in control(session)] == ["connect", "error", "error", "end"]


async def test_a_recorded_session_is_a_source_again(tmp_path: Path) -> None:
    """A session that is served, received and recorded again holds the same market."""
    walk = RandomWalk(3, clock=Clock(START, speed=100))
    contents: list[list[Any]] = []
    source: Any = walk
    for name in ("first", "second", "third"):
        async with Server(source, port=0) as server, Client(server.url) as client:
            recording = Recording(tmp_path / name, source=describe(client))
            end = tap(client, recording)
            await client.subscribe(walk.symbols, frequency=0)
            if source is walk:
                await arrived(client, lambda message: message.sequence == 20)
            else:
                await arrived(client, lambda message: client.replay_ended)
            end()
        session = recording.close()
        contents.append([message.symbols for _, message in replayed(session) if isinstance(message, MarketData)])
        source = session.replay(float("inf"))
    assert len(contents[0]) >= 20
    assert contents[0] == contents[1] == contents[2]


@pytest.mark.parametrize("kind", ["client", "server"])
async def test_a_recording_that_fails_is_detached_and_reported(tmp_path: Path, hand_server: Server, kind: str) -> None:
    """The client goes on and reports an error; a server has no such event."""
    async with Client(hand_server.url) as client:
        errors: list[HftlabError] = []
        client.on("error", errors.append)
        target = client if kind == "client" else hand_server
        recording = Recording(tmp_path / "session", source={})
        end = tap(target, recording)
        await client.subscribe(["AAPL"], frequency=0)
        recording.failure = OSError(errno.ENOSPC, "No space left on device")
        for price in (1.0, 2.0):
            hand_server.publish(market_data(symbol(price=price)))
        await arrived(client, lambda message: message.symbols[0].price == 2.0)
        assert target.taps == []
        assert [isinstance(error.__cause__, SessionError) for error in errors] == [True] * (kind == "client")
        assert all("No space left on device" in str(error) for error in errors)
        end()
        recording.failure = None
        recording.close()


@pytest.mark.parametrize("kind", ["client", "server"])
async def test_a_disk_that_fails_is_reported_at_once_and_the_recording_goes_on(
    tmp_path: Path, hand_server: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client has an "error" event for it, once; a server lists it for as long as it lasts."""
    monkeypatch.setattr("hftlab.recorder.recording._RETRY", 0.001)
    async with Client(hand_server.url) as client:
        errors: list[HftlabError] = []
        client.on("error", errors.append)
        recording = Recording(tmp_path / "session", source={})
        end = tap(client if kind == "client" else hand_server, recording)
        await client.subscribe(["AAPL"], frequency=0)
        assert hand_server.stats()["problems"] == []
        with monkeypatch.context() as patch:
            patch.setattr("hftlab.session.journal._sync", no_space)
            hand_server.publish(market_data(symbol(price=1.0)))
            await arrived(client, lambda message: message.symbols[0].price == 1.0)
            await asyncio.to_thread(until, lambda: recording.problem is not None)
            assert hand_server.stats()["problems"] == [recording.problem] * (kind == "server")
            for price in (2.0, 3.0):
                hand_server.publish(market_data(symbol(price=price)))
            await arrived(client, lambda message: message.symbols[0].price == 3.0)
            assert len(errors) == (kind == "client")
            assert all("is recorded in" in str(error) and "No space left" in str(error) for error in errors)
            assert hand_server.stats()["failed_taps"] == {}
        await asyncio.to_thread(until, lambda: recording.problem is None)
        assert hand_server.stats()["problems"] == []
        end()
        assert hand_server.problems == {}
    session = recording.close()
    prices = [message.symbols[0].price for _, message in replayed(session) if isinstance(message, MarketData)]
    assert prices == [1.0, 2.0, 3.0]


async def test_the_first_times_of_capture_outlive_a_replay_of_a_replay(tmp_path: Path) -> None:
    """`tsRecv` on the wire is when a message was received first, and its own column in every later recording."""
    source: Any = write_session(tmp_path / "capture", [(START + at, numbered(at)) for at in range(1000, 9000, 1000)])
    first = [START + at for at in range(1000, 9000, 1000)]
    for name in ("second", "third"):
        async with Server(source.replay(float("inf")), port=0) as server, Client(server.url) as client:
            recording = Recording(tmp_path / name, source=describe(client))
            end = tap(client, recording)
            await client.subscribe(["AAPL"], frequency=0)
            await arrived(client, lambda message: client.replay_ended)
            end()
        source = recording.close()
        data = source.market_data.collect()
        assert data["ts_capture"].to_list() == first
        assert data["ts_recv"][0] > START + 1_000_000_000_000


class TestWhatCannotBeReplayed:
    async def test_it_leaves_a_row_and_the_recording_goes_on(self, tmp_path: Path) -> None:
        """A tap's error is reported by its target."""
        async with Server(port=0) as server:
            recording = Recording(tmp_path / "session", source=describe(server))
            tap(server, recording)
            (attempt,) = server.taps
            with pytest.raises(MessageParseError):
                attempt(Timed(5, market_data(symbol(price=float("nan")))))
            attempt(Timed(6, numbered(6)))
            assert server.taps == [attempt]
        session = recording.close()
        assert replayed(session) == [(6, numbered(6))]
        _, (event, *_, detail), _ = control(session)
        assert event == "drop"
        assert "`symbols[0].price` is nan" in str(detail)
