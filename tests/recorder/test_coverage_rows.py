"""What recordings say of their coverage, against what was done to them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from websockets.asyncio.server import ServerConnection, serve

from hftlab.client import Client
from hftlab.errors import MessageParseError
from hftlab.protocol import JSON, Ack, ChannelInfo, DataType, Gap, Message, SlowConsumer
from hftlab.protocol.subscribing.loss import Loss
from hftlab.recorder import Recording, describe, tap
from hftlab.server import Server
from hftlab.session import Session
from hftlab.source import Timed
from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.conftest import QUICK, until
from tests.listed_source import ListedSource, SeekableListedSource
from tests.protocol.conftest import market_data, symbol
from tests.session.test_lossy_messages import holed

SYMBOLS = ["AAPL", "MSFT"]


def rows(session: Session, *events: str) -> list[dict[str, Any]]:
    control = session.control.filter(pl.col("event").is_in(events)).collect()
    return control.select("event", "channel", "ts_recv", "ts_from", "ts_to", "symbols", "detail").to_dicts()


def receptions(session: Session, name: str) -> list[int]:
    return session.market_data.filter(pl.col("symbol") == name).collect()["ts_recv"].to_list()


class Hand:
    """Publishes numbered prices of both symbols, and waits until a client has them."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server, self.client, self.number = server, client, 0

    async def publish(self, *names: str, arrives: bool = True) -> None:
        self.number += 1
        for name in names or SYMBOLS:
            self.server.publish(market_data(symbol(name, float(self.number))))
        if arrives:
            await until(lambda: all(self.price(name) == self.number for name in names or SYMBOLS))

    def price(self, name: str) -> float | None:
        latest = self.client.latest(name)
        return None if latest is None else latest.price


class TestClient:
    async def test_subscriptions_are_rows_from_their_acknowledgement_on(self, tmp_path: Path) -> None:
        async with Server(port=0) as server, Client(server.url) as client:
            await client.subscribe(["AAPL"], data_types=["QUOTES"], frequency=0)
            recording = Recording(tmp_path / "session", source=describe(client))
            end = tap(client, recording)
            await Hand(server, client).publish("AAPL")
            await client.subscribe(["MSFT"], data_types=["TRADES", "QUOTES"], frequency=0)
            await Hand(server, client).publish("MSFT")
            await client.unsubscribe(["AAPL"])
            await Hand(server, client).publish("MSFT")
            end()
        session = recording.close()
        found = [(row["event"], row["symbols"], row["detail"]) for row in rows(session, "subscribe", "unsubscribe")]
        assert found == [
            ("subscribe", ["AAPL"], "QUOTES"),
            ("subscribe", ["MSFT"], "QUOTES, TRADES"),
            ("unsubscribe", ["AAPL"], None),
        ]
        begun, joined, left = (row["ts_recv"] for row in rows(session, "subscribe", "unsubscribe"))
        (ended,) = (row["ts_recv"] for row in rows(session, "end"))
        assert session.coverage().select("symbol", "from", "to", "share", "holes").rows() == [
            ("AAPL", begun, left, 1.0, 0),
            ("MSFT", joined, ended, 1.0, 0),
        ]

    @pytest.mark.parametrize("fault", ["cut", "half_open"])
    async def test_a_cut_is_a_hole_from_the_last_message_to_the_first_that_comes_again(
        self, tmp_path: Path, fault: str
    ) -> None:
        """The times of the messages themselves say where the hole is, also if the client notices much later."""
        async with Server(port=0) as server, ChaosProxy(server.port) as proxy:
            client = Client(proxy.url, heartbeat_interval=0.3, **QUICK)
            async with client:
                recording = Recording(tmp_path / "session", source=describe(client))
                end = tap(client, recording)
                await client.subscribe(SYMBOLS, frequency=0)
                hand = Hand(server, client)
                for _ in range(3):
                    await hand.publish()
                lost: asyncio.Future[object] = asyncio.get_running_loop().create_future()
                client.on("disconnected", lambda *what: lost.done() or lost.set_result(what))
                getattr(proxy, fault)()
                for _ in range(5):
                    await hand.publish(arrives=False)
                await lost
                await client.wait_connected()
                for _ in range(3):
                    await hand.publish()
                end()
        session = recording.close()
        (cut,) = (row["ts_recv"] for row in rows(session, "disconnect"))
        for name in SYMBOLS:
            times = receptions(session, name)
            # Any message before the cut shows that the connection was there, such as an answer to a heartbeat.
            received = [at for table in (session.market_data, session.messages) for at in table.collect()["ts_recv"]]
            before, after = max(at for at in received if at < cut), min(at for at in times if at > cut)
            detail = session.coverage(detail=True).filter(pl.col("symbol") == name)
            assert detail["covered"].to_list() == [True, False, True]
            assert detail.row(1, named=True) == {
                "symbol": name,
                "from": before,
                "to": after,
                "covered": False,
                "why": "disconnect",
                "estimated": False,
            }

    async def test_a_lost_message_is_a_hole_from_the_one_before_it_to_the_snapshot(self, tmp_path: Path) -> None:
        """The gap ends with the message that shows it, the hole when the state has come anew."""
        info = ChannelInfo(
            channel=1,
            symbols=SYMBOLS,
            data_types=[DataType.QUOTES],
            frequency=0,
            slow_consumer=SlowConsumer.CONFLATE,
            sequence=0,
        )
        walk = [market_data(symbol("AAPL"), channel=1, sequence=number) for number in (1, 2, 5, 6)]
        anew = market_data(symbol("AAPL"), channel=1, sequence=6)
        anew.snapshot = True

        arrived: list[Message] = []

        async def talk(connection: ServerConnection) -> None:
            await connection.send(JSON.encode(Ack(timestamp=1.0, message="welcome", session="s")), text=True)
            frames: list[Any] = [walk, [anew]]
            async for data in connection:
                request = JSON.decode(data.encode() if isinstance(data, str) else data)
                ack = Ack(timestamp=1.0, id=request.id, message="subscribed", channels=[info])
                for message in (ack, *(frames.pop(0) if frames else ())):
                    await connection.send(JSON.encode(message), text=True)
                    await until(lambda message=message: message in arrived)  # what comes at once has one time

        async with serve(talk, "127.0.0.1", 0) as foreign:
            host, port = foreign.sockets[0].getsockname()[:2]
            async with Client(f"ws://{host}:{port}") as client:
                client.on("message", arrived.append)
                recording = Recording(tmp_path / "session", source=describe(client))
                end = tap(client, recording)
                await client.subscribe(SYMBOLS, frequency=0)
                await until(lambda: anew in arrived)
                end()
        session = recording.close()
        _, before, noticed, _, again = receptions(session, "AAPL")
        (gap,) = rows(session, "gap")
        assert (gap["ts_from"], gap["ts_to"], gap["symbols"]) == (before, noticed, SYMBOLS)
        (resync,) = rows(session, "resync")
        assert (resync["ts_from"], resync["ts_to"], resync["channel"]) == (noticed, again, 1)
        assert resync["symbols"] == ["AAPL"], "a symbol that the server knows nothing about has nothing to come"
        holes = session.coverage(detail=True).filter(~pl.col("covered")).select("symbol", "from", "to", "why")
        assert holes.rows() == [("AAPL", before, again, "gap"), ("MSFT", before, noticed, "gap")]


