"""The lines of a channel, with losses on each: what one of them has is never missing, what none has is a gap."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import ArgumentError, CaptureError
from hftlab.events import EventBatch
from hftlab.venues import nyse
from hftlab.venues.nyse import Decoder, message_bytes
from hftlab.venues.nyse.lines import Lines
from hftlab.venues.pcap import Datagrams, Flow, PcapWriter
from tests.venues.nyse.streams import packet

A, B, OTHER = (Flow("192.0.2.1", 1, f"233.252.0.{number}", 20_000) for number in (1, 2, 3))
BOTH = [["233.252.0.1:20000", "233.252.0.2:20000"]]
MAPPING = {7: ("ZZZ", 4)}


def add(number: int) -> bytes:
    fields = {"symbol_index": 7, "symbol_seq_num": number, "order_id": number, "price": number, "volume": 1}
    return message_bytes("100", side="B", **fields)


def sent(packets: list[tuple[int, int]], lost: list[list[bool]]) -> Datagrams:
    """Packets of messages (first, count), each on both lines 1 ns apart, but for those that a line has lost."""
    arrivals = [
        (10 * place + line, packet(*map(add, range(first, first + count)), sequence=first), line)
        for place, (first, count) in enumerate(packets)
        for line in (0, 1)
        if not lost[line][place]
    ]
    whole = Datagrams.of([payload for _, payload, _ in arrivals], [time for time, _, _ in arrivals], A, B)
    flow = np.array([line for *_, line in arrivals], np.int32)
    return Datagrams(whole.data, whole.ts_recv, whole.start, whole.end, flow, (A, B))


@st.composite
def losses(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[list[bool]]]:
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=20))
    firsts = np.cumsum([1, *counts]).tolist()
    lost = draw(st.lists(st.lists(st.booleans(), min_size=20, max_size=20), min_size=2, max_size=2))
    return list(zip(firsts, counts, strict=False)), lost


@given(losses())
def test_each_message_comes_once_and_in_order_and_what_no_line_has_is_a_gap(
    drawn: tuple[list[tuple[int, int]], list[list[bool]]],
) -> None:
    packets, lost = drawn
    lines, decoder = Lines(BOTH), Decoder(mapping=MAPPING)
    parts = [lines.order(sent(packets, lost)), lines.flush()]
    batch = EventBatch.concat([*(one for part in parts for one in decoder.feed(part)), decoder.flush()])
    there = [
        number
        for place, (first, count) in enumerate(packets)
        if not (lost[0][place] and lost[1][place])
        for number in range(first, first + count)
    ]
    assert batch.order_id.tolist() == there
    assert batch.sequence.tolist() == there
    # A stream begins with what comes first.
    last = there[-1] if there else 0
    missing = [number for gap in lines.gaps for number in range(gap.first, gap.last + 1)]
    assert missing == [number for number in range(there[0] if there else 1, last) if number not in there]
    assert decoder.stats.seen_before == 0


def test_a_packet_of_which_some_messages_have_come_is_read_from_there_on() -> None:
    payloads = [packet(add(1), add(2), sequence=1), packet(add(2), add(3), add(4), sequence=2)]
    lines, decoder = Lines(BOTH), Decoder(mapping=MAPPING)
    batch = EventBatch.concat([*decoder.feed(lines.order(Datagrams.of(payloads, 0, A, B))), decoder.flush()])
    assert batch.sequence.tolist() == [1, 2, 3, 4]
    assert decoder.stats.messages == {"100": 4}


class TestReading:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Line A loses the second packet, line B is behind; something else goes elsewhere."""
        payloads = [packet(add(number), sequence=number) for number in range(1, 5)]
        order = [(0, A), (2, A), (0, B), (1, B), (3, A), (2, B), (3, B)]
        with PcapWriter(tmp_path / "day.pcap") as writer:
            for time, (number, flow) in enumerate(order):
                writer.write(Datagrams.of([payloads[number]], time, flow))
            writer.write(Datagrams.of([packet(add(9), sequence=9)], 99, OTHER))
        return tmp_path / "day.pcap"

    def test_puts_the_lines_together(self, path: Path) -> None:
        reader = nyse.read(path, mapping=MAPPING, lines=BOTH)
        assert EventBatch.concat(reader).order_id.tolist() == [1, 2, 3, 4]
        assert reader.gaps == ()

    def test_without_them_goes_on_with_the_line_that_is_ahead(self, path: Path) -> None:
        reader = nyse.read(path, mapping=MAPPING)
        assert EventBatch.concat(reader).order_id.tolist() == [1, 3, 4, 9]
        assert (reader.stats.seen_before, reader.stats.missing) == (4, 5)

    def test_of_one_line_declares_its_gaps(self, path: Path) -> None:
        reader = nyse.read(path, mapping=MAPPING, lines=BOTH[0][:1])
        assert EventBatch.concat(reader).order_id.tolist() == [1, 3, 4]
        assert [(gap.stream, gap.first, gap.last) for gap in reader.gaps] == [(0, 2, 2)]

    def test_of_a_torn_or_damaged_capture_gives_what_came_before(self, path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-40])
        assert EventBatch.concat(nyse.read(path, mapping=MAPPING, lines=BOTH)).order_id.tolist() == [1, 2, 3, 4]

    def test_of_lines_that_are_not_there_names_those_that_are(self, path: Path) -> None:
        with pytest.raises(
            CaptureError, match=r"no packet that goes to one of the lines: .* 233\.252\.0\.1:20000, 233"
        ):
            list(nyse.read(path, mapping=MAPPING, lines=[["233.252.0.9:1"]]))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([["233.252.0.1"]], "the line '233.252.0.1' is not an address and a port"),
        ([["233.252.0.1:1"], ["233.252.0.1:1"]], "the line 233.252.0.1:1 is given twice"),
        ([], "lines is empty"),
    ],
)
def test_lines_that_cannot_be_raise(lines: Any, reason: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(reason)):
        Lines(lines)
