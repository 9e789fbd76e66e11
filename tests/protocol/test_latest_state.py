"""The newest state of a source's symbols."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import BookDelta, Heartbeat, MarketData, MarketDataSymbol
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.level_book import LevelBook
from tests.protocol.conftest import encoded, level, market_data, symbol, trade


def test_a_message_comes_back_with_the_whole_state() -> None:
    state = LatestState()
    first = market_data(symbol(bids=[level(1.0)]))
    assert state.take_in(first) is first
    second = state.take_in(market_data(symbol(price=20.0, bids=None)))
    assert isinstance(second, MarketData)
    assert second.symbols[0].bids == [level(1.0)]
    assert state.latest["AAPL"] == second.symbols[0]


def test_a_symbol_that_is_flagged_has_no_state_until_its_next_message() -> None:
    state = LatestState()
    state.take_in(market_data(symbol(bids=[level(1.0)]), symbol("MSFT")))
    state.flag(["AAPL"], "missing")
    assert (list(state.latest), len(state.latest), "AAPL" in state.latest) == (["MSFT"], 1, False)
    assert state.latest.get("AAPL") is None
    state.flag(None, "all of it")
    assert not state.latest
    assert state.flagged == {"AAPL": "all of it", "MSFT": "all of it"}
    state.take_in(market_data(symbol(bids=[level(2.0)])))
    assert state.take_in_encoded(encoded(market_data(symbol("MSFT"))))
    assert sorted(state.latest) == ["AAPL", "MSFT"]
    state.flag(["AAPL"], "missing")
    state.clear()
    assert state.flagged == {}


def _delta(bid: float, *, snapshot: bool = False) -> BookDelta:
    return BookDelta(
        timestamp=1.0,
        symbol="AAPL",
        exchange="X",
        bids=[level(bid)],
        asks=[],
        checksum=0,
        ts_event=2.0,
        snapshot=snapshot,
    )


@given(st.lists(st.tuples(st.sampled_from(["delta", "snapshot", "quote", "flag"]), st.integers(1, 5)), max_size=20))
def test_a_copy_goes_on_by_itself_and_alike(steps: list[tuple[str, int]]) -> None:
    """A copy made before each step, and left behind by it, has the same state once it has taken the same step."""
    state = LatestState()
    for kind, price in steps:
        copied, before = state.copy(), dict(state.latest)
        for one in (copied, state):
            match kind:
                case "quote":
                    one.take_in(market_data(symbol(price=float(price))))
                case "flag":
                    one.flag(["AAPL"], "missing")
                case _:
                    one.take_in(_delta(float(price), snapshot=kind == "snapshot"))
            if one is copied:
                assert dict(state.latest) == before
        assert dict(copied.latest) == dict(state.latest)
        assert copied.flagged == state.flagged


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


def empty(*, snapshot: bool) -> BookDelta:
    return BookDelta(
        timestamp=1.0, symbol="AAPL", exchange="X", bids=[], asks=[], checksum=0, ts_event=2.0, snapshot=snapshot
    )


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_book_without_levels_is_that_of_the_state_that_follows(snapshot: bool) -> None:
    """The state is the same whether a state came before the book as well, and whether it comes encoded."""
    states = [LatestState() for _ in range(3)]
    bare = market_data(symbol(bids=None, asks=None))
    states[0].take_in(bare)
    for state in states:
        state.take_in(empty(snapshot=snapshot))
    states[0].take_in(bare)
    states[1].take_in(bare)
    assert not states[2].take_in_encoded(encoded(bare))
    states[2].take_in(bare)
    for state in states:
        assert (state.latest["AAPL"].bids, state.latest["AAPL"].asks) == ([], [])
        assert state.latest == states[0].latest
        assert state.take_in_encoded(encoded(market_data(symbol(bids=[], asks=[]))))


def test_levels_that_follow_a_book_without_any_are_not_taken_back() -> None:
    state = LatestState()
    gone = msgspec.structs.replace(empty(snapshot=False), bids=[level(5.0, 0.0)])
    come = msgspec.structs.replace(empty(snapshot=False), bids=[level(5.0)])
    for message in (gone, come, market_data(symbol(bids=None, asks=None))):
        state.take_in(message)
    assert state.latest["AAPL"].bids == [level(5.0)]


def test_other_messages_pass_and_cleared_state_is_gone() -> None:
    state = LatestState()
    beat = Heartbeat(timestamp=1.0)
    assert state.take_in(beat) is beat
    state.take_in(market_data(symbol()))
    state.clear()
    assert state.latest == {}


def symbols() -> st.SearchStrategy[MarketDataSymbol]:
    """Draw symbols with and without the parts that a message may leave out."""
    sides = st.none() | st.just([]) | st.just([level(1.0)])
    trades = st.none() | st.builds(trade, st.sampled_from([1.0, 2.0]))
    return st.builds(
        lambda name, bids, asks, last: symbol(name, bids=bids, asks=asks, last_trade=last),
        st.sampled_from("ABC"), sides, sides, trades,
    )  # fmt: skip


@given(st.lists(st.tuples(st.lists(symbols(), unique_by=lambda one: one.symbol, max_size=3), st.booleans())))
def test_encoded_messages_give_the_same_state(drawn: list[tuple[list[MarketDataSymbol], bool]]) -> None:
    """In any order with others; what leaves out something that is known is not taken in encoded."""
    state, other = LatestState(), LatestState()
    for some, is_encoded in drawn:
        message = market_data(*some)
        is_taken = is_encoded and state.take_in_encoded(encoded(message))
        if not is_taken:
            state.take_in(message)
        is_whole = other.take_in(message) is message
        assert not is_encoded or is_taken is is_whole
    assert state.latest == other.latest


def test_an_encoded_message_that_leaves_nothing_out_is_not_decoded() -> None:
    state = LatestState()
    state.take_in(market_data(symbol()))
    message = encoded(market_data(symbol(price=3.0), symbol("MSFT", bids=None)))
    assert state.take_in_encoded(message)
    assert message._decoded is None
    assert "MSFT" in state.latest
    assert len(state.latest) == 2
    assert message._decoded is None
    assert state.latest["AAPL"] is message.decoded().symbols[0]
    assert not state.take_in_encoded(encoded(market_data(symbol(asks=None))))
    assert state.latest["AAPL"].price == 3.0
