"""Hypothesis strategies for segments of IEX-TP, made from the oracle's table."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hftlab.venues.pcap import Datagrams, Flow
from tests.venues.iex.oracle import FIELDS, LARGEST_PRICE, message_of, segment

FLOWS = (Flow("192.0.2.1", 1, "233.252.0.1", 2), Flow("192.0.2.1", 1, "233.252.0.2", 2))

_CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "flag": st.sampled_from([0x38, 0x35, 0x38, 0x35, 0, 1, 0x40]),
    "time": st.sampled_from([0, 1_727_787_282_638_070_000, 2**63 - 1]),
    "symbol": st.sampled_from([b"IBKR    ", b"IBKR    ", b"ZVZZT   ", b"ABCDEFGH", b" A", b"A\x1b", b" " * 8]),
    "order": st.integers(0, 3) | st.sampled_from([0x0063_0000_0000_000A, 2**64 - 1]),
    "size": st.sampled_from([0, 1, 2, 5, 100, 100, 2**32 - 1]),
    "bid_size": st.sampled_from([0, 1, 100]),
    "ask_size": st.sampled_from([0, 1, 100]),
    "bid": st.sampled_from([0, 1_365_000, 1_365_100]),
    "ask": st.sampled_from([0, 1_365_200, 1_365_300, LARGEST_PRICE + 1]),
    "price": st.sampled_from([0, 1_365_000, 1_365_000, 1_365_100, -1, LARGEST_PRICE, LARGEST_PRICE + 1]),
}


@st.composite
def messages(draw: st.DrawFn, kinds: str = "aaaaaaMMRLLTC") -> bytes:
    """One message of a type that the books are made of: few orders and symbols, so that they meet."""
    kind = draw(st.sampled_from(kinds))
    return message_of(kind, **{name: draw(_CHOICES[name]) for name, _ in FIELDS[kind] if name in _CHOICES})


OTHERS = st.sampled_from([message_of(kind, symbol=b"IBKR    ") for kind in FIELDS if kind not in "85Q"])
ODD = messages().map(lambda one: one[:-1]) | messages().map(lambda one: one + b"zz") | st.just(b"z")


def segments_of(lists: list[list[bytes]]) -> list[bytes]:
    """Segments of messages, whose numbers go on; an empty one is a heartbeat."""
    segments, first = [], 1
    for some in lists:
        segments.append(segment(*some, sequence=first))
        first += len(some)
    return segments


ORDERS = st.lists(st.lists(messages() | messages() | OTHERS | ODD, max_size=8), max_size=12).map(segments_of)
LEVELS = st.lists(st.lists(messages("8855T"), max_size=8), max_size=12).map(segments_of)
QUOTES = st.lists(st.lists(messages("QQQQT"), max_size=8), max_size=12).map(segments_of)
STREAMS = ORDERS | ORDERS | LEVELS | QUOTES


def datagrams(payloads: list[bytes], lines: int = 1) -> Datagrams:
    """Datagrams that were received at 0, 1, 2, ... ns, on each line in turn."""
    return Datagrams.of(payloads, range(len(payloads)), *FLOWS[:lines])
