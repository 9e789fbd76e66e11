"""The server over real sockets, mostly by a bare websockets client that knows nothing of hftlab."""

from __future__ import annotations

import asyncio
import json
import socket
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from hftlab.clock import Clock
from hftlab.errors import MessageParseError, PortInUse
from hftlab.protocol import Heartbeat, MarketData
from hftlab.protocol.publishing.publisher import Backlog
from hftlab.protocol.publishing.server_events import Reply
from hftlab.server import Server, ServerLimits
from hftlab.server.server_socket import ServerSocket
from hftlab.simulator import RandomWalk
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, receive, request, settled, subscribe
from tests.server.readers import readers

FAST = float("inf")


class TestConversation:
    async def test_a_reference_client_is_welcomed_and_served(self, walk_server: Server) -> None:
        """No subprotocol, any path, no ids: the document's own conversation."""
        async with connect(f"{walk_server.url}/ws") as connection:
            assert connection.subprotocol is None
            welcome = await receive(connection)
            assert (welcome["type"], welcome["message"]) == ("ACK", "Connected to HFT WebSocket Server")
            await connection.send('{"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL", "MSFT"]}')
            ack = await receive(connection)
            assert (ack["type"], ack["message"]) == ("ACK", "Subscribed to 2 symbols")
            data = await receive(connection)
            assert data["type"] == "MARKET_DATA"
            assert [one["symbol"] for one in data["symbols"]] == ["AAPL", "MSFT"]
            assert len(data["symbols"][0]["bids"]) == 5

    async def test_messagepack_is_binary(self, walk_server: Server) -> None:
        async with connect(walk_server.url, subprotocols=["hftlab.v1.msgpack"]) as connection:
            assert connection.subprotocol == "hftlab.v1.msgpack"
            frame = await connection.recv()
            assert isinstance(frame, bytes)
            assert msgspec.msgpack.decode(frame)["type"] == "ACK"

    async def test_an_unknown_subprotocol_falls_back_to_json(self, walk_server: Server) -> None:
        async with connect(walk_server.url, subprotocols=["soap", "hftlab.v1.json"]) as connection:
            assert connection.subprotocol == "hftlab.v1.json"
        async with connect(walk_server.url, subprotocols=["soap"]) as connection:
            assert connection.subprotocol is None
            assert (await receive(connection))["type"] == "ACK"

    async def test_bad_messages_are_answered_and_the_connection_lives_on(self, walk_server: Server) -> None:
        async with connect(walk_server.url) as connection:
            await receive(connection)
            for bad in ("{", "[]", '{"type": "FOO", "timestamp": 1}', '{"type": "HEARTBEAT", "timestamp": "x"}'):
                await connection.send(bad)
                assert (await receive(connection))["errorType"] == "MESSAGE_PARSE_ERROR"
            assert (await request(connection, type="PING"))["type"] == "PONG"

    async def test_a_message_over_the_limit_closes_the_connection(self, walk_server: Server) -> None:
        async with connect(walk_server.url) as connection:
            await connection.send("x" * 100_000)
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    await receive(connection)
            assert caught.value.rcvd.code == 1009

    async def test_ts_out_is_the_time_of_sending(self, hand_server: Server) -> None:
        """The message's timestamp is stamped anew, the symbol's own is left alone."""
        async with connect(hand_server.url) as connection:
            await subscribe(connection, "AAPL", frequency=0)
            hand_server.publish(market_data(symbol("AAPL", timestamp=123.0)))
            data = await receive(connection)
            assert data["symbols"][0]["timestamp"] == 123.0
            assert data["timestamp"] > 1_700_000_000_000


class TestFanOut:
    @pytest.mark.parametrize("compression", [None, "deflate"])
    async def test_every_member_gets_every_message_in_order(self, hand_server: Server, compression: str | None) -> None:
        connections = [await connect(hand_server.url, compression=compression) for _ in range(5)]
        for connection in connections:
            await subscribe(connection, *[f"S{n}" for n in range(8)], frequency=0)
        for price in range(1, 51):
            hand_server.publish(market_data(*[symbol(f"S{n}", float(price)) for n in range(8)]))
        for connection in connections:
            got = [await receive(connection) for _ in range(50)]
            assert [message["sequence"] for message in got] == list(range(1, 51))
            assert [message["symbols"][7]["price"] for message in got] == list(range(1, 51))
            await connection.close()

    @pytest.mark.parametrize("bits", [9, 12, 15])
    async def test_each_reader_gets_frames_that_its_window_can_inflate(self, hand_server: Server, bits: int) -> None:
        """A reader that asked for a small window shares a frame with its like only."""
        small = ClientPerMessageDeflateFactory(server_max_window_bits=bits)
        plain = {"symbols": [f"S{n}" for n in range(20)], "frequency": 0}
        async with (
            connect(hand_server.url, compression=None, extensions=[small]) as narrow,
            connect(hand_server.url) as wide,
        ):
            for connection in (narrow, wide):
                await request(connection, type="SUBSCRIBE", **plain)
            walk = RandomWalk(1)
            for _ in range(3):
                (message,) = walk.advance(walk.next_time())
                for number, one in enumerate(message.symbols):
                    one.symbol = f"S{number}"
                hand_server.publish(message)
            for _ in range(3):
                assert await receive(narrow) == await receive(wide)

    async def test_small_messages_are_not_compressed(self, hand_server: Server) -> None:
        """Below 1 kB the frame is the payload and a header."""
        async with connect(hand_server.url) as connection:
            await subscribe(connection, "A", dataTypes=["QUOTES"], frequency=0)
            before = hand_server.stats()["bytes_sent"]
            hand_server.publish(market_data(symbol("A")))
            raw = await connection.recv()
            assert hand_server.stats()["bytes_sent"] - before == len(raw) + 4


