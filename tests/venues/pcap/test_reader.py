"""Captures: every datagram comes out as it went in, and as dpkt reads it; what is not one is counted."""

from __future__ import annotations

import gzip
import io
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import dpkt
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hftlab.errors import CaptureError
from hftlab.venues import pcap
from hftlab.venues.pcap import Datagrams, Flow, PcapWriter
from tests.shared_data import shared_data
from tests.venues.pcap.packets import (
    EXTENSIONS,
    FLOWS,
    LINKS,
    NOT_UNDERSTOOD,
    UDP,
    Packet,
    block,
    enhanced,
    interface,
    ipv4,
    link_header,
    old_packet,
    option,
    packets,
    pcap_head,
    pcap_record,
    section,
    simple,
    tally,
    udp,
)

Found = tuple[int, Flow, bytes]

ANY_PATH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
TIMES = st.integers(0, 2**32 * 10**9 - 1)


def rows(parts: Any) -> list[Found]:
    return [
        (int(part.ts_recv[row]), part.flows[part.flow[row]], part.payload(row))
        for part in parts
        for row in range(len(part))
    ]


def read(path: Path, content: bytes) -> tuple[list[Found], pcap.PacketStats]:
    path.write_bytes(content)
    reader = pcap.read(path)
    return rows(reader), reader.stats


def check(found: list[Found], stats: pcap.PacketStats, sent: list[Packet], times: list[int]) -> None:
    assert found == [(time, one.flow, one.payload) for one, time in zip(sent, times, strict=True) if one.is_a == UDP]
    wanted = tally(sent)
    assert {name: getattr(stats, name) for name in wanted} == wanted
    assert stats.not_understood.total() == sum(one.is_a == NOT_UNDERSTOOD for one in sent)
    assert not stats.is_torn
    assert stats.truncated_bytes == 0


BY_DPKT = EXTENSIONS.keys() - {"whole"}
"""dpkt 1.9.8 cannot read a header between that of a fragment and UDP."""

OPENERS = {
    1: dpkt.ethernet.Ethernet,
    113: dpkt.sll.SLL,
    276: dpkt.sll2.SLL2,
    101: lambda data: dpkt.ip6.IP6(data) if data[0] >> 4 == 6 else dpkt.ip.IP(data),
    0: dpkt.loopback.Loopback,
    108: dpkt.loopback.Loopback,
}


def by_dpkt(data: bytes, link: int) -> tuple[Flow, bytes] | None:
    """The datagram of a packet as dpkt finds it."""
    layer = OPENERS[link](data)
    while not isinstance(layer, dpkt.udp.UDP):
        if isinstance(layer, dpkt.ip.IP | dpkt.ip6.IP6):
            ends = [dpkt.utils.inet_to_str(one) for one in (layer.src, layer.dst)]
        layer = layer.data
        if isinstance(layer, bytes):
            return None
    return Flow(ends[0], layer.sport, ends[1], layer.dport), layer.data


