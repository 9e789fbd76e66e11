from __future__ import annotations

from pathlib import Path

import pytest

from hftlab import Clock
from hftlab.errors import ArgumentError, ConnectionFailed, HftlabError
from hftlab.gateway import NatsServer, NatsTerms, PublisherNode
from hftlab.simulator import Exchange, RandomWalk
from tests.gateway.conftest import free_port, until


class TestArguments:
    def test_an_unpaced_source_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match="unpaced"):
            PublisherNode(RandomWalk(7, clock=Clock(speed=float("inf"))))

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


class TestOthers:
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


async def _nobody(*_: object) -> None:
    pass
