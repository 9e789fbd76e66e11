"""What a capture is called after its datagrams."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.venues.packet_capture import describe_packets, is_capture
from hftlab.venues.pcap.packet_parser import PCAP_MAGICS, PCAPNG_MAGIC
from tests.venues.look_alikes import pcap, pcapng


def named(payload: bytes) -> tuple[str | None, str] | None:
    return ("reader" if payload.isupper() else None, payload.decode()) if payload.isalpha() else None


@pytest.mark.parametrize("content", [pcap(b"1", b"feed"), pcap(b"1", b"feed", order=">"), pcapng(b"1", b"feed")])
def test_the_first_feed_that_is_known_is_named(content: bytes) -> None:
    kind = "pcapng" if content.startswith(PCAPNG_MAGIC) else "pcap"
    assert is_capture(content)
    assert describe_packets(content, named) == (None, f"a {kind} capture of feed")
    assert describe_packets(content, lambda _: None) == (None, f"a {kind} capture")


def test_or_the_first_that_is_read() -> None:
    assert describe_packets(pcap(b"1", b"feed", b"ITCH", b"XDP"), named) == ("reader", "a pcap capture of ITCH")


@settings(deadline=None)
@given(st.sampled_from([*PCAP_MAGICS, PCAPNG_MAGIC]), st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_a_capture(magic: bytes, rest: bytes) -> None:
    assert is_capture(magic + rest)
    assert describe_packets(magic + rest, lambda _: None)[1].endswith("capture")
