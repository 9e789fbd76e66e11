from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

import pytest

from hftlab.gateway import NatsServer
from tests.command import Run, ended, first_line, sentence, started
from tests.waiting import until


class TestCluster:
    def test_it_prints_its_addresses_and_ends_at_an_interrupt(self) -> None:
        with started("cluster", "--source", "walk", "--gateways", "2", "--port", "0") as process:
            urls = [first_line(process), first_line(process)]
            assert all(url.startswith("ws://127.0.0.1:") for url in urls)
            for url in urls:
                with urllib.request.urlopen(url.replace("ws", "http", 1) + "/ready") as answer:
                    assert answer.status == 200
            process.send_signal(signal.SIGINT)
            assert ended(process).status == 0


class TestPublishAndGateway:
    @pytest.mark.soak
    def test_they_find_each_other(self, tmp_path: Path) -> None:
        with (
            NatsServer(folder=tmp_path) as nats,
            started("publish", "--source", "walk", "--nats", nats.url) as publisher,
            started("gateway", "--nats", nats.url, "--port", "0") as gateway,
        ):
            assert first_line(publisher) == f"publishing random walk to {nats.url} as main"
            ready = first_line(gateway).replace("ws", "http", 1) + "/ready"
            until(lambda: _is_ready(ready))
            for process in (gateway, publisher):
                process.send_signal(signal.SIGINT)
                assert ended(process).status == 0

    def test_a_wrong_address_is_said(self, run: Run) -> None:
        assert "not the address of a NATS server" in sentence(run("gateway", "--nats", "127.0.0.1"))

    def test_a_password_that_is_not_there(self, run: Run, tmp_path: Path) -> None:
        said = sentence(run("publish", "--nats-user", "u", "--nats-password", tmp_path / "none"))
        assert said.startswith("hftlab: --nats-password")

    def test_a_feed_beside_a_source_is_refused(self, run: Run) -> None:
        assert "a source of its own" in sentence(run("publish", "--feed", "binance:BTCUSDT", "--source", "walk"))


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("command", ["publish", "gateway", "cluster"])
def test_their_help_names_nats(run: Run, command: str) -> None:
    assert "nats" in run(command, "--help").out.lower()
