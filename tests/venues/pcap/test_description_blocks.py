"""Section headers and interfaces; captures with them are in test_reader."""

from __future__ import annotations

import struct

import pytest

from hftlab.venues.pcap.description_blocks import interface_of, section_order
from hftlab.venues.pcap.packet_state import DIVISOR, LINK, MULTIPLIER, OFFSET, SHIFT, SNAP
from tests.venues.pcap.packets import interface, option, section


def test_a_section_header_tells_its_byte_order() -> None:
    assert (section_order(section("<")), section_order(section(">"))) == ("little", "big")
    assert section_order(section("<")[:8] + bytes(4)) is None
    assert section_order(interface(1)) is None


@pytest.mark.parametrize(
    ("options", "multiplier", "divisor", "shift"),
    [
        ((), 1000, 1, -1),
        ((option(9, b"\0"),), 10**9, 1, -1),
        ((option(9, b"\x09"),), 1, 1, -1),
        ((option(9, b"\x0c"),), 1, 1000, -1),
        ((option(9, b"\xa0"),), 1, 1, 32),
        ((option(9, b""), option(14, b"\1")), 1000, 1, -1),
    ],
)
def test_the_clock_of_an_interface(options: tuple[bytes, ...], multiplier: int, divisor: int, shift: int) -> None:
    fields = interface_of(interface(113, "<", *options, snap=96), "little")
    assert (fields[LINK], fields[SNAP], fields[OFFSET]) == (113, 96, 0)
    assert (fields[MULTIPLIER], fields[DIVISOR], fields[SHIFT]) == (multiplier, divisor, shift)


def test_a_clock_that_int64_does_not_hold() -> None:
    with pytest.raises(ValueError, match="begins 9223372037 s from 1970, beyond int64"):
        interface_of(interface(1, "<", option(14, struct.pack("<q", 9_223_372_037))), "little")
    with pytest.raises(ValueError, match=r"a clock of 2\^-64 s"):
        interface_of(interface(1, "<", option(9, b"\xc0")), "little")