class TestPcap:
    @pytest.mark.parametrize("link", LINKS)
    @ANY_PATH
    @given(st.data())
    def test_datagrams_come_out_as_they_went_in(self, path: Path, link: int, data: st.DataObject) -> None:
        order, nanoseconds = data.draw(st.sampled_from("<>")), data.draw(st.booleans())
        sent = data.draw(st.lists(packets(link), max_size=8))
        times = [time if nanoseconds else time // 1000 * 1000 for time in data.draw(times_of(sent))]
        content = pcap_head(link, order=order, nanoseconds=nanoseconds) + b"".join(
            pcap_record(one, time, order=order, nanoseconds=nanoseconds) for one, time in zip(sent, times, strict=True)
        )
        found, stats = read(path, content)
        check(found, stats, sent, times)
        assert stats.bytes == len(content)

    @ANY_PATH
    @given(st.data())
    def test_datagrams_are_those_that_dpkt_reads(self, path: Path, data: st.DataObject) -> None:
        sent = [one for one in data.draw(st.lists(packets(1, BY_DPKT), max_size=8)) if one.is_a == UDP]
        times = data.draw(times_of(sent))
        content = pcap_head(1) + b"".join(pcap_record(one, time) for one, time in zip(sent, times, strict=True))
        wanted = [
            (int(Decimal(time) * 10**9), *(by_dpkt(packet, 1) or ()))
            for time, packet in dpkt.pcap.Reader(io.BytesIO(content))
        ]
        assert read(path, content)[0] == wanted

    @pytest.mark.parametrize("link", LINKS)
    def test_headers_of_a_link_type_are_as_dpkt_reads_them(self, path: Path, link: int) -> None:
        packet = Packet(link_header(link, 4) + ipv4(udp(b"feed")), UDP, payload=b"feed")
        assert by_dpkt(packet.data, link) == (FLOWS[0], b"feed")
        check(*read(path, pcap_head(link) + pcap_record(packet, 7)), [packet], [7])

    def test_an_unknown_link_type_is_named(self, path: Path) -> None:
        packet = Packet(ipv4(udp(b"feed")), NOT_UNDERSTOOD)
        found, stats = read(path, pcap_head(127) + pcap_record(packet, 7))
        assert (found, stats.not_understood) == ([], {"link type 127": 1})

    def test_what_a_network_card_has_left_open_goes_to_the_packets_end(self, path: Path) -> None:
        packet = Packet(link_header(1, 4) + ipv4(udp(b"feed", size=0), size=0), UDP, payload=b"feed")
        check(*read(path, pcap_head(1) + pcap_record(packet, 7)), [packet], [7])

    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("nanoseconds", [True, False])
    def test_files_one_behind_the_other_are_read_as_one(self, path: Path, order: str, nanoseconds: bool) -> None:
        """Each has a byte order, a unit of time and a link type of its own; the last may end within its header."""
        one, other = Packet(ipv4(udp(b"a")), UDP), Packet(link_header(1, 4) + ipv4(udp(b"b")), UDP)
        first = pcap_head(101) + pcap_record(one, 1_000)
        second = pcap_head(1, order=order, nanoseconds=nanoseconds)
        second += pcap_record(other, 2_000, order=order, nanoseconds=nanoseconds)
        found, stats = read(path, first + second + first + second[:23])
        assert [(time, payload) for time, _, payload in found] == [(1_000, b"a"), (2_000, b"b"), (1_000, b"a")]
        assert (stats.packets, stats.is_torn, stats.truncated_bytes) == (3, True, 23)


def times_of(sent: list[Packet]) -> st.SearchStrategy[list[int]]:
    return st.lists(TIMES, min_size=len(sent), max_size=len(sent))


class TestPcapng:
    @ANY_PATH
    @given(st.data())
    def test_datagrams_of_several_interfaces_come_out_as_they_went_in(self, path: Path, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from("<>"))
        links = data.draw(st.lists(st.sampled_from(LINKS), min_size=1, max_size=3))
        decimals = data.draw(st.lists(st.integers(0, 12), min_size=len(links), max_size=len(links)))
        content = section(order) + b"".join(
            interface(link, order, option(9, bytes([power]), order))
            for link, power in zip(links, decimals, strict=True)
        )
        sent, times = [], []
        for number in data.draw(st.lists(st.integers(0, len(links) - 1), max_size=8)):
            packet, ticks = data.draw(packets(links[number])), data.draw(st.integers(0, 2**32))
            write = data.draw(st.sampled_from([enhanced, old_packet]))
            content += write(packet, ticks, order, number)
            sent.append(packet)
            times.append(ticks * 10**9 // 10 ** decimals[number])
        check(*read(path, content), sent, times)

    @ANY_PATH
    @given(st.integers(0, 63), st.integers(0, 2**64 - 1), st.integers(-(2**31), 2**31))
    def test_clocks_of_powers_of_two_are_converted_down(self, path: Path, power: int, ticks: int, offset: int) -> None:
        ticks %= 2 ** min(64, 33 + power)
        shift = option(14, struct.pack("<q", offset))
        packet = Packet(link_header(1, 4) + ipv4(udp(b"feed")), UDP, payload=b"feed")
        content = section() + interface(1, "<", option(9, bytes([0x80 | power])), shift) + enhanced(packet, ticks)
        time = (ticks * 10**9 >> power) + offset * 10**9
        assume(abs(time - 2**63) > 10**9)
        check(*read(path, content), [packet], [time if time < 2**63 else 0])

    @pytest.mark.parametrize("resolution", [0, 3, 6, 9, 0x80])
    def test_times_beyond_int64_are_not_known(self, path: Path, resolution: int) -> None:
        packet = Packet(link_header(1, 4) + ipv4(udp(b"feed")), UDP, payload=b"feed")
        content = section() + interface(1, "<", option(9, bytes([resolution]))) + enhanced(packet, 2**64 - 1)
        check(*read(path, content), [packet], [0])

    @ANY_PATH
    @given(st.data())
    def test_datagrams_are_those_that_dpkt_reads(self, path: Path, data: st.DataObject) -> None:
        sent = [one for one in data.draw(st.lists(packets(1, BY_DPKT), max_size=8)) if one.is_a == UDP]
        file = io.BytesIO()
        writer = dpkt.pcapng.Writer(file)
        times = [time // 10**9 for time in data.draw(times_of(sent))]
        for one, time in zip(sent, times, strict=True):
            writer.writepkt(one.data, time)
        content = file.getvalue()
        wanted = [by_dpkt(packet, 1) for _, packet in dpkt.pcapng.Reader(io.BytesIO(content))]
        found, _ = read(path, content)
        assert [(flow, payload) for _, flow, payload in found] == wanted
        assert [time for time, _, _ in found] == [time * 10**9 for time in times]

    def test_sections_have_byte_orders_and_interfaces_of_their_own(self, path: Path) -> None:
        packet = Packet(link_header(1, 4) + ipv4(udp(b"feed")), UDP, payload=b"feed")
        raw = Packet(ipv4(udp(b"raw")), UDP, payload=b"raw")
        content = section("<") + interface(1, "<") + enhanced(packet, 5, "<")
        content += section(">") + interface(101, ">") + enhanced(raw, 6, ">")
        check(*read(path, content), [packet, raw], [5000, 6000])

    def test_other_blocks_and_options_are_passed_over(self, path: Path) -> None:
        packet = Packet(link_header(1, 4) + ipv4(udp(b"feed")), UDP, payload=b"feed")
        comment = option(1, b"opened in the morning")
        content = section() + block(4, b"names") + interface(1, "<", comment, option(9, b"\x09")) + block(5, bytes(8))
        content += enhanced(packet, 77, "<", 0, option(2, bytes(4)), option(0, b"")) + block(0xBAD, b"?" * 99)
        check(*read(path, content), [packet], [77])

    def test_a_simple_packet_has_no_time_and_the_snap_length_of_its_interface(self, path: Path) -> None:
        packet = Packet(link_header(1, 4) + ipv4(udp(b"feed")), UDP, payload=b"feed")
        check(*read(path, section() + interface(1) + simple(packet)), [packet], [0])
        # Two bytes behind what was captured pad the block.
        cut = Packet(link_header(1, 4) + ipv4(udp(b"f")), "truncated", captured=42)
        check(*read(path, section() + interface(1, snap=42) + simple(cut)), [cut], [0])

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            (struct.pack("<III", 6, 13, 0), "has a length that cannot be"),
            (struct.pack("<III", 6, 1 << 25, 0), "has a length that cannot be"),
            (struct.pack("<IIII", 5, 16, 0, 12), "has two lengths that differ"),
            (block(6, struct.pack("<IIIII", 9, 0, 0, 0, 0)), "of an interface that no block before it describes"),
            (block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99)), "has a length that cannot be"),
            (block(6, b""), "has a length that cannot be"),
            (block(1, b"\1\0"), "describes an interface in 16 bytes"),
            (interface(1, "<", option(9, b"\x7f")), "describes a clock of 10^-127 s"),
            (block(0x0A0D0D0A, struct.pack("<IHHq", 7, 1, 0, -1)), "has a length or byte order that cannot be"),
        ],
    )
    def test_damage_is_told_after_what_comes_before_it(self, path: Path, bad: bytes, said: str) -> None:
        packet = Packet(link_header(1, 4) + ipv4(udp(b"feed")), UDP, payload=b"feed")
        sound = section() + interface(1) + enhanced(packet, 1)
        path.write_bytes(sound + bad + enhanced(packet, 2))
        reader = pcap.read(path)
        assert rows([next(reader)]) == [(1000, FLOWS[0], b"feed")]
        with pytest.raises(CaptureError, match=rf"capture\.pcap, byte {len(sound)} of the capture: .*{_quoted(said)}"):
            next(reader)


