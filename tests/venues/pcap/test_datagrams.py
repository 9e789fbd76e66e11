"""Datagrams made of payloads."""

from __future__ import annotations

from hftlab.venues.pcap import Datagrams
from tests.venues.pcap.packets import FLOWS


def test_payloads_go_out_on_the_flows_in_turn() -> None:
    made = Datagrams.of([b"a", b"", b"bc"], [1, 2, 3], *FLOWS[:2])
    assert [made.payload(row) for row in range(len(made))] == [b"a", b"", b"bc"]
    assert (made.ts_recv.tolist(), made.flow.tolist(), made.flows) == ([1, 2, 3], [0, 1, 0], FLOWS[:2])


def test_of_nothing() -> None:
    assert len(Datagrams.of([], 7, FLOWS[0])) == 0
