"""Captures that are written: read back by dpkt, headers and checksums as RFC 791, 768 and 8200 have them."""

from __future__ import annotations

import gzip
import io
from decimal import Decimal
from pathlib import Path

import dpkt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftlab.errors import ArgumentError
from hftlab.venues import pcap
from hftlab.venues.pcap import Datagrams, Flow, PcapWriter
from tests.venues.pcap.packets import FLOWS, packed
from tests.venues.pcap.test_reader import by_dpkt, rows

FOUR = st.ip_addresses(v=4).map(str)
SIX = st.ip_addresses(v=6).map(str)
PORTS = st.integers(0, 65_535)
ANY_FLOW = st.builds(Flow, FOUR, PORTS, FOUR, PORTS) | st.builds(Flow, SIX, PORTS, SIX, PORTS)


def checksum(data: bytes) -> int:
    """The checksum of RFC 1071 of data with its checksum in it: 0 if that is right."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.binary(max_size=70), st.integers(0, 2**32 * 10**9 - 1)), max_size=6),
    st.lists(ANY_FLOW, min_size=1, max_size=3, unique=True),
)
def test_dpkt_reads_what_was_written(path: Path, sent: list[tuple[bytes, int]], flows: list[Flow]) -> None:
    with PcapWriter(path) as writer:
        writer.write(Datagrams.of([one for one, _ in sent], [time for _, time in sent], *flows))
    content = path.read_bytes()
    assert writer.size == len(content)
    wanted = [(time, flows[number % len(flows)], one) for number, (one, time) in enumerate(sent)]
    read = list(dpkt.pcap.Reader(io.BytesIO(content)))
    assert [(int(Decimal(time) * 10**9), *(by_dpkt(packet, 1) or ())) for time, packet in read] == [
        (time, Flow(*canonical(flow)), one) for time, flow, one in wanted
    ]
    assert rows(pcap.read(path)) == wanted
    for (_, packet), (_, flow, _) in zip(read, wanted, strict=True):
        body = packet[14:]
        if len(packed(flow.source)) == 4:
            assert checksum(body[:20]) == 0
            udp = body[20:]
        else:
            udp = body[40:]
        pseudo = packed(flow.source) + packed(flow.destination) + bytes([0, 17]) + len(udp).to_bytes(2, "big")
        assert checksum(pseudo + udp) == 0
        assert udp[6:8] != b"\0\0"


def canonical(flow: Flow) -> tuple[str, int, str, int]:
    """The flow with its addresses as dpkt writes them."""
    ends = [dpkt.utils.inet_to_str(packed(one)) for one in (flow.source, flow.destination)]
    return ends[0], flow.source_port, ends[1], flow.destination_port


def test_groups_have_their_addresses_on_ethernet(path: Path) -> None:
    with PcapWriter(path) as writer:
        writer.write(Datagrams.of([b"1", b"2", b"3"], 1, FLOWS[0], FLOWS[2], Flow("10.0.0.1", 1, "10.0.0.2", 2)))
    found = [packet[:12].hex(":") for _, packet in dpkt.pcap.Reader(io.BytesIO(path.read_bytes()))]
    assert found == [
        "01:00:5e:36:0c:6f:02:00:0a:01:02:03",
        "33:33:00:01:00:03:02:00:00:00:00:07",
        "02:00:0a:00:00:02:02:00:0a:00:00:01",
    ]


def test_parts_follow_each_other_and_the_name_packs_them(path: Path) -> None:
    zipped = path.with_suffix(".pcap.gz")
    for one in (path, zipped):
        with PcapWriter(one) as writer:
            writer.write(Datagrams.of([b"a", b"b"], 1, FLOWS[0]))
            writer.write(Datagrams.of([], 1, FLOWS[0]))
            writer.write(Datagrams.of([b"c"], 2, FLOWS[1]))
    assert gzip.decompress(zipped.read_bytes()) == path.read_bytes()
    assert rows(pcap.read(zipped)) == [(1, FLOWS[0], b"a"), (1, FLOWS[0], b"b"), (2, FLOWS[1], b"c")]


@pytest.mark.parametrize(
    ("datagrams", "said"),
    [
        (Datagrams.of([bytes(65_508)], 1, FLOWS[0]), "65,508 bytes: a datagram holds 65,507, so split it"),
        (Datagrams.of([b""], -1, FLOWS[0]), "before 1970"),
        (Datagrams.of([b""], 2**32 * 10**9, FLOWS[0]), "after 2106"),
        (Datagrams.of([b""], 1, Flow("10.0.0.1", 1, "::1", 1)), "two versions of IP"),
        (Datagrams.of([b""], 1, Flow("nowhere", 1, "::1", 1)), "a flow cannot be: 'nowhere'"),
        (Datagrams.of([b""], 1, Flow("::1", 1, "::1", 65_536)), "a flow cannot be"),
    ],
)
def test_what_cannot_be_written_is_said(path: Path, datagrams: Datagrams, said: str) -> None:
    with PcapWriter(path) as writer, pytest.raises(ArgumentError, match=said):
        writer.write(datagrams)


def test_the_longest_payload_fits(path: Path) -> None:
    with PcapWriter(path) as writer:
        writer.write(Datagrams.of([bytes(65_507)], 1, FLOWS[0]))
    assert [len(payload) for _, _, payload in rows(pcap.read(path))] == [65_507]