class TestServer:
    async def recorded(self, source: Any, folder: Path) -> Session:
        """What a server publishes of a whole source."""
        async with Server(source, port=0) as server, Client(server.url) as client:
            recording = Recording(folder, source=describe(server))
            end = tap(server, recording)
            await client.subscribe(list(source.symbols), frequency=0)
            await until(lambda: client.replay_ended)
            end()
        return recording.close()

    async def test_a_gap_of_the_source_is_a_hole_until_the_next_message(self, tmp_path: Path) -> None:
        gap = Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="drop", symbols=["MSFT"])
        both = [market_data(symbol("AAPL"), symbol("MSFT")) for _ in range(2)]
        source = SeekableListedSource([(5, both[0]), (7, gap), (8, market_data(symbol("AAPL"))), (9, both[1])])
        source.clock.speed = float("inf")
        source.clock.resume()
        session = await self.recorded(source, tmp_path / "session")
        assert session.coverage(detail=True).select("symbol", "from", "to", "covered", "why").rows() == [
            ("AAPL", 5, 9, True, None),
            ("AAPL:NYSE", 5, 9, True, None),
            ("MSFT", 5, 7, True, None),
            ("MSFT", 7, 9, False, "gap"),
        ]

    async def test_what_could_not_be_recorded_is_missing_until_the_next_message(self, tmp_path: Path) -> None:
        async with Server(ListedSource([]), port=0) as server:
            recording = Recording(tmp_path / "session", source=describe(server))
            end = tap(server, recording)
            (attempt,) = server.taps
            attempt(Timed(5, market_data(symbol("AAPL"), symbol("MSFT"))))
            with pytest.raises(MessageParseError, match="nan"):
                attempt(Timed(6, market_data(symbol("AAPL", float("nan")))))
            attempt(Timed(9, market_data(symbol("AAPL"), symbol("MSFT"))))
            end()
        holes = recording.close().coverage(detail=True).filter(~pl.col("covered"))
        assert holes.select("symbol", "from", "to", "why").rows() == [("AAPL", 6, 9, "drop")]


class TestReplay:
    """A replay has the losses of its recording again."""

    async def test_a_recording_of_the_replay_has_the_holes_again(self, tmp_path: Path) -> None:
        """A server's recording in source time has them to the nanosecond; a client is told, and its books are stale."""
        first = holed(tmp_path / "first")
        source = first.replay()
        source.clock.pause()
        async with Server(source, port=0) as server, Client(server.url) as client:
            recordings = [Recording(tmp_path / name, source={}) for name in ("server", "client")]
            ends = [tap(server, recordings[0]), tap(client, recordings[1])]
            losses: list[tuple[Loss, float | None]] = []
            client.on("loss", lambda loss: losses.append((loss, client.latest("AAPL").price)))
            await client.subscribe(SYMBOLS, frequency=0)
            while not client.replay_ended:
                await client.replay.step(1)  # one by one: what comes in one piece has one time
            for end in ends:
                end()
        by_server, by_client = (recording.close() for recording in recordings)
        columns = ["symbol", "from", "to", "covered"]
        assert by_server.coverage(detail=True).select(columns).equals(first.coverage(detail=True).select(columns))
        assert [(loss.reason, price) for loss, price in losses] == [("gap", 201.0), ("gap", 601.0)]
        holes = by_client.coverage(detail=True).filter(~pl.col("covered"))
        assert holes["symbol"].to_list() == ["AAPL", "MSFT", "MSFT"]
        for name, since, to in holes.select("symbol", "from", "to").rows():
            prices = by_client.market_data.filter(pl.col("symbol") == name).select("ts_recv", "price").collect()
            assert prices.filter(pl.col("ts_recv").is_between(since, to, closed="none")).is_empty()
            assert prices.filter(pl.col("ts_recv") >= to)["price"][0] in (401.0, 701.0)
