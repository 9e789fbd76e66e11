from __future__ import annotations

import asyncio
import json
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg

from hftlab import Client
from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed, HftlabError, NetworkError, PortInUse, ServerError
from hftlab.gateway import Gateway, NatsServer, NatsTerms, PublisherNode, remote_accounts
from hftlab.gateway.account_records import StateRequest, encode
from hftlab.gateway.announcement import Announcement, Beat
from hftlab.gateway.publisher_node import BEAT
from hftlab.gateway.subjects import Subjects, token_of
from hftlab.protocol import Gap, MarketData, Message
from hftlab.simulator import Exchange, RandomWalk
from hftlab.source import Source
from tests.gateway.conftest import PATIENCE, free_port, until

QUICK: dict[str, Any] = {"reconnect_interval": 0.01, "max_reconnect_attempts": None}
"""A client that comes back as soon as it can."""


@asynccontextmanager
async def running(
    source: Source[Message], terms: NatsTerms, cluster: str, gateways: int = 1, **options: Any
) -> AsyncIterator[tuple[PublisherNode, list[Gateway]]]:
    """A publisher and gateways, all ready."""
    node = PublisherNode(source, terms, cluster=cluster, **options)
    made = [Gateway(terms, port=0, cluster=cluster) for _ in range(gateways)]
    async with node:
        await asyncio.gather(*(gateway.start() for gateway in made))
        try:
            for gateway in made:
                await until(lambda gateway=gateway: gateway.server.unready() is None)
            yield node, made
        finally:
            await asyncio.gather(*(gateway.stop() for gateway in made))


async def read(client: Client, condition: Any) -> list[Message]:
    """Read until a message meets a condition."""
    found: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            found.append(message)
            if condition(message):
                break
    return found


def ready(url: str) -> tuple[int, dict[str, Any]]:
    """The answer of /ready."""
    try:
        with urllib.request.urlopen(url.replace("ws://", "http://") + "/ready") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def page(url: str, path: str) -> str:
    """The answer of another page."""
    with urllib.request.urlopen(url.replace("ws://", "http://") + path) as answer:
        return str(answer.read().decode())


class Some(RandomWalk):
    """A walk of other symbols, with as many levels."""

    def __init__(self, symbols: Sequence[str], levels: int = 10) -> None:
        super().__init__(7, interval=10_000_000)
        self._names, self._levels = list(symbols), levels

    @property
    def symbols(self) -> list[str]:
        return self._names

    def advance(self, until: int) -> list[MarketData]:
        return [self._cut(message) for message in super().advance(until)]

    def _cut(self, message: MarketData) -> MarketData:
        named = []
        for name, symbol in zip(self._names, message.symbols, strict=False):
            bids, asks = ((side or []) * self._levels for side in (symbol.bids, symbol.asks))
            cut = {"bids": bids[: self._levels], "asks": asks[: self._levels]}
            named.append(msgspec.structs.replace(symbol, symbol=name, **cut))
        return msgspec.structs.replace(message, symbols=named)


class Failing(RandomWalk):
    """A walk that fails when it is told to."""

    fails = False

    def advance(self, until: int) -> list[MarketData]:
        if self.fails:
            raise ValueError("a bad line")
        return list(super().advance(until))


class Recorded(RandomWalk):
    """A walk that keeps what it has yielded."""

    def __init__(self) -> None:
        super().__init__(7, interval=10_000_000)
        self.yielded: list[MarketData] = []

    def advance(self, until: int) -> Sequence[MarketData]:
        found = list(super().advance(until))
        self.yielded += found
        return found


def facts(message: MarketData) -> Any:
    return msgspec.to_builtins([msgspec.structs.replace(symbol, trades=None) for symbol in message.symbols])


