"""Packets byte by byte, as the specification's tables have them, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import ArgumentError
from hftlab.venues.soupbintcp.packets import (
    Broken,
    Debug,
    EndOfSession,
    Event,
    Heartbeat,
    LoginAccepted,
    LoginRejected,
    LoginRequest,
    Logout,
    Sequenced,
    Unsequenced,
    decode,
    encode,
)

PACKETS: list[tuple[Event, bytes]] = [
    (Debug("hello"), b"\0\6+hello"),
    (LoginRequest("user", "secret", "S1", 42), b"\0\x2fLuser  secret            S1" + b"42".rjust(20)),
    (LoginAccepted("S1", 42), b"\0\x1fA        S1" + b"42".rjust(20)),
    (LoginRejected("A"), b"\0\2JA"),
    (Sequenced(b"\1\2"), b"\0\3S\1\2"),
    (Unsequenced(b""), b"\0\1U"),
    (EndOfSession(), b"\0\1Z"),
    (Logout(), b"\0\1O"),
    (Heartbeat(), b"\0\1H"),
]


@pytest.mark.parametrize(("event", "packet"), PACKETS)
def test_packets_are_the_specifications(event: Event, packet: bytes) -> None:
    assert encode(event) == packet
    assert decode(packet[2:]) == event


def test_the_clients_heartbeat_has_its_own_type() -> None:
    assert encode(Heartbeat(), is_client=True) == b"\0\1R"
    assert decode(b"R") == Heartbeat()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_packet_or_a_value_error(packet: bytes) -> None:
    try:
        event = decode(packet)
    except ValueError:
        return
    assert not isinstance(event, Broken)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (LoginRequest("a long name", ""), "username is 'a long name': give up to 6"),
        (LoginRequest("a", "p" * 11), "password"),
        (LoginAccepted("é", 1), "session is 'é'"),
        (LoginAccepted("S", -1), "-1 cannot be a message's number"),
        (LoginRejected("X"), "'X' is not a reason"),
        (Sequenced(bytes(65_535)), "a packet holds 65,534, so split it"),
        (Broken("x"), "is not a packet"),
    ],
)
def test_what_does_not_fit_is_said(event: Event, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        encode(event)