def _quoted(text: str) -> str:
    return text.replace("^", r"\^")


@pytest.fixture(scope="module")
def many() -> bytes:
    """A capture of several blocks, in which packets lie across their borders."""
    random = np.random.default_rng(5)
    sizes = random.integers(0, 1400, 4000).tolist()
    payloads = [random.bytes(size) for size in sizes]
    return pcap_head(1) + b"".join(
        pcap_record(Packet(link_header(1, 4) + ipv4(udp(one, FLOWS[number % 2]), FLOWS[number % 2]), UDP), number)
        for number, one in enumerate(payloads)
    )


class TestFiles:
    @pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
    def test_of_several_blocks_are_read_as_dpkt_reads_them(self, path: Path, many: bytes, packing: str) -> None:
        pack = {"plain": bytes, "gzip": lambda data: gzip.compress(data, 1), "zstd": pa_zstd}[packing]
        found, stats = read(path, pack(many))
        assert [(flow, payload) for _, flow, payload in found] == [
            by_dpkt(packet, 1) for _, packet in dpkt.pcap.Reader(io.BytesIO(many))
        ]
        assert (stats.packets, stats.flows, stats.bytes, stats.is_torn) == (4000, 2, len(many), False)

    @pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
    def test_that_end_within_a_packet_are_read_up_to_there(self, path: Path, many: bytes, packing: str) -> None:
        cut = {
            "plain": many[:-5],
            "gzip": gzip.compress(many, 1)[:-5000],
            "zstd": pa_zstd(many)[:-5000],
        }[packing]
        found, stats = read(path, cut)
        assert stats.is_torn
        assert 3000 < len(found) < 4000
        assert stats.packets == len(found)
        if packing == "plain":
            assert len(found) == 3999

    @ANY_PATH
    @given(st.data())
    def test_of_any_cut_never_say_more_than_there_was(self, path: Path, data: st.DataObject) -> None:
        sent = data.draw(st.lists(packets(1), min_size=1, max_size=4))
        content = pcap_head(1) + b"".join(pcap_record(one, 1) for one in sent)
        whole, _ = read(path, content)
        cut = data.draw(st.integers(4, len(content)))
        found, stats = read(path, content[:cut])
        assert found == whole[: len(found)]
        assert stats.is_torn == (stats.truncated_bytes > 0)
        assert stats.bytes + stats.truncated_bytes == cut

    @ANY_PATH
    @given(st.data())
    def test_of_any_bytes_are_read_or_refused(self, path: Path, data: st.DataObject) -> None:
        """Nothing is read beyond the bytes that are there, and nothing else than CaptureError is raised."""
        head = data.draw(st.sampled_from([pcap_head(1), section() + interface(1), section() + interface(0), b""]))
        sent = data.draw(st.lists(packets(1), max_size=3))
        content = bytearray(head + b"".join(enhanced(one, 1) + pcap_record(one, 1) for one in sent))
        for _ in range(data.draw(st.integers(0, 9)) if content else 0):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(content) + data.draw(st.binary(max_size=60)))
        try:
            stats = (reader := pcap.read(path)) and [len(part) for part in reader] and reader.stats
        except CaptureError:
            return
        if stats:
            assert stats.packets >= stats.datagrams

    @pytest.mark.parametrize("content", [b"Nothing of any venue.\n" * 9, b"\x0a\x0d\x0d\x0a" + bytes(30)])
    def test_of_other_formats_are_refused_with_what_they_look_like(self, path: Path, content: bytes) -> None:
        path = path.with_name("other")
        path.write_bytes(content)
        with pytest.raises(CaptureError, match=r"other is not a pcap or pcapng capture \(.*\); it looks like"):
            list(pcap.read(path))

    def test_that_cannot_be_read_raise_at_once(self, path: Path) -> None:
        with pytest.raises(CaptureError, match="does not exist: check the path"):
            pcap.read(path)
        with pytest.raises(CaptureError, match="is a folder"):
            pcap.read(path.parent)

    def test_damaged_in_their_packing_raise_after_what_is_whole(self, path: Path, many: bytes) -> None:
        damaged = bytearray(gzip.compress(many, 1))
        damaged[len(damaged) // 2] ^= 0xFF
        path.write_bytes(damaged)
        reader, count = pcap.read(path), 0
        with pytest.raises(CaptureError):
            for part in reader:
                count += len(part)
        assert count > 500

    def test_tell_the_bytes_consumed(self, path: Path, many: bytes) -> None:
        told: list[int] = []
        path.write_bytes(many)
        list(pcap.read(path, progress=told.append))
        assert told[-1] == len(many)

    def test_more_flows_than_the_first_table_holds(self, path: Path) -> None:
        flows = tuple(Flow("10.0.0.1", port, "239.1.1.1", port) for port in range(1, 1001))
        payloads = [struct.pack(">H", port) for port in range(1, 1001)]
        with PcapWriter(path) as writer:
            writer.write(Datagrams.of(payloads * 2, 1, *flows))
        found = rows(pcap.read(path))
        assert [(flow.source_port, payload) for _, flow, payload in found] == [
            (one.source_port, payload) for one, payload in zip(flows * 2, payloads * 2, strict=True)
        ]


def pa_zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


@pytest.mark.parametrize("folder", ["nasdaq", "iex", "nyse"])
def test_real_packets_are_as_dpkt_reads_them(folder: str) -> None:
    for file in sorted(shared_data(folder).rglob("*.pcap")):
        reader = pcap.read(file)
        with file.open("rb") as opened:
            packets = list(dpkt.pcap.Reader(opened))
        found = rows(reader)
        assert [row[1:] for row in found] == [by_dpkt(one, 1) for _, one in packets]
        # dpkt's times are doubles, unless they are in ns.
        assert all(abs(row[0] - Decimal(time) * 10**9) < 500 for row, (time, _) in zip(found, packets, strict=True))
        assert reader.stats.packets == reader.stats.datagrams == len(packets)