class TestPublishing:
    async def test_what_is_not_valid_is_refused_at_the_call(self, hand_server: Server) -> None:
        with pytest.raises(MessageParseError, match=r"symbols\[0\].price"):
            hand_server.publish(market_data(symbol(price=float("nan"))))

    async def test_what_belongs_to_a_conversation_is_not_published(self, hand_server: Server) -> None:
        tapped: list[Any] = []
        hand_server.taps.append(tapped.append)
        with pytest.raises(MessageParseError, match="HEARTBEAT cannot be published: a server publishes MARKET_DATA"):
            hand_server.publish(Heartbeat(timestamp=1.0))
        assert tapped == []

    async def test_a_server_by_hand_takes_any_symbol(self, hand_server: Server) -> None:
        async with connect(hand_server.url) as connection:
            reply = await subscribe(connection, "ANYTHING")
            assert reply["type"] == "ACK"

    async def test_taps_see_what_is_published(self, hand_server: Server) -> None:
        seen: list[MarketData] = []
        hand_server.taps.append(lambda item: seen.append(item.message))
        hand_server.publish(market_data(symbol(price=3.0)))
        assert [message.symbols[0].price for message in seen] == [3.0]


class TestSlowReaders:
    async def test_a_reader_that_stops_is_aborted_and_the_others_are_not_disturbed(self) -> None:
        """One of three does not read: it goes with its reason counted, and nobody else loses a message."""
        async with Server(port=0, limits=ServerLimits(write_deadline=0.2)) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as stuck:
                stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stuck.setblocking(False)
                await handshake(stuck, server.port)
                async with connect(server.url, max_queue=None) as one, connect(server.url, max_queue=None) as other:
                    for connection in (one, other):
                        await subscribe(connection, "AAPL", frequency=0)
                    await settled(lambda: server.stats()["channels"] == 1 and server.stats()["connections"] == 3)
                    levels = [level_of(price) for price in range(1, 200)]
                    sequence = 0
                    async with asyncio.timeout(PATIENCE):
                        while not server.stats()["aborted"]:
                            for _ in range(20):
                                sequence += 1
                                server.publish(market_data(symbol(price=float(sequence), bids=levels)))
                            for connection in (one, other):
                                while (await receive(connection))["sequence"] < sequence:
                                    pass
                    assert server.stats()["aborted"] == {"slow consumer": 1}
                    await settled(lambda: server.stats()["connections"] == 2)


def level_of(price: int) -> Any:
    from hftlab.protocol import OrderBookLevel

    return OrderBookLevel(price=float(price), size=1.0, orders=1)


async def handshake(sock: socket.socket, port: int) -> None:
    """A WebSocket that subscribes to everything and never reads again."""
    from websockets.frames import Frame, Opcode

    loop = asyncio.get_running_loop()
    head = (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(sock, head.encode())
    body = json.dumps({"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL"], "frequency": 0}).encode()
    await loop.sock_sendall(sock, Frame(Opcode.TEXT, body).serialize(mask=True))


