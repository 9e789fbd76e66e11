"""Messages come out of packets as they went in, whatever the packets, lines and sessions; against struct."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.venues.arbitration import Gap
from hftlab.venues.moldudp64 import Receiver, Runs, end_of_session, heartbeat, packet
from hftlab.venues.pcap import Datagrams, Flow

A, B = Flow("10.0.0.1", 1, "233.54.12.111", 26477), Flow("10.0.0.2", 1, "233.49.196.111", 26477)

Found = tuple[int, bytes, int]  # number, message, time


def found_in(*parts: Runs) -> list[Found]:
    """(number, message, time) of every message."""
    found = []
    for runs in parts:
        start, end, run = runs.messages()
        first = np.cumsum(runs.count) - runs.count
        for row, (at, stop, number) in enumerate(zip(start.tolist(), end.tolist(), run.tolist(), strict=True)):
            sequence = int(runs.sequence[number] + row - first[number])
            found.append((sequence, runs.data[at:stop].tobytes(), int(runs.ts_recv[number])))
        for row in range(len(runs)):
            inside = (start[run == row] - 2).tolist(), end[run == row].tolist()
            assert (runs.start[row], runs.end[row]) == (inside[0][0], inside[1][-1])
    return found


def received(*payloads: bytes, receiver: Receiver | None = None) -> list[Found]:
    receiver = receiver or Receiver()
    return found_in(receiver.feed(Datagrams.of(payloads, range(len(payloads)), A)), receiver.flush())


def unpacked(payload: bytes) -> tuple[str, int, int, list[bytes]]:
    """A packet by struct: session, number, count, messages."""
    session, number, count = struct.unpack_from(">10sQH", payload)
    at, messages = 20, []
    while at < len(payload):
        (size,) = struct.unpack_from(">H", payload, at)
        messages.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    return session.decode().rstrip(), number, count, messages


MESSAGES = st.lists(st.binary(max_size=40), max_size=30)


class TestReceiver:
    @settings(deadline=None)
    @given(st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=4), max_size=6), st.integers(1, 9))
    def test_messages_come_out_with_their_numbers_and_times(self, packets: list[list[bytes]], first: int) -> None:
        payloads, wanted, number = [], [], first
        for time, messages in enumerate(packets):
            payloads.append(packet("S1", number, messages))
            wanted += [(number + at, one, time) for at, one in enumerate(messages)]
            number += len(messages)
        receiver = Receiver()
        assert received(*payloads, receiver=receiver) == wanted
        assert (receiver.stats.packets, receiver.stats.arbitration.delivered) == (len(packets), len(wanted))

    def test_lines_are_put_together_and_times_never_go_back(self) -> None:
        one, two, three = (packet("S1", number, [b"%d" % number]) for number in (1, 2, 3))
        receiver = Receiver()
        datagrams = Datagrams.of([one, one, three, two, three], [10, 11, 12, 20, 21], A, B)
        assert found_in(receiver.feed(datagrams)) == [(1, b"1", 10), (2, b"2", 20), (3, b"3", 20)]
        assert receiver.stats.arbitration.duplicates == 2

    def test_what_no_line_had_is_a_gap_with_its_requests(self) -> None:
        receiver = Receiver(wait=5)
        payloads = packet("S1", 1, [b"a"]), packet("S1", 70_003, [b"b"]), heartbeat("S1", 70_004)
        found = found_in(receiver.feed(Datagrams.of(payloads, [0, 1, 9], A)))
        assert [number for number, *_ in found] == [1, 70_003]
        (gap,) = receiver.gaps
        assert gap == Gap(0, 2, 70_002, noticed=1, declared=9)
        assert [unpacked(one) for one in receiver.requests(gap)] == [("S1", 2, 65_534, []), ("S1", 65_536, 4467, [])]

    def test_sessions_are_streams_of_their_own(self) -> None:
        payloads = [packet(f"S{number}", 1, [b"%d" % number]) for number in range(20)]
        receiver = Receiver()
        runs = receiver.feed(Datagrams.of(payloads, 1, A))
        assert [receiver.sessions[number] for number in runs.session] == [f"S{number}" for number in range(20)]
        assert len(receiver.sessions) == 20

    def test_only_the_session_asked_for_is_kept(self) -> None:
        receiver = Receiver(session="S2")
        payloads = [packet(one, 1, [one.encode()]) for one in ("S1", "S2", "S3")]
        assert [one for _, one, _ in received(*payloads, receiver=receiver)] == [b"S2"]
        assert (receiver.stats.unwanted, receiver.sessions) == (2, ("S2",))

    def test_packets_without_numbers_are_taken_as_they_come(self) -> None:
        receiver = Receiver()
        blank = b"\0" * 18 + b"\0\1" + b"\0\1"
        assert received(blank + b"a", blank + b"b", receiver=receiver) == [(1, b"a", 0), (2, b"b", 1)]
        assert (receiver.stats.unnumbered, receiver.sessions) == (2, ("",))
        assert received(heartbeat("S1", 0), receiver=receiver) == []
        assert (receiver.stats.unnumbered, receiver.stats.heartbeats) == (2, 1)

    def test_heartbeats_and_ends_are_counted_and_show_a_loss(self) -> None:
        receiver = Receiver()
        assert received(heartbeat("S1", 1), end_of_session("S1", 3), receiver=receiver) == []
        assert (receiver.stats.heartbeats, receiver.stats.ends) == (1, 1)
        assert [(gap.first, gap.last) for gap in receiver.gaps] == [(1, 2)]

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            packet("S1", 1, [b"ab"])[:-1],
            packet("S1", 1, [b"ab"]) + b"?",
            packet("S1", 1, [b"ab"]).replace(b"S1", b"\1\2"),
            packet("S1", 1, [b"ab"])[:10] + b"\xff" + packet("S1", 1, [b"ab"])[11:],
            heartbeat("S1", 1) + b"\0",
        ],
    )
    def test_other_datagrams_are_counted(self, payload: bytes) -> None:
        receiver = Receiver()
        assert received(payload, packet("S1", 1, [b"a"]), receiver=receiver) == [(1, b"a", 1)]
        assert receiver.stats.others == 1

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=60), max_size=5))
    def test_any_bytes_are_packets_or_not(self, payloads: list[bytes]) -> None:
        receiver = Receiver()
        received(*payloads, receiver=receiver)
        assert receiver.stats.others <= len(payloads)

    def test_more_sessions_than_a_capture_can_have_are_damage(self) -> None:
        """Each takes memory, so that a small capture of many would take all there is."""
        receiver = Receiver()
        found = received(*(packet(f"S{number}", 1, [b"one"]) for number in range(1030)), receiver=receiver)
        assert (len(found), len(receiver.sessions), receiver.stats.others) == (1024, 1024, 6)

    def test_numbers_that_cannot_be_are_damage(self) -> None:
        receiver = Receiver()
        assert received(packet("S", 2**62, [b"one"]), packet("S", 1, [b"two"]), receiver=receiver) == [(1, b"two", 1)]
        assert receiver.stats.others == 1
