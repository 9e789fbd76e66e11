"""Signs of binary files; the files of all kinds are in test_recognition."""

from __future__ import annotations

import struct

from hftlab.venues.binary_signatures import describe_binary, itch_sizes
from tests.venues.itch.oracle import SIZES
from tests.venues.look_alikes import ITCH_50, ITCH_MESSAGES


def test_sizes_are_the_specifications() -> None:
    assert itch_sizes() == SIZES


def test_most_frames_decide() -> None:
    other = struct.pack(">H", 13) + b"S" + bytes(12)
    assert describe_binary(ITCH_50 + other * len(ITCH_MESSAGES)) == ("itch", "a file of TotalView-ITCH 5.0")
    assert describe_binary(ITCH_50 + other * (len(ITCH_MESSAGES) + 1)) is None


def test_a_head_that_ends_within_a_message_is_itch() -> None:
    for cut in range(len(ITCH_MESSAGES[0]), len(ITCH_50)):
        assert describe_binary(ITCH_50[:cut]) == ("itch", "a file of TotalView-ITCH 5.0")
