"""States that leave out parts."""

from __future__ import annotations

from hftlab.protocol.merging import merged
from tests.protocol.conftest import level, symbol, trade


def test_a_complete_state_is_taken_as_it_is() -> None:
    new = symbol(last_trade=trade(1.0))
    assert merged(new, None) is new
    assert merged(new, symbol(price=5.0)) is new


def test_what_is_left_out_is_kept() -> None:
    known = symbol(price=5.0, bids=[level(4.0)], asks=[level(6.0)], last_trade=trade(5.5))
    new = symbol(price=7.0, bids=None, asks=[level(8.0)], last_trade=None)
    both = merged(new, known)
    assert (both.price, both.bids, both.asks, both.last_trade) == (7.0, known.bids, new.asks, known.last_trade)
    assert new.bids is None


def test_an_empty_side_is_not_one_that_is_left_out() -> None:
    assert merged(symbol(bids=[], last_trade=trade(1.0)), symbol()).bids == []
