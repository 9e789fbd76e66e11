from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import hftlab.bench
from hftlab.bench.itch_flow import MIX, SYMBOLS, order_flow
from hftlab.book import BookSet
from hftlab.events import COLUMNS, EventBatch
from hftlab.venues import itch
from tests.needs import program

MESSAGES, LIVE = 60_000, 4_000


@pytest.fixture(scope="module")
def flow() -> EventBatch:
    return order_flow(MESSAGES, LIVE, seed=7)


class TestFlow:
    def test_is_the_same_for_the_same_seed(self, flow: EventBatch) -> None:
        same, other = order_flow(MESSAGES, LIVE, seed=7), order_flow(MESSAGES, LIVE, seed=8)
        assert all((getattr(flow, name) == getattr(same, name)).all() for name in COLUMNS)
        assert flow.order_id.tolist() != other.order_id.tolist()

    def test_has_the_mix_and_the_live_orders_that_it_says(self, flow: EventBatch) -> None:
        decoder = itch.Decoder()
        decoder.decode(itch.Encoder().encode(flow))
        stats = decoder.stats
        found = {"add": "A", "replace": "U", "delete": "D", "execute": "E", "cancel": "X"}
        counted = Counter({name: stats.messages[letter] / MESSAGES for name, letter in found.items()})
        assert counted.total() == 1
        assert all(abs(counted[name] - share) < 0.05 for name, share in MIX.items())
        assert 0.4 * LIVE < stats.live_orders <= LIVE

    def test_leaves_no_anomaly_in_the_books(self, flow: EventBatch) -> None:
        books = BookSet(policy="raise")
        books.apply(flow)
        assert not books.anomalies
        assert len(books) == len(SYMBOLS)


def test_the_peer_ends_with_the_same_books(flow: EventBatch, tmp_path: Path) -> None:
    source = Path(hftlab.bench.__file__).with_name("itch_peer.cpp")
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run([program("g++", "g++"), "-O1", "-std=c++17", *warnings, "-o", tmp_path / "peer", source], check=True)
    itch.write(tmp_path / "flow.itch", flow)
    said = json.loads(subprocess.check_output([tmp_path / "peer", tmp_path / "flow.itch", "2"]))
    assert len(said["ns"]) == 2
    books = BookSet()
    books.apply(flow)
    for symbol in SYMBOLS:
        tops = [[round(price * 10_000), size, orders] for price, size, orders in books[symbol].best()]
        assert said["tops"][symbol] == tops
    assert said["tops"].keys() == set(SYMBOLS)
