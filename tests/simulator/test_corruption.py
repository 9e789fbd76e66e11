"""Corrupted messages: valid on the wire, wrong in one symbol, and the original left whole."""

from __future__ import annotations

import msgspec
import pytest

from hftlab import protocol
from hftlab.clock import Clock
from hftlab.protocol import Heartbeat, MarketData
from hftlab.simulator import RandomWalk
from hftlab.simulator.corruption import CORRUPTIONS, corrupted, skewed

START = 1_700_000_000_000_000_000
KIND_NUMBERS = range(len(CORRUPTIONS))


def message() -> MarketData:
    return RandomWalk(7, clock=Clock(START, paused=True)).advance(START)[0]


@pytest.mark.parametrize("kind", KIND_NUMBERS)
def test_a_corrupted_message_is_valid_on_the_wire(kind: int) -> None:
    wrong, what = corrupted(message(), kind / len(CORRUPTIONS), 0.5)
    assert what.endswith(list(CORRUPTIONS)[kind])
    assert protocol.decode(protocol.encode(wrong)) == wrong


@pytest.mark.parametrize("kind", KIND_NUMBERS)
def test_one_symbol_is_wrong_and_the_original_stays_whole(kind: int) -> None:
    """A recorder behind the source keeps the same object."""
    true = message()
    before = msgspec.json.encode(true)
    wrong, what = corrupted(true, kind / len(CORRUPTIONS), 0.99)
    assert isinstance(wrong, MarketData)
    differing = [one.symbol for one, other in zip(wrong.symbols, true.symbols, strict=True) if one != other]
    assert differing == [true.symbols[-1].symbol]
    assert what.startswith(differing[0])
    assert msgspec.json.encode(true) == before


def test_other_messages_stay_as_they_are() -> None:
    heartbeat = Heartbeat(timestamp=1.0)
    assert corrupted(heartbeat, 0.0, 0.0) == (heartbeat, "")
    assert skewed(heartbeat, 5.0) is heartbeat


def test_skewed_times_stay_above_0() -> None:
    assert skewed(message(), -1e15).timestamp == 0.001
