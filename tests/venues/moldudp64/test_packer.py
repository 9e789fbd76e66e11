"""Packets made of messages hold them all, in order, within their size and their runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.errors import ArgumentError
from hftlab.venues.moldudp64 import Packer, Receiver
from tests.venues.moldudp64.test_receiver import A, B, found_in, unpacked


def framed(messages: list[bytes]) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in messages)


@settings(deadline=None)
@given(st.lists(st.lists(st.binary(max_size=40), max_size=9), max_size=5), st.integers(22, 90), st.integers(1, 2))
def test_messages_are_packed_in_order(runs: list[list[bytes]], most: int, lines: int) -> None:
    ends = np.cumsum([len(framed(run)) for run in runs], dtype=np.int64)
    data = np.frombuffer(bytearray(b"".join(map(framed, runs))), np.uint8)
    packer = Packer("S1", sequence=5, most=most)
    made = packer.pack(data, ends, 100 * np.arange(len(runs)), *(A, B)[:lines])
    wanted = [(number, one) for number, one in enumerate((one for run in runs for one in run), 5)]
    times = [100 * number for number, run in enumerate(runs) for _ in run]
    payloads = [made.payload(row) for row in range(len(made))]
    assert payloads[::lines] == payloads[lines - 1 :: lines]
    assert made.flow.tolist() == list(range(lines)) * (len(made) // lines)
    for payload in payloads:
        session, _, count, messages = unpacked(payload)
        assert (session, count) == ("S1", len(messages))
        assert len(payload) <= most or len(messages) == 1
    once, sent = payloads[::lines], made.ts_recv[::lines].tolist()
    for at in range(1, len(once)):  # a packet ends where the next message would not have fitted, or with its run
        more = len(once[at - 1]) + 2 + len(unpacked(once[at])[3][0])
        assert more > most or sent[at] != sent[at - 1]
    receiver = Receiver()
    found = found_in(receiver.feed(made), receiver.flush())
    assert [(number, one) for number, one, _ in found] == wanted
    assert [time for *_, time in found] == times
    assert packer.sequence == 5 + len(wanted)


def test_a_session_beats_and_ends_on_every_line() -> None:
    packer = Packer("S1", sequence=9)
    beat, end = packer.heartbeat(1, A, B), packer.end(2, A, B)
    assert [unpacked(beat.payload(row))[:3] for row in (0, 1)] == [("S1", 9, 0)] * 2
    assert [unpacked(end.payload(row))[:3] for row in (0, 1)] == [("S1", 9, 65_535)] * 2
    assert (beat.flow.tolist(), end.ts_recv.tolist()) == ([0, 1], [2, 2])


@pytest.mark.parametrize("most", [21, 70_000])
def test_sizes_that_cannot_be_are_refused(most: int) -> None:
    with pytest.raises(ArgumentError, match="give 22 to 65,507"):
        Packer("S1", most=most)
