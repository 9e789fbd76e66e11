"""Signs of binary files; the files of all kinds are in test_recognition."""

from __future__ import annotations

import struct

import pytest

from hftlab.venues.binary_signatures import describe_binary, describe_payload, itch_sizes
from tests.venues.itch.oracle import SIZES
from tests.venues.look_alikes import DEEP, ITCH_50, ITCH_MESSAGES, XDP, mold


def test_sizes_are_the_specifications() -> None:
    assert itch_sizes() == SIZES


@pytest.mark.parametrize(
    ("payload", "feed"),
    [
        (mold(*ITCH_MESSAGES), "TotalView-ITCH 5.0 in MoldUDP64 packets"),
        (mold(), ""),
        (DEEP, "IEX's DEEP"),
        (b"\x01\x00\x05\x80" + bytes(36), "IEX's DEEP+"),
        (b"\x01\x00\x03\x80" + bytes(36), "IEX's TOPS"),
        (b"\x01\x00\x09\x90" + bytes(36), ""),
        (XDP, "NYSE's XDP packets"),
        (XDP + b"more", ""),
        (b"", ""),
    ],
)
def test_payloads(payload: bytes, feed: str) -> None:
    assert describe_payload(payload) == feed


def test_most_frames_decide() -> None:
    other = struct.pack(">H", 13) + b"S" + bytes(12)
    assert describe_binary(ITCH_50 + other * len(ITCH_MESSAGES)) == ("itch", "a file of TotalView-ITCH 5.0")
    assert describe_binary(ITCH_50 + other * (len(ITCH_MESSAGES) + 1)) is None


def test_a_head_that_ends_within_a_message_is_itch() -> None:
    for cut in range(len(ITCH_MESSAGES[0]), len(ITCH_50)):
        assert describe_binary(ITCH_50[:cut]) == ("itch", "a file of TotalView-ITCH 5.0")
