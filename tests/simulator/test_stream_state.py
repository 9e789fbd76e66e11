"""The state of a stream in few messages: what a reader learns from them is what it would have learned from all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import Arbitrage, ArbitrageState, BookDelta, Message
from hftlab.simulator.stream_state import StreamState
from tests.listed_source import market_messages, state_of
from tests.strategies import of

MESSAGES = st.lists(market_messages(), max_size=12)


def state_after(messages: list[Message]) -> list[Message]:
    state = StreamState()
    for message in messages:
        state.add(message)
    return state.messages()


@given(MESSAGES, MESSAGES)
def test_gives_the_state_and_goes_on_as_the_whole_stream(before: list[Message], after: list[Message]) -> None:
    assert state_of([*state_after(before), *after]) == state_of([*before, *after])


@given(MESSAGES)
def test_keeps_one_message_a_symbol_and_the_deltas_since_its_snapshot(messages: list[Message]) -> None:
    kept = state_after(messages)
    symbols = [message.symbols[0].symbol for message in kept if message.type == "MARKET_DATA"]
    assert len(symbols) == len(set(symbols))
    for message in kept:
        if isinstance(message, BookDelta) and message.is_restart:
            same = [one for one in kept if isinstance(one, BookDelta) and one.symbol == message.symbol]
            assert any(one is message for one in same[:2])  # only the first delta of all may stand before it


@given(
    st.lists(of(Arbitrage, symbol=st.just("AAPL"), buy_venue=st.just("NYSE"), sell_venue=st.just("LSE")), min_size=1)
)
def test_keeps_an_opportunity_for_as_long_as_it_is_open(told: list[Arbitrage]) -> None:
    expected = [] if told[-1].state is ArbitrageState.CLOSE else [told[-1]]
    assert state_after(list(told)) == expected
