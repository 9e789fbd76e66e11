"""Arbitration: what one line has is never missing, what none has is a declared gap, nothing comes twice, all in order.

The oracle knows, as sets, which messages each line got through.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest

from hftlab.errors import ArgumentError
from hftlab.venues.arbitration import Arbiter, Gap, Ordered
from hftlab.venues.pcap import Datagrams, Flow

LINES = tuple(Flow("10.0.0.1", 1, f"239.0.0.{number}", 1) for number in range(3))


@dataclass(frozen=True)
class Packet:
    """A packet that has arrived; its payload has the number of each of its messages in eight bytes."""

    time: int
    line: int
    first: int
    count: int
    stream: int = 0
    epoch: int = 0
    restart: bool = False

    @property
    def payload(self) -> bytes:
        return b"".join(struct.pack(">HIH", self.epoch, self.first + at, self.stream) for at in range(self.count))


@dataclass
class Heard:
    """What came out: (stream, restarts before it, number) of each message, by what is in the packets, and the gaps."""

    messages: list[tuple[int, int, int]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def take(self, ordered: Ordered) -> None:
        self.gaps += ordered.gaps
        for row in range(len(ordered)):
            payload = ordered.datagrams.payload(int(ordered.packet[row]))
            found = list(struct.iter_unpack(">HIH", payload))[ordered.skip[row] :][: ordered.count[row]]
            assert len(found) == ordered.count[row]
            assert found[0][1] == ordered.sequence[row]
            assert found[0][2] == ordered.stream[row]
            self.messages += [(stream, epoch, number) for epoch, number, stream in found]


def arbitrated(packets: Iterable[Packet], arbiter: Arbiter, part: int = 1 << 30) -> Heard:
    """Feed packets in parts of so many."""
    packets, heard = list(packets), Heard()
    for at in range(0, len(packets), part):
        some = packets[at : at + part]
        datagrams = Datagrams.of([one.payload for one in some], [one.time for one in some], *LINES)
        datagrams.flow[:] = [one.line for one in some]
        heard.take(
            arbiter.feed(
                datagrams,
                np.array([one.stream for one in some], np.int32),
                np.array([one.first for one in some]),
                np.array([one.count for one in some]),
                np.array([one.restart for one in some]),
            )
        )
    heard.take(arbiter.flush())
    return heard


def sent(random: Random, count: int, *, first: int = 1, epoch: int = 0, stream: int = 0) -> list[Packet]:
    """Packets as a venue sends them, one every 1,000 ns."""
    found, number = [], first
    for at in range(count):
        size = random.choice([0, 1, 1, 2, 3, 7])
        found.append(Packet(at * 1000, 0, number, size, stream, epoch))
        number += size
    return [*found, Packet(count * 1000, 0, number, 0, stream, epoch)]  # a heartbeat, which may show a loss


def through(random: Random, packets: list[Packet], line: int, *, jitter: int) -> list[Packet]:
    """What of them comes through a line that loses (also many in a row), swaps and doubles; the last always does."""
    loss, burst, double = random.choice([0, 0.02, 0.3]), random.choice([0, 0.01]), random.choice([0, 0.1])
    found, lost = [], 0
    for packet in packets[:-1]:
        lost = max(lost - 1, 0) or (random.randint(1, 20) if random.random() < burst else 0)
        for _ in range(1 + (random.random() < double)):
            if not lost and random.random() >= loss:
                time = packet.time + random.randint(0, jitter)
                found.append(Packet(time, line, packet.first, packet.count, packet.stream, packet.epoch))
    last = packets[-1]
    return [*found, Packet(last.time + jitter, line, last.first, 0, last.stream, last.epoch)]


def numbers_of(packets: Iterable[Packet]) -> set[int]:
    return {one.first + at for one in packets for at in range(one.count)}


def numbers_in(gaps: Iterable[Gap]) -> list[int]:
    return [number for gap in gaps for number in range(gap.first, gap.last + 1)]


def check_pattern(seed: int) -> None:
    """A pattern whose delays are shorter than the wait."""
    random = Random(seed)
    jitter = random.choice([0, 900, 5000, 40_000])
    first = random.choice([1, 1, 500])
    whole = sent(random, random.randint(1, 120), first=first)
    lines = [through(random, whole, line, jitter=jitter) for line in range(random.randint(1, 3))]
    arrived = sorted((one for line in lines for one in line), key=lambda one: one.time)
    arbiter = Arbiter(wait=jitter + 1, packets=10**6)
    heard = arbitrated(arrived, arbiter, random.choice([1, 7, 1 << 30]))
    had = numbers_of(arrived)
    begin = min(one.first for one in arrived)  # a capture may begin in the middle
    assert [number for _, _, number in heard.messages] == sorted(had), seed
    assert numbers_in(heard.gaps) == sorted(set(range(begin, whole[-1].first)) - had), seed
    stats = arbiter.stats
    assert (stats.delivered, stats.missing, stats.late) == (len(had), len(numbers_in(heard.gaps)), 0), seed
    assert stats.duplicates == sum(one.count for one in arrived) - len(had), seed
    assert (stats.packets, stats.gaps) == (len(arrived), len(heard.gaps)), seed
    for gap in heard.gaps:
        assert gap.noticed == min(one.time for one in arrived if one.first > gap.last), seed
        assert gap.declared >= gap.noticed, seed


def check_short_wait(seed: int) -> None:
    """A pattern whose delays may be longer than the wait: what is given up too early is late, and never delivered."""
    random = Random(seed)
    whole = sent(random, random.randint(1, 120))
    lines = [through(random, whole, line, jitter=20_000) for line in range(2)]
    arrived = sorted((one for line in lines for one in line), key=lambda one: one.time)
    arbiter = Arbiter(wait=random.choice([0, 3000]), packets=random.choice([1, 5, 10**6]))
    heard = arbitrated(arrived, arbiter, random.choice([1, 7, 1 << 30]))
    numbers, gaps = [number for _, _, number in heard.messages], numbers_in(heard.gaps)
    assert numbers == sorted(set(numbers)), seed
    assert gaps == sorted(set(gaps)), seed
    begin = min([*numbers, *gaps], default=whole[-1].first)
    assert sorted(numbers + gaps) == list(range(begin, whole[-1].first)), seed
    assert set(range(begin, whole[-1].first)) - numbers_of(arrived) <= set(gaps), seed
    stats = arbiter.stats
    assert stats.delivered + stats.duplicates + stats.late == sum(one.count for one in arrived), seed


class TestPatterns:
    def test_of_loss_reordering_and_duplicates(self) -> None:
        for seed in range(150):
            check_pattern(seed)

    @pytest.mark.soak
    def test_of_loss_reordering_and_duplicates_in_the_thousand(self) -> None:
        for seed in range(1000):
            check_pattern(seed)

    def test_of_delays_longer_than_the_wait(self) -> None:
        for seed in range(100):
            check_short_wait(seed)

    @pytest.mark.soak
    def test_of_delays_longer_than_the_wait_in_the_thousand(self) -> None:
        for seed in range(1000):
            check_short_wait(seed)


class TestGaps:
    def test_are_told_where_they_are_with_their_times(self) -> None:
        packets = [
            Packet(10, 0, 1, 2),
            Packet(20, 0, 6, 1),
            Packet(30, 1, 6, 1),
            Packet(200, 1, 7, 1),
            Packet(210, 1, 9, 1),
        ]
        arbiter = Arbiter(wait=100)
        heard = arbitrated(packets, arbiter)
        assert heard.gaps == [Gap(0, 3, 5, noticed=20, declared=200), Gap(0, 8, 8, noticed=210, declared=210)]
        assert [gap.count for gap in heard.gaps] == [3, 1]
        assert [number for _, _, number in heard.messages] == [1, 2, 6, 7, 9]
        assert (arbiter.stats.duplicates, arbiter.stats.missing, arbiter.stats.gaps) == (1, 4, 2)

    def test_lie_before_the_row_that_is_named(self) -> None:
        packets = [Packet(10, 0, 1, 2), Packet(20, 0, 6, 1), Packet(200, 0, 7, 1)]
        datagrams = Datagrams.of([one.payload for one in packets], [one.time for one in packets], LINES[0])
        ordered = Arbiter(wait=100).feed(datagrams, np.zeros(3, np.int32), np.array([1, 6, 7]), np.array([2, 1, 1]))
        assert (ordered.sequence.tolist(), ordered.gap_row.tolist()) == ([1, 6, 7], [1])

    def test_of_one_message_that_another_line_fills_in_time_are_none(self) -> None:
        packets = [Packet(10, 0, 1, 1), Packet(20, 0, 3, 1), Packet(90, 1, 1, 2)]
        heard = arbitrated(packets, Arbiter(wait=100))
        assert ([number for _, _, number in heard.messages], heard.gaps) == ([1, 2, 3], [])

    def test_are_declared_after_so_many_packets_too(self) -> None:
        packets = [Packet(10, 0, 1, 1), *(Packet(10, 0, number, 1) for number in range(3, 9)), Packet(10, 1, 2, 1)]
        arbiter = Arbiter(packets=4)
        heard = arbitrated(packets, arbiter)
        assert [number for _, _, number in heard.messages] == [1, 3, 4, 5, 6, 7, 8]
        assert (heard.gaps[0].first, arbiter.stats.late) == (2, 1)

    @pytest.mark.parametrize(("after", "found"), [(100, [1, 2, 3, 4]), (101, [1, 3, 4])])
    def test_are_declared_when_the_wait_is_over_and_not_before(self, after: int, found: list[int]) -> None:
        packets = [Packet(10, 0, 1, 1), Packet(20, 0, 3, 1), Packet(20 + after, 1, 2, 1), Packet(20 + after, 1, 4, 1)]
        heard = arbitrated(packets, Arbiter(wait=100))
        assert [number for _, _, number in heard.messages] == found

    @pytest.mark.parametrize(("packets", "found"), [(3, [1, 2, 3, 4, 5]), (2, [1, 3, 4, 5])])
    def test_are_declared_after_so_many_packets_and_not_before(self, packets: int, found: list[int]) -> None:
        """Those behind the first that was held count."""
        arrived = [Packet(10, 0, 1, 1), *(Packet(10, 0, number, 1) for number in (3, 4, 5)), Packet(10, 1, 2, 1)]
        heard = arbitrated(arrived, Arbiter(packets=packets))
        assert [number for _, _, number in heard.messages] == found

    def test_what_comes_after_it_was_given_up_is_late_and_what_came_before_is_a_duplicate(self) -> None:
        packets = [Packet(10, 0, 1, 1), Packet(20, 0, 3, 1), Packet(500, 0, 4, 1)]
        arbiter = Arbiter(wait=100)
        arbitrated([*packets, Packet(510, 1, 1, 1), Packet(520, 1, 2, 1), Packet(530, 1, 3, 1)], arbiter)
        assert (arbiter.stats.late, arbiter.stats.duplicates, arbiter.stats.missing) == (1, 2, 1)

    def test_a_heartbeat_tells_of_the_last_message(self) -> None:
        heard = arbitrated([Packet(10, 0, 1, 1), Packet(20, 0, 3, 0)], Arbiter())
        assert heard.gaps == [Gap(0, 2, 2, noticed=20, declared=20)]

    def test_streams_have_their_own(self) -> None:
        packets = [
            Packet(10, 0, 1, 1),
            Packet(10, 0, 1, 1, stream=1),
            Packet(20, 0, 3, 1, stream=1),
            Packet(500, 0, 2, 1),
        ]
        heard = arbitrated([*packets, Packet(900, 0, 4, 1, stream=1)], Arbiter(wait=100))
        assert heard.gaps == [Gap(1, 2, 2, noticed=20, declared=900)]
        assert heard.messages == [(0, 0, 1), (1, 0, 1), (0, 0, 2), (1, 0, 3), (1, 0, 4)]

    def test_more_than_the_tables_hold_are_all_told(self) -> None:
        packets = [Packet(number, 0, 2 * number + 1, 1) for number in range(5000)]
        assert numbers_in(arbitrated(packets, Arbiter(packets=10**6)).gaps) == list(range(2, 9999, 2))
        # In parts, each with more gaps than there was room for: what is made for them is not kept.
        assert numbers_in(arbitrated(packets, Arbiter(wait=0), 100).gaps) == list(range(2, 9999, 2))

    def test_what_is_not_a_packet_is_left_out(self) -> None:
        datagrams = Datagrams.of([b"?", Packet(1, 0, 1, 1).payload], 1, LINES[0])
        ordered = Arbiter().feed(datagrams, np.array([-1, 0], np.int32), np.array([0, 1]), np.array([0, 1]))
        assert ordered.packet.tolist() == [1]


class TestRestarts:
    def two_days(self, *, told: bool) -> Iterator[Packet]:
        random = Random(7)
        first, second = sent(random, 900), sent(random, 50, epoch=1)
        later = first[-1].time + 1000
        for line in range(2):
            yield from (Packet(one.time + line * 300, line, one.first, one.count) for one in first)
            yield from (
                Packet(later + one.time + line * 300, line, one.first, one.count, epoch=1, restart=told and not at)
                for at, one in enumerate(second)
            )

    @pytest.mark.parametrize("told", [True, False])
    def test_on_both_lines_are_one(self, told: bool) -> None:
        packets = sorted(self.two_days(told=told), key=lambda one: one.time)
        arbiter = Arbiter(restarts=True)
        heard = arbitrated(packets, arbiter, 100)
        wanted = sorted(
            {(epoch, number) for epoch in (0, 1) for number in numbers_of(p for p in packets if p.epoch == epoch)}
        )
        assert [(epoch, number) for _, epoch, number in heard.messages] == wanted
        assert (arbiter.stats.restarts, heard.gaps) == (1, [])

    def test_that_one_line_has_lost_are_known_from_the_other(self) -> None:
        packets = sorted(self.two_days(told=True), key=lambda one: one.time)
        heard = arbitrated([one for one in packets if not (one.line == 1 and one.restart)], Arbiter(restarts=True))
        assert [number for _, epoch, number in heard.messages if epoch] == sorted(
            numbers_of(p for p in packets if p.epoch)
        )

    def test_the_old_numbers_of_a_slow_line_are_not_lost(self) -> None:
        packets = [
            *(Packet(number, 0, number, 1) for number in range(1, 5)),
            Packet(5, 0, 1, 1, epoch=1, restart=True), Packet(6, 0, 2, 1, epoch=1),
            *(Packet(10 + number, 1, number, 1) for number in range(1, 7)),
            Packet(20, 1, 1, 1, epoch=1, restart=True), Packet(21, 1, 3, 1, epoch=1),
        ]  # fmt: skip
        # The slow line is not known before it has sent something.
        packets = [Packet(0, 1, 1, 0), *packets]
        heard = arbitrated(packets, Arbiter(restarts=True))
        assert [(epoch, number) for _, epoch, number in heard.messages] == [
            *((0, number) for number in range(1, 7)), (1, 1), (1, 2), (1, 3),
        ]  # fmt: skip

    def test_a_line_that_has_ended_is_waited_for_no_longer_than_for_a_message(self) -> None:
        packets = [Packet(1, 0, 1, 1), Packet(1, 1, 1, 1), Packet(2, 0, 2, 1)]
        packets += [Packet(5, 0, 1, 1, epoch=1, restart=True), Packet(200, 0, 2, 1, epoch=1)]
        arbiter = Arbiter(wait=100, restarts=True)
        heard = arbitrated(packets, arbiter)
        assert [(epoch, number) for _, epoch, number in heard.messages] == [(0, 1), (0, 2), (1, 1), (1, 2)]
        assert heard.gaps == []

    def test_is_followed_as_soon_as_all_lines_have_begun_anew(self) -> None:
        datagrams = Datagrams.of([b""] * 5, 1, LINES[0])
        first, restart = np.array([1, 2, 1, 2, 4]), np.array([False, False, True, False, False])
        ordered = Arbiter(restarts=True).feed(datagrams, np.zeros(5, np.int32), first, np.ones(5, np.int64), restart)
        assert ordered.sequence.tolist() == [1, 2, 1, 2]  # not flushed; the last one is held

    @pytest.mark.parametrize(("silence", "restarts"), [(3_599 * 10**9, 0), (3_601 * 10**9, 1)])
    def test_a_line_that_falls_back_behind_an_hour_of_silence_has_begun_anew(self, silence: int, restarts: int) -> None:
        """A day of a few messages is no copy of the day before."""
        packets = [Packet(line, line, 1, 3) for line in range(2)]
        packets += [Packet(2 + silence + line, line, 1, 3, epoch=1) for line in range(2)]
        arbiter = Arbiter(restarts=True)
        heard = arbitrated(packets, arbiter)
        assert [epoch for _, epoch, _ in heard.messages] == [0, 0, 0, *[1] * 3 * restarts]
        assert (arbiter.stats.restarts, arbiter.stats.duplicates) == (restarts, 9 - 3 * restarts)

    def test_a_line_that_goes_on_behind_an_hour_of_silence_has_not(self) -> None:
        packets = [Packet(1, 0, 1, 3), Packet(4 * 10**12, 0, 4, 0), Packet(8 * 10**12, 0, 4, 2)]
        arbiter = Arbiter(restarts=True)
        assert len(arbitrated(packets, arbiter).messages) == 5
        assert arbiter.stats.restarts == 0

    def test_a_restart_told_twice_is_one(self) -> None:
        packets = [
            Packet(1, 0, 1, 9),
            Packet(2, 0, 1, 1, epoch=1, restart=True),
            Packet(3, 0, 1, 1, epoch=1, restart=True),
        ]
        arbiter = Arbiter(restarts=True)
        heard = arbitrated([*packets, Packet(4, 0, 2, 1, epoch=1)], arbiter)
        assert [number for _, epoch, number in heard.messages if epoch] == [1, 2]
        assert (arbiter.stats.restarts, arbiter.stats.duplicates) == (1, 1)


@pytest.mark.parametrize(("wait", "packets"), [(-1, 1), (0, 0)])
def test_a_wait_that_cannot_be_is_refused(wait: int, packets: int) -> None:
    with pytest.raises(ArgumentError, match="cannot be: give ns from 0"):
        Arbiter(wait=wait, packets=packets)
