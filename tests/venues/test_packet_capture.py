"""Payloads of packets, and what a capture of them is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.packet_capture import PCAP_MAGICS, PCAPNG_MAGIC, describe_packets, find_payload
from tests.venues.look_alikes import ethernet, pcap, pcapng


def named(payload: bytes) -> str:
    return payload.decode() if payload.isalpha() else ""


@pytest.mark.parametrize("payload", [b"", b"feed"])
def test_the_payload_lies_behind_ethernet_ip_and_udp(payload: bytes) -> None:
    packet = ethernet(payload)
    assert find_payload(packet) == payload
    assert find_payload(packet + b"padding") == payload
    tagged = packet[:12] + b"\x81\x00\x00\x8d" * 2 + packet[12:]
    assert find_payload(tagged) == payload


@pytest.mark.parametrize("at", [12, 23], ids=["not IPv4", "not UDP"])
def test_other_packets_have_none(at: int) -> None:
    packet = bytearray(ethernet(b"feed"))
    packet[at] ^= 1
    assert find_payload(bytes(packet)) == b""


@pytest.mark.parametrize("content", [pcap(b"1", b"feed"), pcap(b"1", b"feed", order=">"), pcapng(b"1", b"feed")])
def test_the_first_feed_that_is_known_is_named(content: bytes) -> None:
    kind = "pcapng" if content.startswith(PCAPNG_MAGIC) else "pcap"
    assert describe_packets(content, named) == f"a {kind} capture of feed"
    assert describe_packets(content, lambda _: "") == f"a {kind} capture"


@given(st.sampled_from([*PCAP_MAGICS, PCAPNG_MAGIC]), st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_a_capture(magic: bytes, rest: bytes) -> None:
    assert describe_packets(magic + rest, lambda _: "").endswith("capture")
