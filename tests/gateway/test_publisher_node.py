from __future__ import annotations

from pathlib import Path

import pytest
from nats.aio.msg import Msg

from hftlab import Client
from hftlab.clock import to_milliseconds, wall_time
from hftlab.errors import ConnectionFailed, HftlabError, SubscriptionFailed
from hftlab.gateway import Gateway, NatsServer, NatsTerms, PublisherNode
from hftlab.gateway.announcement import Announcement, Beat, encode
from hftlab.gateway.subjects import Subjects
from hftlab.protocol import Gap, MarketData, ReplayAction, ReplayControl
from hftlab.session import open_session
from hftlab.simulator import Exchange, RandomWalk
from tests.command import ROOT
from tests.gateway.conftest import free_port, until
from tests.gateway.test_gateway import Some, read
from tests.gateway.test_same_as_server import book_delta
from tests.session.sessions import write_session


class TestArguments:
    def test_a_source_has_one_publisher_or_server(self) -> None:
        assert PublisherNode(RandomWalk(7)).broker is None


class TestStart:
    async def test_without_nats_it_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hftlab.gateway.publisher_node._PATIENCE", 0.5)
        source = RandomWalk(7)
        node = PublisherNode(source, NatsTerms(servers=[f"nats://127.0.0.1:{free_port()}"]))
        with pytest.raises(ConnectionFailed, match="start nats-server there"):
            await node.start()
        PublisherNode(source)  # which is free again

    @pytest.mark.usefixtures("compiled")
    async def test_without_jetstream_it_publishes_market_data_alone(self, tmp_path: Path) -> None:
        with NatsServer(folder=tmp_path, jetstream=False) as nats:
            terms, source = NatsTerms(servers=[nats.url]), Exchange(7)
            with pytest.raises(HftlabError, match=r"without JetStream.*--no-orders"):
                await PublisherNode(source, terms).start()
            async with PublisherNode(source, terms, orders=False) as node:
                await until(lambda: node.stats()["sent"] > 10)


