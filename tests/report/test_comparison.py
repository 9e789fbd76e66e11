"""The comparison finds each message of a replay that differs from the recording, and says where."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from hftlab.protocol import MarketDataSymbol
from hftlab.report import Comparison, Difference, compare
from tests.protocol.conftest import level, symbol

Message = list[MarketDataSymbol]


@pytest.fixture
def recorded() -> list[Message]:
    """Thirty messages of two symbols, with a level on each side."""
    return [
        [symbol(name, 100.0 + number, bids=[level(99.0)], asks=[level(101.0)]) for name in ("AAPL", "MSFT")]
        for number in range(30)
    ]


def changed(recorded: list[Message], change: Callable[[list[Message]], object]) -> Comparison:
    replayed = copy.deepcopy(recorded)
    change(replayed)
    return compare(recorded, replayed, lost=0)


def test_a_copy_does_not_differ(recorded: list[Message]) -> None:
    found = changed(recorded, lambda _: None)
    assert found == Comparison(recorded=30, replayed=30, lost=0, differing=0, differences=())
    assert found.is_perfect


@pytest.mark.parametrize("place", [0, 2, -1])
def test_a_changed_price_is_one_difference(recorded: list[Message], place: int) -> None:
    found = changed(recorded, lambda replayed: setattr(replayed[place][1], "bid_size", 7.5))
    number = place % 30 + 1
    was = recorded[place][1].bid_size
    assert found.differences == (Difference(number, "MSFT", "bidSize", str(was), "7.5"),)
    assert found.differing == 1


def test_a_change_deep_in_the_book_names_the_level(recorded: list[Message]) -> None:
    def change(replayed: list[Message]) -> None:
        bids = replayed[4][0].bids
        assert bids is not None
        bids[0].orders += 1

    (found,) = changed(recorded, change).differences
    assert (found.message, found.symbol, found.field) == (5, "AAPL", "bids")
    assert found.recorded.startswith('1: {"price":99.0,')
    assert found.recorded != found.replayed


def test_a_missing_level_symbol_or_message_is_shown_as_missing(recorded: list[Message]) -> None:
    assert changed(recorded, lambda replayed: replayed[0][0].asks.clear()).differences[0].replayed == "1: missing"
    assert changed(recorded, lambda replayed: replayed[0].pop()).differences == (
        Difference(1, "MSFT", "symbol", "MSFT", "missing"),
    )
    assert changed(recorded, list.pop).differences == (Difference(30, "", "message", "present", "missing"),)
    extra = changed(recorded, lambda replayed: replayed.append(recorded[0]))
    assert extra.differences == (Difference(31, "", "message", "missing", "present"),)


def test_all_are_counted_and_the_first_are_told(recorded: list[Message]) -> None:
    found = changed(recorded, lambda replayed: replayed.pop(0))
    assert (found.replayed, found.differing) == (29, 30)
    assert [one.message for one in found.differences] == list(range(1, 21))


def test_whatever_is_wrong_is_not_perfect(recorded: list[Message]) -> None:
    perfect = compare(recorded, recorded, lost=0)
    assert not perfect._replace(differing=1).is_perfect
    assert not perfect._replace(lost=1).is_perfect
    assert not perfect._replace(recorded=0, replayed=0).is_perfect
