"""Messages are shown in a line or two, and secrets not at all."""

from __future__ import annotations

import pytest

from hftlab.protocol import (
    Ack,
    Auth,
    ChannelInfo,
    DataType,
    Gap,
    Message,
    OrderBookLevel,
    OrderUpdate,
    ReplayStatus,
    SlowConsumer,
    Subscribe,
    Trade,
)
from tests.protocol.conftest import market_data, symbol

AT = 1709294400000.25
TIME = "2024-03-01 12:00:00.000250 UTC"


def update(**changes: object) -> OrderUpdate:
    fields: dict[str, object] = {
        "timestamp": AT, "order_id": "1", "client_order_id": "mine", "symbol": "AAPL", "side": "BUY",
        "order_type": "LIMIT", "status": "PARTIALLY_FILLED", "quantity": 1500.0, "filled_quantity": 500.0,
        "remaining_quantity": 1000.0, "price": 175.25, "average_price": 175.2, "update_type": "FILL",
    }  # fmt: skip
    return OrderUpdate(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Ack(timestamp=AT, message="Subscribed", id="req_1"), "Ack('Subscribed', to req_1)"),
        (ReplayStatus(timestamp=1.0, state="PAUSED", position=AT),
         f"ReplayStatus(PAUSED at {TIME}, as fast as possible)"),
        (ReplayStatus(timestamp=1.0, state="ENDED", position=AT, speed=10.0, loop=True),
         f"ReplayStatus(ENDED at {TIME}, speed 10, in a loop)"),
        (update(), "OrderUpdate(mine: BUY 1,500 AAPL, LIMIT 175.25, FILL -> PARTIALLY_FILLED, filled 500 at 175.2)"),
        (update(filled_quantity=0.0, average_price=None, price=None, order_type="MARKET", status="REJECTED",
                update_type="REJECT", reason="too large"),
         "OrderUpdate(mine: BUY 1,500 AAPL, MARKET, REJECT -> REJECTED, too large)"),
        (Trade(price=175.25, size=1000.0, timestamp=AT, side="SELL"), f"Trade(SELL 1,000 @ 175.25, {TIME})"),
        (OrderBookLevel(price=175.25, size=1000.0, orders=3), "OrderBookLevel(1,000 @ 175.25, orders: 3)"),
        (Subscribe(timestamp=AT, symbols=list("ABCDE"), frequency=0),
         f"Subscribe(symbols=[A, B, C and 2 more], frequency=0, {TIME})"),
        (Auth(timestamp=AT, token="s3cret"), f"Auth(token=***, {TIME})"),
    ],
)  # fmt: skip
def test_a_message_is_a_line(message: Message, text: str) -> None:
    assert repr(message) == text


def test_market_data_names_its_symbols() -> None:
    message = market_data(*(symbol(name) for name in ("A", "B", "C", "D")), sequence=7)
    assert repr(message).startswith("MarketData(A, B, C and 1 more, sequence 7, ")


def test_the_state_of_a_symbol_is_its_quote() -> None:
    text = repr(symbol("AAPL", bids=[OrderBookLevel(price=1.0, size=1.0, orders=1)], asks=[]))
    assert text.startswith("MarketDataSymbol(AAPL on ")
    assert ", 1 + 0 levels, " in text
    assert len(text) < 200


def test_other_messages_have_what_is_not_by_default() -> None:
    info = ChannelInfo(
        channel=1,
        symbols=["AAPL"],
        data_types=[DataType.QUOTES],
        frequency=100,
        slow_consumer=SlowConsumer.GAP,
        sequence=1,
    )
    assert repr(info).startswith("ChannelInfo(symbols=[AAPL]")
    assert "None" not in repr(Gap(timestamp=AT, channel=1, from_sequence=1, to_sequence=2, reason="slow"))
