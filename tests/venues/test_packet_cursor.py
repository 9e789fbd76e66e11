"""Numbers of the gaps before packets, against a walk through packets and gaps one by one.

How decoders walk through packets is seen in the tests of MITCH and IEX.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.arbitration import Gap, Ordered
from hftlab.venues.packet_cursor import GapNumbers
from hftlab.venues.pcap import Datagrams

STREAMS = st.integers(0, 3)
PARTS = st.lists(
    st.lists(STREAMS, max_size=9).flatmap(
        lambda rows: st.tuples(st.just(rows), st.lists(st.tuples(st.integers(0, len(rows)), STREAMS), max_size=6))
    ),
    max_size=4,
)


def ordered(rows: list[int], gaps: list[tuple[int, int]]) -> Ordered:
    none = np.zeros(len(rows), np.int64)
    declared = tuple(Gap(stream, 1, 2, 0, 0) for _, stream in gaps)
    places = np.array([place for place, _ in gaps], np.int64)
    return Ordered(Datagrams.of([], 0), none, none, none, none, np.array(rows, np.int32), declared, places)


@given(PARTS)
def test_gap_numbers_are_those_of_the_last_gap_of_each_stream(
    parts: list[tuple[list[int], list[tuple[int, int]]]],
) -> None:
    numbers, last, count = GapNumbers(), dict.fromkeys(range(4), 0), 0
    for rows, unsorted in parts:
        gaps, expected = sorted(unsorted), []
        for place in range(len(rows) + 1):
            for _, stream in (gap for gap in gaps if gap[0] == place):
                count += 1
                last[stream] = count
            expected += [last[stream] for stream in rows[place : place + 1]]
        assert numbers.before(ordered(rows, gaps)).tolist() == expected
