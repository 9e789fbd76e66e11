"""Packets byte by byte, as the specification's tables have them."""

from __future__ import annotations

import pytest

from hftlab.errors import ArgumentError
from hftlab.venues.moldudp64 import end_of_session, heartbeat, packet, request_packet


def test_a_packet_has_its_header_and_each_message_behind_its_length() -> None:
    assert packet("000010059B", 258, [b"ab", b""]) == b"000010059B\0\0\0\0\0\0\1\2\0\2\0\2ab\0\0"


def test_packets_without_messages_name_the_next_number() -> None:
    assert heartbeat("S1", 7) == b"S1        \0\0\0\0\0\0\0\7\0\0"
    assert end_of_session("S1", 7) == b"S1        \0\0\0\0\0\0\0\7\xff\xff"


def test_a_request_names_the_first_number_and_how_many() -> None:
    assert request_packet("S1", 7, 300) == b"S1        \0\0\0\0\0\0\0\7\x01\x2c"


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ArgumentError, match="ask for 1 to 65,534"):
        request_packet("S1", 7, 65_535)
    with pytest.raises(ArgumentError, match="up to 10 characters of ASCII"):
        heartbeat("SESSION NUMBER ONE", 7)
    with pytest.raises(ArgumentError, match="cannot be a message's number"):
        heartbeat("S1", -7)
    with pytest.raises(ArgumentError, match="too many for a packet"):
        packet("S1", 7, [b""] * 65_535)