class TestRecordings:
    async def test_one_that_is_sought_or_looped_goes_on_behind_a_gap(self, terms: NatsTerms, cluster: str) -> None:
        """With the state of there: servers tell it with a REPLAY_STATUS, which is of all symbols of all publishers."""
        recording = open_session(ROOT / "data" / "walk").replay(speed=10, loop=True)
        recording.clock.pause()
        start, end = (to_milliseconds(at) for at in recording.span or (0, 0))
        near_end = end - 300
        async with (
            PublisherNode(recording, terms, cluster=cluster) as node,
            Gateway(terms, port=0, cluster=cluster) as gateway,
            Client(gateway.url) as client,
        ):
            await client.subscribe(client.offered_symbols, frequency=0)
            await node._stream.control(ReplayControl(timestamp=1.0, action=ReplayAction.STEP, count=5))
            await read(client, lambda one: isinstance(one, MarketData) and one.sequence == 5)
            await node._stream.control(ReplayControl(timestamp=1.0, action=ReplayAction.SEEK, position=near_end))
            recording.clock.resume()
            told = await read(client, lambda one: isinstance(one, MarketData) and one.ts_recv == start)
        gaps = [at for at, one in enumerate(told) if isinstance(one, Gap)]
        assert len(gaps) == 2
        assert gaps[0] == 0
        assert all(str(told[at].reason).startswith("the recording goes on at 2026-01-02 14:") for at in gaps)  # type: ignore[union-attr]
        (_, state, *before) = told[: gaps[1]]
        (first,) = told[gaps[1] + 1 :]
        times = [symbol.timestamp for one in (state, *before, first) for symbol in one.symbols[:1]]  # type: ignore[union-attr]
        assert times[:-1] == sorted(times[:-1])
        assert near_end - 200 <= times[0] <= near_end < times[1]
        assert times[-1] == start
        assert {symbol.symbol for symbol in state.symbols} == set(recording.symbols)  # type: ignore[union-attr]

    async def test_one_of_incremental_books_has_whole_books_behind_a_seek(
        self, terms: NatsTerms, cluster: str, tmp_path: Path
    ) -> None:
        """The levels of there have come before, and what follows are the changes alone."""
        first = wall_time() // 1000 * 1000  # controls have whole microseconds
        deltas = [
            book_delta([(10.0, 1.0), (9.0, 1.0)], [(11.0, 1.0), (12.0, 1.0)], snapshot=True),
            *(book_delta([(10.0, 2.0 + number)], [(11.0 + number % 2, number % 3)]) for number in range(6)),
        ]
        times = [first + number * 1_000_000 for number in range(len(deltas))]
        session = write_session(tmp_path / "books", list(zip(times, deltas, strict=True)))
        recording = session.replay()
        recording.clock.pause()
        async with (
            PublisherNode(recording, terms, cluster=cluster) as node,
            Gateway(terms, port=0, cluster=cluster) as gateway,
            Client(gateway.url) as client,
        ):
            await client.subscribe("AAPL", frequency=0)
            step = ReplayControl(timestamp=1.0, action=ReplayAction.STEP, count=1)
            seek = ReplayControl(timestamp=1.0, action=ReplayAction.SEEK, position=to_milliseconds(times[3]))
            for control, at in ((step, 0), (step, 1), (seek, 3), (step, 4), (step, 5)):
                await node._stream.control(control)
                expected = session.book_at(times[at], "AAPL")
                await until(lambda: client.book("AAPL"))
                await until(lambda at=at: client.latest("AAPL").bid_size == deltas[at].bids[0].size)  # type: ignore[union-attr]
                book, state = client.book("AAPL"), client.latest("AAPL")
                assert book is not None
                assert (book.bids(), book.asks()) == (expected.bids(), expected.asks())
                assert state is not None
                assert state.price == (state.bid + state.ask) / 2

    async def test_one_that_has_ended_says_so(self, terms: NatsTerms, cluster: str) -> None:
        recording = open_session(ROOT / "data" / "walk").replay(speed=1000)
        async with (
            PublisherNode(recording, terms, cluster=cluster) as node,
            Gateway(terms, port=0, cluster=cluster) as gateway,
        ):
            await until(lambda: gateway.server.stats()["problems"])
            assert gateway.server.stats()["problems"] == [node.problem]
            assert node.problem == "the recording 'walk' has ended: start its publisher again, or loop it"
            assert gateway.server.unready() is None


