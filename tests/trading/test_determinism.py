"""The same seed and the same orders on a virtual clock give the same fills and private messages, byte for byte."""

from __future__ import annotations

import random

import pytest

from hftlab.clock import NANOSECONDS
from hftlab.protocol import encode
from tests.trading.trading_floor import Floor

MILLISECOND = NANOSECONDS // 1000


def told(seed: int, latency: int, cuts: int | None) -> tuple[list[tuple[str, int, bytes]], Floor]:
    """All that the accounts of two sequences are told, with its times, where the stream is cut by a seed or not."""
    floor = Floor(seed, 2, latency)
    floor.cuts = None if cuts is None else random.Random(cuts)
    found: list[tuple[str, int, bytes]] = []
    for number in range(2):
        for member in floor.play(seed + number, number, 25):
            found += [(member.name, at, encode(message)) for at, message in member.told]
        floor.counts["fill"] += len(floor.fills())
    return found, floor


@pytest.mark.no_cover
@pytest.mark.parametrize("latency", [0, 2 * MILLISECOND, 150 * MILLISECOND])
@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 100))])
def test_private_messages_are_the_same_however_the_stream_is_cut(seed: int, latency: int) -> None:
    """Also where time advances between what is due. No message has a ts_out: those are the server's."""
    once, floor = told(seed, latency, None)
    assert len(once) > 20  # sequences with few trades have messages of orders all the same
    assert told(seed, latency, None)[0] == once
    for cuts in range(2):
        again, floor = told(seed, latency, cuts)
        assert again == once
        assert floor.counts["cut"] > 20
    assert told(seed + 1, latency, None)[0] != once
