"""Signs of feeds in datagrams; whole captures are in test_recognition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.datagram_signatures import describe_payload, describe_units
from tests.venues.look_alikes import (
    DEEP,
    ITCH_MESSAGES,
    MITCH_HEARTBEAT,
    MITCH_UNIT,
    TOPS_15,
    XDP,
    XDP_ORDERS,
    XDP_OTHER,
    mold,
)
from tests.venues.mitch.oracle import LEAST


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (mold(*ITCH_MESSAGES), ("itch", "TotalView-ITCH 5.0 in MoldUDP64 packets")),
        (mold(), None),
        (DEEP, ("iex", "IEX's DEEP")),
        (b"\x01\x00\x05\x80" + bytes(36), ("iex", "IEX's DEEP+")),
        (b"\x01\x00\x03\x80" + bytes(36), ("iex", "IEX's TOPS")),
        (TOPS_15, (None, "IEX's TOPS 1.5")),
        (b"\x01\x00\x09\x90" + bytes(36), None),
        (XDP, (None, "NYSE's XDP packets")),
        (XDP_OTHER, (None, "NYSE's XDP packets")),
        (XDP_ORDERS, ("nyse", "NYSE's Integrated Feed")),
        (XDP + b"more", None),
        (MITCH_UNIT, ("mitch", "LSE's MITCH")),
        (MITCH_UNIT[:-1], None),
        (MITCH_HEARTBEAT, None),
        (b"", None),
    ],
)
def test_payloads(payload: bytes, found: tuple[str | None, str] | None) -> None:
    assert describe_payload(payload) == found


@given(st.binary(max_size=80))
def test_units_are_told_by_the_lengths_of_their_messages(rest: bytes) -> None:
    """Any bytes that pretend to be a unit are one only if known messages fill it."""
    at, count = 0, 0
    while at + 1 < len(rest) and rest[at] >= LEAST.get(rest[at + 1], 256):
        at, count = at + rest[at], count + 1
    is_unit = at == len(rest) > 0
    head = (8 + len(rest)).to_bytes(2, "little") + bytes([count]) + b"A" + bytes(4)
    found = describe_payload(head + rest)
    assert (found is not None and found[0] == "mitch") == is_unit


@pytest.mark.parametrize("cut", range(1, len(MITCH_UNIT), 40))
def test_a_file_of_units_may_end_within_one(cut: int) -> None:
    wanted = ("mitch", "a file of the units of LSE's MITCH")
    assert describe_units(MITCH_UNIT + MITCH_UNIT[:-cut]) == wanted
    assert describe_units(MITCH_HEARTBEAT * 2 + MITCH_UNIT) == wanted
    assert describe_units(MITCH_HEARTBEAT * 2) is None
    assert describe_units(MITCH_UNIT[cut:]) is None