class TestOthers:
    async def test_one_that_could_not_be_asked_is_asked_again(self, terms: NatsTerms, cluster: str) -> None:
        """A later publisher of the same symbols, which does not answer at its first sign of life."""
        subjects, client = Subjects(cluster), await terms.connect("test", told=lambda _: None)
        async with PublisherNode(RandomWalk(7), terms, cluster=cluster) as node:
            other = Announcement("other", "later", node.announcement.started_at + 1, node.announcement.symbols)
            asked = 0

            async def introduce(message: Msg) -> None:
                nonlocal asked
                asked += 1
                await client.publish(message.reply, b"not yet" if asked == 1 else encode(other))

            await client.subscribe(subjects.announcement("other"), cb=introduce)
            await client.publish(subjects.beats, encode(Beat("other")))
            await until(lambda: asked == 1)
            await until(lambda: "other" not in node._others)
            await client.publish(subjects.beats, encode(Beat("other")))
            await until(lambda: node.replaced_by == other)
            await until(node.ended.is_set)
        await client.close()

    async def test_two_publishers_of_one_symbol_are_refused(self, terms: NatsTerms, cluster: str) -> None:
        async with PublisherNode(RandomWalk(7), terms, cluster=cluster):
            with pytest.raises(HftlabError, match=r"AAPL.*has a publisher of that already"):
                await PublisherNode(RandomWalk(8), terms, cluster=cluster).start()
            async with PublisherNode(RandomWalk(8), terms, cluster=f"{cluster}-other"):
                pass

    @pytest.mark.usefixtures("compiled")
    async def test_one_publisher_of_a_cluster_takes_orders(self, terms: NatsTerms, cluster: str) -> None:
        async with PublisherNode(Exchange(7, ["AAPL"]), terms, cluster=cluster):
            other = Exchange(8, ["MSFT"])
            with pytest.raises(HftlabError, match=r"takes orders already.*--no-orders"):
                await PublisherNode(other, terms, cluster=cluster).start()
            async with PublisherNode(other, terms, cluster=cluster, orders=False) as node:
                assert node.problem is None

    async def test_one_that_could_not_be_asked_gives_way(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As if it had hung while the other was started."""
        async with PublisherNode(RandomWalk(7), terms, cluster=cluster) as hung:
            monkeypatch.setattr(PublisherNode, "_find_others", _nobody)
            async with PublisherNode(RandomWalk(8), terms, cluster=cluster) as later:
                await hung.ended.wait()
                assert "another publisher of its symbols was started" in str(hung.problem)
                assert later.problem is None


class TestStartedAgain:
    @pytest.mark.parametrize("gateways_tell", [True, False])
    async def test_with_a_clock_that_is_behind_it_has_its_symbols(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch, gateways_tell: bool
    ) -> None:
        """Where no gateway could tell the time of the one before, that one has to fall silent first."""
        if not gateways_tell:
            monkeypatch.setattr(Gateway, "_tell_newest", _nobody)
        async with Gateway(terms, port=0, cluster=cluster) as gateway:
            dead = PublisherNode(RandomWalk(7), terms, cluster=cluster)
            async with dead:
                await until(lambda: gateway.server.unready() is None)
            monkeypatch.setattr("hftlab.gateway.publisher_node.wall_time", lambda: wall_time() - 3600 * 10**9)
            async with (
                PublisherNode(RandomWalk(8), terms, cluster=cluster) as node,
                Client(gateway.url) as client,
            ):
                is_later = node.announcement.is_later_than(dead.announcement)
                assert is_later == gateways_tell
                await until(lambda: gateway._feed.owns(node.announcement.run))
                await client.subscribe(["AAPL"], frequency=0)
                before = client.latest("AAPL")
                await until(lambda: client.latest("AAPL") != before)
                assert gateway.server.unready() is None
                assert not gateway.server.stats()["problems"]

    @pytest.mark.usefixtures("compiled")
    async def test_with_a_clock_that_is_behind_it_takes_orders(
        self, terms: NatsTerms, cluster: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Gateway, "_tell_newest", _nobody)
        async with Gateway(terms, port=0, cluster=cluster) as gateway:
            async with PublisherNode(Exchange(7), terms, cluster=cluster):
                await until(lambda: gateway.server.unready() is None)
            monkeypatch.setattr("hftlab.gateway.publisher_node.wall_time", lambda: wall_time() - 10**9 * 5)
            async with PublisherNode(Exchange(8), terms, cluster=cluster) as node:
                session = node.announcement.session
                await until(lambda: gateway.server.session == session and gateway.server.unready() is None)
                async with Client(gateway.url, account="alice") as client:
                    await client.trading.buy("AAPL", 10)

    async def test_with_fewer_symbols_subscribers_of_the_others_get_a_gap_that_says_so(
        self, terms: NatsTerms, cluster: str
    ) -> None:
        async with Gateway(terms, port=0, cluster=cluster) as gateway:
            async with PublisherNode(Some(["AAPL", "MSFT"]), terms, cluster=cluster):
                await until(lambda: gateway.server.unready() is None)
                client = await Client(gateway.url).connect()
                await client.subscribe(["AAPL", "MSFT"], frequency=0)
                await until(lambda: client.latest("MSFT"))
            async with PublisherNode(Some(["AAPL"]), terms, cluster=cluster), client:
                without = "its publisher was started again without it"
                told = await read(client, lambda one: isinstance(one, Gap) and one.reason == without)
                assert isinstance(told[-1], Gap)
                assert told[-1].symbols == ["MSFT"]
                await read(client, lambda one: isinstance(one, MarketData))
                assert gateway.server.source.symbols == ["AAPL"]  # type: ignore[union-attr]
                with pytest.raises(SubscriptionFailed):
                    await client.subscribe(["MSFT"])
                assert gateway.server.unready() is None
                assert not gateway.server.stats()["problems"]


async def _nobody(*_: object) -> None:
    pass
