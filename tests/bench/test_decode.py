from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hftlab.bench import decode
from hftlab.bench.iex_flow import write_deep_plus
from hftlab.bench.itch_flow import SYMBOLS, order_flow
from hftlab.book import BookSet
from hftlab.errors import HftlabError
from hftlab.events import F_LAST
from hftlab.venues import iex, mitch, nyse


@pytest.mark.parametrize(("module", "package"), [("itch.parser", "itchfeed"), ("dpkt", "dpkt")])
def test_without_the_peers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    monkeypatch.setattr(decode, "_dpkt" if package == "itchfeed" else "_itchfeed", lambda: None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HftlabError, match=f"{package}, which is not installed: pip install '{package}>="):
        decode.run()


def test_bursts_are_of_whole_events_and_received_in_order() -> None:
    flow = decode._in_bursts(order_flow(2_000, 100, 3))
    changes = np.flatnonzero(np.diff(flow.ts_recv))
    assert (flow.flags[changes] & F_LAST).all()
    assert (flow.ts_recv >= flow.ts_event).all()
    assert (np.diff(flow.ts_recv) >= 0).all()
    assert 200 < len(changes) < 600


@pytest.mark.parametrize(("module", "venue"), [(nyse, decode.NYSE), (mitch, decode.LSE)])
def test_the_flow_is_one_message_an_event_in_other_formats(tmp_path: Path, module: object, venue: object) -> None:
    flow = decode._listed(decode._in_bursts(order_flow(2_000, 100, 3)), venue)
    path = tmp_path / "day.pcap"
    module.write(path, flow)
    reader = module.read(path)
    assert sum(map(len, reader)) == len(flow)
    assert decode._reading(module.read)(path) >= 2_000
    assert decode._datagrams(path) > 200


def test_the_flow_in_deep_plus_makes_the_books_that_it_makes_itself(tmp_path: Path) -> None:
    flow = decode._in_bursts(order_flow(3_000, 100, 3))
    write_deep_plus(tmp_path / "day.pcap", flow)
    reader = iex.read(tmp_path / "day.pcap")
    found, wanted = BookSet(), BookSet()
    for batch in reader:
        found.apply(batch)
    wanted.apply(flow)
    assert reader.stats.malformed == reader.stats.unknown_orders.total() == 0
    for symbol in SYMBOLS:
        assert (found[symbol].bids(500), found[symbol].asks(500)) == (
            wanted[symbol].bids(500),
            wanted[symbol].asks(500),
        )
