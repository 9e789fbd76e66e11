"""The newest state of a source's symbols."""

from __future__ import annotations

from hftlab.protocol import BookDelta, Heartbeat, MarketData
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.level_book import LevelBook
from tests.protocol.conftest import level, market_data, symbol


def test_a_message_comes_back_with_the_whole_state() -> None:
    state = LatestState()
    first = market_data(symbol(bids=[level(1.0)]))
    assert state.take_in(first) is first
    second = state.take_in(market_data(symbol(price=20.0, bids=None)))
    assert isinstance(second, MarketData)
    assert second.symbols[0].bids == [level(1.0)]
    assert state.latest["AAPL"] == second.symbols[0]


def test_an_incremental_book_becomes_state() -> None:
    state = LatestState()
    state.take_in(market_data(symbol()))
    book = LevelBook([level(5.0)], [level(6.0)])
    delta = BookDelta(
        timestamp=1.0,
        symbol="AAPL",
        exchange="X",
        bids=book.bids(),
        asks=book.asks(),
        checksum=book.checksum(1),
        ts_event=2.0,
        snapshot=True,
    )
    whole = state.take_in(delta)
    assert isinstance(whole, MarketData)
    assert (whole.symbols[0].bids, whole.symbols[0].asks) == (book.bids(), book.asks())


def test_other_messages_pass_and_cleared_state_is_gone() -> None:
    state = LatestState()
    beat = Heartbeat(timestamp=1.0)
    assert state.take_in(beat) is beat
    state.take_in(market_data(symbol()))
    state.clear()
    assert state.latest == {}