class TestLife:
    async def test_a_server_shows_its_address_state_and_source(self) -> None:
        async with Server(RandomWalk(7), port=0) as server:
            assert repr(server) == f"Server('ws://127.0.0.1:{server.port}', running, source 'random walk')"
        assert repr(server) == f"Server('ws://127.0.0.1:{server.port}', stopped, source 'random walk')"
        assert repr(Server()) == "Server('ws://127.0.0.1:8081', stopped, no source)"

    async def test_a_port_in_use_says_who_holds_it(self, hand_server: Server) -> None:
        with pytest.raises(PortInUse) as caught:
            await Server(port=hand_server.port).start()
        assert caught.value.port == hand_server.port
        assert "process" in str(caught.value)
        assert "port=0" in str(caught.value)

    async def test_stopping_says_so_and_closes_with_1001(self) -> None:
        server = await Server(port=0).start()
        async with connect(server.url) as connection:
            await receive(connection)
            await server.stop()
            assert (await receive(connection))["type"] == "SERVER_SHUTDOWN"
            with pytest.raises(ConnectionClosed) as caught:
                await connection.recv()
            assert caught.value.rcvd.code == 1001
        await server.stop()

    async def test_stopping_does_not_wait_for_who_does_not_answer(self) -> None:
        """A peer that never answers the closing handshake is aborted, and the port is free again."""
        server = await Server(port=0).start()
        with socket.create_connection(("127.0.0.1", server.port)) as silent:
            silent.setblocking(False)
            await handshake(silent, server.port)
            await settled(lambda: server.stats()["connections"] == 1)
            async with asyncio.timeout(PATIENCE):
                await server.stop()
        async with Server(port=server.port):
            pass

    async def test_a_connection_that_breaks_is_forgotten(self, walk_server: Server) -> None:
        connection = await connect(walk_server.url)
        await subscribe(connection, "AAPL", frequency=0)
        connection.transport.abort()
        await settled(lambda: walk_server.stats()["connections"] == 0)
        assert walk_server.stats()["channels"] == 0

    async def test_stopping_twice_at_once_says_so_once(self) -> None:
        """Both return when the port is free."""
        server = await Server(port=0).start()
        async with connect(server.url) as connection:
            await receive(connection)
            await asyncio.gather(server.stop(), server.stop())
            assert not server.is_running
            assert (await receive(connection))["type"] == "SERVER_SHUTDOWN"
            with pytest.raises(ConnectionClosed):
                await connection.recv()
        async with Server(port=server.port):
            pass

    @pytest.mark.parametrize("auth", ["Required", "", None])
    def test_an_auth_that_is_neither_is_refused(self, auth: Any) -> None:
        with pytest.raises(ValueError, match=r"give 'public' or 'required'"):
            Server(auth=auth)

    @pytest.mark.parametrize("host", [None, ""])
    def test_a_host_that_is_none_is_refused(self, host: Any) -> None:
        with pytest.raises(ValueError, match="is not an address"):
            Server(host=host)

    async def test_urls_are_ones_that_a_client_can_use(self) -> None:
        assert Server(port=1).url == "ws://127.0.0.1:1"
        assert Server(host="0.0.0.0", port=1).url == "ws://127.0.0.1:1"
        assert Server(host="::1", port=1).url == "ws://[::1]:1"


class TestClocks:
    async def test_without_pace_the_readers_set_it(self) -> None:
        """As fast as possible, a slow reader is waited for: nothing is skipped."""
        source = RandomWalk(7, clock=Clock(speed=float("inf")))
        async with Server(source, port=0) as server, connect(server.url, max_queue=2, close_timeout=0.1) as connection:
            await subscribe(connection, *source.symbols, frequency=0)
            sequences = []
            for _ in range(500):
                sequences.append((await receive(connection))["sequence"])
                if len(sequences) % 50 == 0:
                    await asyncio.sleep(0.01)
            first = sequences[0]
            assert sequences == list(range(first, first + 500))
            assert server.stats()["conflated"] == server.stats()["gaps"] == 0

    @pytest.mark.parametrize("behind", [Backlog.CONGESTED, Backlog.FULL])
    @pytest.mark.parametrize("speeds", [(1.0, FAST), (FAST, FAST), (FAST, 1.0)])
    async def test_a_reader_that_was_behind_gets_all_again_whatever_the_speed(
        self, hand_server: Server, sockets: list[ServerSocket], behind: Backlog, speeds: tuple[float, float]
    ) -> None:
        """It falls behind at one speed and catches up at another."""
        levels = [level_of(price) for price in range(1, 3000)]
        hand_server.clock.speed, later = speeds
        async with readers(hand_server, 1, buffer=4096) as (reader,):
            (connection,) = sockets
            sent = 0
            while connection.backlog is Backlog.NONE:
                sent += 1
                hand_server.publish(market_data(symbol("A", float(sent), bids=levels)))
            while connection.backlog < behind:  # with frames that are not skipped
                connection.reply(Reply(b"{}" + b" " * 60_000))
            hand_server.clock.speed = later
            hand_server.publish(market_data(symbol("A", float(sent + 1), bids=levels)))
            while connection.buffered:
                await reader.read(1 << 20)
            hand_server.publish(market_data(symbol("A", float(sent + 2))))
            shown: list[dict[str, Any]] = []
            async with asyncio.timeout(PATIENCE):
                while not shown or shown[-1]["symbols"][0]["price"] != sent + 2:
                    await reader.read(1 << 20)
                    shown += [one for one in reader.take() if one.get("type") == "MARKET_DATA"]
            assert connection.backlog is Backlog.NONE

    async def test_the_pace_of_a_channel_is_source_time(self, walk_server: Server) -> None:
        """At a hundred times real time a channel of 500 ms still holds every fifth update, not every five hundredth."""
        async with connect(walk_server.url) as connection:
            await subscribe(connection, "AAPL", frequency=500)
            times = [(await receive(connection))["symbols"][0]["timestamp"] for _ in range(6)]
            steps = [round(later - earlier) for earlier, later in pairwise(times[1:])]
            assert steps == [500] * 4