class TestMarketData:
    async def test_clients_of_two_gateways_get_what_the_source_yields(self, terms: NatsTerms, cluster: str) -> None:
        source = Recorded()
        async with running(source, terms, cluster, 2) as (_, gateways):
            for gateway in gateways:
                async with Client(gateway.url) as client:
                    assert client.offered_symbols == source.symbols
                    await client.subscribe(source.symbols, frequency=0)
                    got = await read(client, lambda message: isinstance(message, MarketData) and message.sequence == 20)
                live = [facts(one) for one in got if isinstance(one, MarketData) and not one.snapshot]
                yielded = [facts(one) for one in source.yielded]
                assert len(live) == 20
                at = yielded.index(live[0])
                assert live == yielded[at : at + 20]
                assert not any(isinstance(one, Gap) for one in got)

    async def test_msgpack_and_paced_clients_get_the_same_state(self, terms: NatsTerms, cluster: str) -> None:
        source = Recorded()
        async with (
            running(source, terms, cluster) as (_, (gateway,)),
            Client(gateway.url, encoding="msgpack") as packed,
            Client(gateway.url) as paced,
        ):
            await packed.subscribe(["AAPL"], frequency=0)
            await paced.subscribe(["AAPL"], frequency=50)
            states = [one for client in (packed, paced) for one in await read(client, _third)]
        yielded = [facts(one)[0] for one in source.yielded]
        assert all(facts(one)[0] in yielded for one in states if isinstance(one, MarketData))

    async def test_two_publishers_have_their_own_symbols(self, terms: NatsTerms, cluster: str) -> None:
        one, other = Some(["AAPL"]), Some(["MSFT", "BRK.B"])
        async with (
            running(one, terms, cluster) as (_, (gateway,)),
            PublisherNode(other, terms, cluster=cluster),
        ):
            await until(lambda: gateway.server.limits and len(gateway.server.source.symbols) == 3)  # type: ignore[union-attr]
            async with Client(gateway.url) as client:
                await client.subscribe(["AAPL", "MSFT", "BRK.B"], frequency=0)
                await until(lambda: all(client.latest(name) for name in ("AAPL", "MSFT", "BRK.B")))

    async def test_a_lost_message_is_a_gap_and_a_snapshot(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with running(Recorded(), terms, cluster) as (node, (gateway,)), Client(gateway.url) as client:
            await client.subscribe(["AAPL"], frequency=0)
            await read(client, _third)
            node._market._sequences["AAPL"] += 3  # as if three frames were never sent
            told = await read(client, lambda message: isinstance(message, Gap))
            assert "messages were lost" in told[-1].reason  # type: ignore[union-attr]
            (first, *_) = await read(client, lambda message: isinstance(message, MarketData))
            assert isinstance(first, MarketData)
            assert gateway.stats()["lost"] == 3
            metrics = await asyncio.to_thread(page, gateway.url, "/metrics")
            for line in ("hftlab_lost_total 3.0", "hftlab_strays_total 0.0", "hftlab_unanswered_total 0.0"):
                assert line in metrics.splitlines()

    async def test_a_message_that_nats_does_not_take_is_a_gap(self, tmp_path: Any, cluster: str) -> None:
        config = tmp_path / "nats.conf"
        config.write_text("max_payload: 2048")
        with NatsServer(folder=tmp_path, jetstream=False, options=["-c", str(config)]) as nats:
            terms = NatsTerms(servers=[nats.url])
            small, big = Some(["AAPL"], 2), Some(["MSFT"], 60)
            async with running(small, terms, cluster) as (_, (gateway,)):
                node = PublisherNode(big, terms, cluster=cluster)
                async with node, Client(gateway.url) as client:
                    await until(lambda: len(gateway.server.source.symbols) == 2)  # type: ignore[union-attr]
                    await client.subscribe(["MSFT"], frequency=0)
                    told = await read(client, lambda message: isinstance(message, Gap))
                    assert "max_payload there is 2,048" in told[-1].reason  # type: ignore[union-attr]
                    await client.subscribe(["AAPL"], frequency=0)
                    await until(lambda: client.latest("AAPL"))

    async def test_more_symbols_than_nats_takes_are_refused(self, tmp_path: Any, cluster: str) -> None:
        """No gateway would ever hear who that publisher is."""
        config = tmp_path / "nats.conf"
        config.write_text("max_payload: 2048")
        source = Some([f"SYMBOL{number}" for number in range(300)], 2)
        said = r"names of 300 symbols are [\d,]+ bytes.*takes 2,048: raise max_payload"
        with NatsServer(folder=tmp_path, jetstream=False, options=["-c", str(config)]) as nats:
            node = PublisherNode(source, NatsTerms(servers=[nats.url]), cluster=cluster)
            with pytest.raises(HftlabError, match=said):
                await node.start()

    async def test_a_source_that_fails_is_an_error_and_a_gap(self, terms: NatsTerms, cluster: str) -> None:
        source = Failing(7)
        async with running(source, terms, cluster) as (node, (gateway,)), Client(gateway.url) as client:
            errors: list[Exception] = []
            client.on("error", errors.append)
            await client.subscribe(["AAPL"], frequency=0)
            source.fails = True
            told = await read(client, lambda message: isinstance(message, Gap))
            assert told[-1].reason == "the source has failed: ValueError: a bad line"  # type: ignore[union-attr]
            assert "'random walk' has failed (ValueError: a bad line)" in str(errors[0])
            assert "has failed (ValueError: a bad line)" in str(node.problem)
            await until(lambda: gateway.stats()["problems"] == [node.problem])

    async def test_a_message_that_cannot_be_published_fails_the_source(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A publisher that sends nothing more says so."""

        def broken(_: Message) -> None:
            raise TypeError("of our own making")

        async with running(RandomWalk(7), terms, cluster) as (node, (gateway,)), Client(gateway.url) as client:
            await client.subscribe(["AAPL"], frequency=0)
            await read(client, lambda message: isinstance(message, MarketData))
            monkeypatch.setattr(node._market, "put", broken)
            told = await read(client, lambda message: isinstance(message, Gap))
            assert "the source has failed: TypeError: of our own making" in told[-1].reason  # type: ignore[union-attr]
            await until(lambda: gateway.stats()["problems"] == [node.problem])


def _third(message: Message) -> bool:
    return isinstance(message, MarketData) and message.sequence is not None and message.sequence >= 3


class TestReadiness:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """start() returns early where there is nothing to wait for."""
        monkeypatch.setattr("hftlab.gateway.gateway._START", 0.3)

    async def test_without_nats_it_listens_and_says_why_it_is_not_ready(self, tmp_path: Any, cluster: str) -> None:
        port = free_port()
        terms = NatsTerms(servers=[f"nats://127.0.0.1:{port}"])
        gateway = Gateway(terms, port=0, cluster=cluster)
        await gateway.start()
        status, said = await asyncio.to_thread(ready, gateway.url)
        assert status == 503
        assert "NATS" in said["reason"]
        with pytest.raises(ConnectionFailed, match="not ready: NATS"):
            await Client(gateway.url, auto_reconnect=False).connect()
        with NatsServer(port, tmp_path):
            async with PublisherNode(RandomWalk(1), terms, cluster=cluster):
                await until(lambda: gateway.server.unready() is None)
                assert await asyncio.to_thread(ready, gateway.url) == (200, {"status": "ready"})
            await until(lambda: gateway.server.unready() is not None)
            assert "no publisher is heard" in str(gateway.server.unready())
            await gateway.stop()

    async def test_wrong_credentials_are_said(self, tmp_path: Any, cluster: str) -> None:
        with NatsServer(folder=tmp_path, jetstream=False, options=["--auth", "right"]) as nats:
            async with Gateway(NatsTerms(servers=[nats.url], token="wrong"), port=0, cluster=cluster) as gateway:
                await until(lambda: "refuses the credentials" in str(gateway.server.unready()))

    async def test_one_that_cannot_listen_leaves_nothing_running(self, cluster: str) -> None:
        """It would go on reaching for NATS, and pass for a gateway there."""
        before = asyncio.all_tasks()
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUse):
            async with Gateway(port=taken.getsockname()[1], cluster=cluster):
                pass
        assert asyncio.all_tasks() == before

    async def test_a_publisher_that_could_not_be_asked_is_asked_again(self, terms: NatsTerms, cluster: str) -> None:
        """Its first sign of life comes while it does not answer who it is."""
        subjects, client = Subjects(cluster), await terms.connect("test", told=lambda _: None)
        async with Gateway(terms, port=0, cluster=cluster) as gateway:
            await client.publish(subjects.beats, encode(Beat("one")))
            await until(lambda: "one" in gateway._asked)

            async def introduce(message: Msg) -> None:
                await client.publish(message.reply, encode(Announcement("one", "a source", 1, ["AAPL"])))

            await client.subscribe(subjects.announcement("one"), cb=introduce)

            async def beat() -> None:
                while True:
                    await client.publish(subjects.beats, encode(Beat("one")))
                    await asyncio.sleep(BEAT)

            beating = asyncio.create_task(beat())
            await until(lambda: gateway.server.stats()["unready"] == "waiting for the state of AAPL")
            beating.cancel()
        await client.close()

    async def test_without_a_publisher_it_says_so(self, terms: NatsTerms, cluster: str) -> None:
        gateway = Gateway(terms, port=0, cluster=cluster)
        starting = asyncio.create_task(gateway.start())
        await until(lambda: "no publisher of the cluster" in str(gateway.server.unready()))
        await starting
        await gateway.stop()


@pytest.mark.usefixtures("compiled")
class TestAccounts:
    async def test_a_client_that_moves_has_everything_once(self, terms: NatsTerms, cluster: str) -> None:
        async with running(Exchange(7), terms, cluster, 3) as (node, (*gateways, third)):
            urls = [gateway.url for gateway in gateways]
            async with Client(urls, account="alice", **QUICK) as client, Client(third.url, account="alice") as buyer:
                numbers: list[int] = []
                reading = asyncio.create_task(_numbers_of(client, numbers))
                for _ in range(3):
                    await client.trading.buy("AAPL", 10)
                assert client.url == urls[0]
                for _ in range(3):
                    for gateway, after in zip(gateways, reversed(urls), strict=True):
                        for connection in gateway.server.connections():
                            gateway.server.disconnect(connection.id)
                        await buyer.trading.buy("AAPL", 10)  # while it is away, or comes back
                        await until(lambda url=after: client.url == url and client.connection_status == "CONNECTED")
                        await client.trading.buy("AAPL", 10)
                await until(lambda: client.trading.positions["AAPL"].quantity == 150)
                await until(lambda: buyer.trading.positions["AAPL"].quantity == 150)
                await until(lambda: numbers[-1] == node._accounts.sequence("alice"))
                reading.cancel()
            assert numbers == sorted(set(numbers))
            assert numbers[-1] - numbers[0] + 1 == len(numbers)

    async def test_an_order_that_is_sent_on_both_gateways_is_one(self, terms: NatsTerms, cluster: str) -> None:
        async with (
            running(Exchange(7), terms, cluster, 2) as (node, gateways),
            Client(gateways[0].url, account="alice") as one,
            Client(gateways[1].url, account="alice") as other,
        ):
            await asyncio.gather(
                *(client.trading.buy("AAPL", 10, price=1.0, client_order_id="same") for client in (one, other))
            )
            assert node.broker is not None
            assert len(node.broker.orders("alice")) == 1

    async def test_errors_of_the_broker_come_back(self, terms: NatsTerms, cluster: str) -> None:
        async with (
            running(Exchange(7), terms, cluster) as (_, (gateway,)),
            Client(gateway.url, account="alice") as client,
        ):
            await client.trading.buy("AAPL", 10, price=1.0, client_order_id="taken")
            with pytest.raises(ServerError, match="is that of another order"):
                await client.trading.buy("AAPL", 11, price=1.0, client_order_id="taken")

    async def test_a_gateway_that_starts_later_has_the_log(self, terms: NatsTerms, cluster: str) -> None:
        async with running(Exchange(7), terms, cluster) as (node, (gateway,)):
            async with Client(gateway.url, account="alice") as client:
                await client.trading.buy("AAPL", 10)
            async with Gateway(terms, port=0, cluster=cluster) as later:
                await until(lambda: later.server.unready() is None)
                async with Client(later.url, account="alice") as client:
                    await until(lambda: client.trading.positions["AAPL"].quantity == 10)
                    assert later.server._publisher.private_sequence("alice") == node._accounts.sequence("alice")
                    assert node.stats()["gateways"] == 2

    async def test_orders_of_a_gateway_that_is_gone_are_cancelled(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hftlab.gateway.account_requests._GONE", 1.0)
        async with running(Exchange(7), terms, cluster) as (node, (gateway,)):
            client = await Client(gateway.url, account="alice", cancel_on_disconnect=True).connect()
            await client.trading.buy("AAPL", 10, price=1.0)
            assert node.broker is not None
            assert len(node.broker.orders("alice")) == 1
            for task in gateway._tasks:  # as a killed process: it says nothing any more
                task.cancel()
            await until(lambda: node.broker is not None and not node.broker.orders("alice"))
            await client.close()

    async def test_a_connection_that_ends_cancels_its_orders(self, terms: NatsTerms, cluster: str) -> None:
        async with running(Exchange(7), terms, cluster) as (node, (gateway,)):
            async with Client(gateway.url, account="alice", cancel_on_disconnect=True) as client:
                await client.trading.buy("AAPL", 10, price=1.0)
            await until(lambda: node.broker is not None and not node.broker.orders("alice"))

    async def test_values_of_positions_come(self, terms: NatsTerms, cluster: str) -> None:
        async with (
            running(Exchange(7), terms, cluster) as (_, (gateway,)),
            Client(gateway.url, account="alice") as client,
        ):
            await client.trading.buy("AAPL", 10)
            await read(client, lambda message: message.type == "POSITION_UPDATE" and message.snapshot)

    async def test_a_publisher_that_is_started_again_begins_a_new_session(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Gateway(terms, port=0, cluster=cluster) as gateway:
            async with PublisherNode(Exchange(7), terms, cluster=cluster):
                await until(lambda: gateway.server.unready() is None)
                client = await Client(gateway.url, account="alice", **QUICK).connect()
                await client.subscribe(["AAPL"], frequency=0)
                await client.trading.buy("AAPL", 10)
            monkeypatch.setattr(remote_accounts, "ANSWER", 1.0)
            with pytest.raises(ServerError, match=r"no answer|not sent"):
                await client.trading.buy("AAPL", 10)
            monkeypatch.setattr(remote_accounts, "ANSWER", 8.0)
            session = gateway.server.session
            async with PublisherNode(Exchange(8), terms, cluster=cluster):
                await until(lambda: gateway.server.session != session and gateway.server.unready() is None)
                await until(lambda: client.connection_status == "CONNECTED" and client.account == "alice")
                await until(lambda: "AAPL" not in client.trading.positions)
                await client.trading.buy("AAPL", 20)
                await until(lambda: client.trading.positions["AAPL"].quantity == 20)
                await client.close()

    async def test_orders_behind_a_publisher_that_takes_none_are_refused_at_once(
        self, terms: NatsTerms, cluster: str
    ) -> None:
        async with Gateway(terms, port=0, cluster=cluster) as gateway:
            async with PublisherNode(Exchange(7), terms, cluster=cluster):
                await until(lambda: gateway.server.unready() is None)
            async with PublisherNode(Exchange(8), terms, cluster=cluster, orders=False) as other:
                await until(lambda: gateway._feed.owns(other.announcement.run))
                async with Client(gateway.url, account="alice") as client:
                    with pytest.raises(ServerError, match=r"not sent: .*takes no orders"):
                        await client.trading.buy("AAPL", 10)

    async def test_a_client_that_signs_in_while_the_venue_is_silent_gets_its_state_later(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with (
            running(Exchange(7, ["AAPL"]), terms, cluster) as (node, (gateway,)),
            PublisherNode(Some(["MSFT"]), terms, cluster=cluster),
        ):
            async with Client(gateway.url, account="alice") as client:
                await client.trading.buy("AAPL", 10)
            put_beat = node._market.put_beat
            monkeypatch.setattr(node._market, "put_beat", lambda *_: None)  # as a process that hangs
            await until(lambda: gateway.server.stats()["problems"])
            assert "is not heard" in gateway.server.stats()["problems"][0]
            async with Client(gateway.url, account="alice") as client:
                assert "AAPL" not in client.trading.positions
                with pytest.raises(ServerError, match=r"not sent: .*is not heard"):
                    await client.trading.buy("AAPL", 10)
                monkeypatch.setattr(node._market, "put_beat", put_beat)
                await until(lambda: "AAPL" in client.trading.positions and not gateway.server.stats()["problems"])
                await client.trading.buy("AAPL", 10)
                await until(lambda: client.trading.positions["AAPL"].quantity == 20)

    async def test_nats_that_is_killed_and_started_again(self, own_nats: NatsServer, cluster: str) -> None:
        terms = NatsTerms(servers=[own_nats.url])
        async with running(Exchange(7), terms, cluster, 2) as (node, gateways):
            urls = [gateway.url for gateway in gateways]
            async with Client(urls[0], account="alice") as client:
                numbers: list[int] = []
                reading = asyncio.create_task(_numbers_of(client, numbers))
                await client.subscribe(["AAPL"], frequency=0)
                await client.trading.buy("AAPL", 10)
                own_nats.kill()
                await until(lambda: gateways[0].server.unready() is not None)
                with pytest.raises(ServerError, match=r"not sent: .*NATS"):
                    await client.trading.buy("AAPL", 10)
                await asyncio.to_thread(own_nats.start)
                await until(lambda: gateways[0].server.unready() is None and node.problem is None)
                before = client.latest("AAPL")
                await until(lambda: client.latest("AAPL") != before)
                await _buy(client, 10, "again")
                await until(lambda: client.trading.positions["AAPL"].quantity == 20)
                reading.cancel()
            assert numbers == sorted(set(numbers))


async def _buy(client: Client, quantity: int, order_id: str) -> None:
    """Send an order until it is answered: who reads it may be back later than who sends it."""
    while True:
        try:
            await client.trading.buy("AAPL", quantity, client_order_id=order_id)
        except (ServerError, NetworkError):
            continue
        return


async def _numbers_of(client: Client, numbers: list[int]) -> None:
    async for message in client:
        if message.channel == 0 and message.sequence is not None:
            numbers.append(message.sequence)


@pytest.mark.usefixtures("compiled")
async def test_a_request_that_is_no_request_is_left_out(terms: NatsTerms, cluster: str) -> None:
    """Whoever may write to NATS may write nonsense."""
    async with (
        running(Exchange(7), terms, cluster) as (node, (gateway,)),
        Client(gateway.url, account="alice") as trader,
    ):
        subjects = Subjects(cluster)
        client = await terms.connect("test", told=lambda _: None)
        await client.jetstream().publish(f"{subjects.orders}.{token_of('alice')}", b"nonsense")
        nobody = StateRequest("g", 1, node._accounts.session, "", wall_time())  # whose answer would have no subject
        await client.jetstream().publish(f"{subjects.orders}.{token_of('alice')}", encode(nobody))
        await client.publish(f"{subjects.market}.AAPL", b"nonsense", headers={"Hftlab": "nonsense"})
        await client.publish(f"{subjects.gateways}", b"nonsense")
        await client.publish(f"{subjects.beats}", b"nonsense")
        await client.flush()
        await client.close()
        await trader.trading.buy("AAPL", 10)
        assert node.problem is None


@pytest.mark.usefixtures("compiled")
async def test_nats_that_has_lost_its_streams_gets_new_ones(own_nats: NatsServer, cluster: str) -> None:
    terms = NatsTerms(servers=[own_nats.url])
    async with (
        running(Exchange(7), terms, cluster) as (node, (gateway,)),
        Client(gateway.url, account="alice") as client,
    ):
        await client.trading.buy("AAPL", 10)
        own_nats.kill()
        shutil.rmtree(own_nats.folder / "jetstream")
        await asyncio.to_thread(own_nats.start)
        await until(lambda: node.problem is None and gateway.server.unready() is None)
        orders = gateway.stats()["unanswered"]
        while client.trading.positions["AAPL"].quantity < 30:
            with suppress(ServerError):  # the first may come before the streams are read again
                await client.trading.buy("AAPL", 10)
            assert gateway.stats()["unanswered"] - orders < 5
