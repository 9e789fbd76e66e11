"""One example of each message of the wire, made by the code that makes the real ones; see wire_pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hftlab import protocol
from hftlab.clock import Clock, from_milliseconds
from hftlab.credentials import access_token
from hftlab.protocol import DataType, ErrorType, OrderStatus, OrderType, Side, SlowConsumer, UpdateType
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.simulator import RandomWalk

__all__ = ["EXAMPLES"]

NOW: Final = 1_772_461_800_000.125
"""2 March 2026, 14:30 UTC: the half hour of an opening in New York."""

_TOKEN: Final = access_token(bytes(32), "alice", NOW / 1000)
_LEVELS: Final[dict[str, Any]] = {
    "bids": [protocol.OrderBookLevel(price=175.25, size=1000.0, orders=5)],
    "asks": [protocol.OrderBookLevel(price=175.27, size=800.0, orders=3)],
}


def _market_data() -> Any:
    """One symbol of the random walk's first message, with two levels a side."""
    source = RandomWalk(7, clock=Clock(from_milliseconds(NOW), paused=True))
    due = source.next_time()
    assert due is not None
    (item,) = source.advance(due)[:1]
    message = getattr(item, "message", item)
    symbol = message.symbols[0]
    symbol.bids, symbol.asks = (symbol.bids or [])[:2], (symbol.asks or [])[:2]
    return protocol.MarketData(timestamp=NOW, channel=3, sequence=17, symbols=[symbol])


def _order() -> dict[str, Any]:
    return {"client_order_id": "a-17", "symbol": "AAPL", "side": Side.BUY, "order_type": OrderType.LIMIT}


def _channel() -> protocol.ChannelInfo:
    return protocol.ChannelInfo(
        channel=3,
        symbols=["AAPL", "MSFT"],
        data_types=[DataType.QUOTES, DataType.ORDER_BOOK],
        frequency=100,
        slow_consumer=SlowConsumer.CONFLATE,
        sequence=16,
    )


def _welcome() -> protocol.Ack:
    return protocol.Ack(
        timestamp=NOW,
        message="hftlab",
        session="3f1c",
        version="1.0",
        connection_id="c-1",
        limits=ServerLimits().to_wire(),
        symbols=["AAPL", "MSFT"],
    )


EXAMPLES: Final[dict[str, Callable[[], Any]]] = {
    "SUBSCRIBE": lambda: protocol.Subscribe(
        timestamp=NOW,
        id="s-1",
        symbols=["AAPL", "MSFT"],
        data_types=[DataType.QUOTES, DataType.ORDER_BOOK],
        frequency=100,
    ),
    "UNSUBSCRIBE": lambda: protocol.Unsubscribe(timestamp=NOW, id="s-2", symbols=["MSFT"]),
    "HEARTBEAT": lambda: protocol.Heartbeat(timestamp=NOW, id="h-1"),
    "AUTH": lambda: protocol.Auth(timestamp=NOW, id="a-1", token=_TOKEN, session="3f1c", resume_from=41),
    "PING": lambda: protocol.Ping(timestamp=NOW, ping_id="p-1"),
    "REPLAY_CONTROL": lambda: protocol.ReplayControl(
        timestamp=NOW, id="r-1", action=protocol.ReplayAction.SEEK, position=NOW
    ),
    "NEW_ORDER": lambda: protocol.NewOrder(timestamp=NOW, id="o-1", **_order(), quantity=100.0, price=175.25),
    "CANCEL_ORDER": lambda: protocol.CancelOrder(timestamp=NOW, id="o-2", client_order_id="a-17"),
    "REPLACE_ORDER": lambda: protocol.ReplaceOrder(
        timestamp=NOW, id="o-3", client_order_id="a-17", new_client_order_id="a-18", price=175.26
    ),
    "CANCEL_ALL": lambda: protocol.CancelAll(timestamp=NOW, id="o-4", symbol="AAPL"),
    "MARKET_DATA": _market_data,
    "ORDER_UPDATE": lambda: protocol.OrderUpdate(
        timestamp=NOW,
        channel=0,
        sequence=42,
        order_id="789012",
        **_order(),
        status=OrderStatus.PARTIALLY_FILLED,
        quantity=100.0,
        filled_quantity=50.0,
        remaining_quantity=50.0,
        price=175.25,
        average_price=175.25,
        last_fill_price=175.25,
        last_fill_quantity=50.0,
        commission=0.25,
        update_type=UpdateType.FILL,
    ),
    "POSITION_UPDATE": lambda: protocol.PositionUpdate(
        timestamp=NOW,
        channel=0,
        sequence=43,
        symbol="AAPL",
        quantity=50.0,
        average_price=175.25,
        current_price=175.5,
        market_value=8775.0,
        unrealized_pnl=12.5,
        realized_pnl=0.0,
        day_pnl=12.5,
        side=protocol.PositionSide.LONG,
    ),
    "PORTFOLIO_UPDATE": lambda: protocol.PortfolioUpdate(
        timestamp=NOW,
        channel=0,
        sequence=44,
        total_value=100_012.25,
        cash=91_237.25,
        market_value=8775.0,
        buying_power=91_237.25,
        unrealized_pnl=12.5,
        realized_pnl=-0.25,
        day_pnl=12.25,
    ),
    "ACK": _welcome,
    "ERROR": lambda: protocol.Error(
        timestamp=NOW,
        id="s-3",
        error_type=ErrorType.SUBSCRIPTION_FAILED,
        message="field `symbols` names XXXX, which this server does not have; it has AAPL, MSFT",
        recoverable=True,
        context={"field": "symbols", "unknown": ["XXXX"]},
    ),
    "AUTH_SUCCESS": lambda: protocol.AuthSuccess(
        timestamp=NOW, id="a-1", subject="alice", expires_at=NOW + 900_000, private_sequence=41
    ),
    "AUTH_FAILED": lambda: protocol.AuthFailed(timestamp=NOW, id="a-1"),
    "PONG": lambda: protocol.Pong(timestamp=NOW + 0.5, ping_id="p-1", ping_timestamp=NOW, received_at=NOW + 0.375),
    "BOOK_DELTA": lambda: protocol.BookDelta(
        timestamp=NOW,
        channel=5,
        sequence=901,
        symbol="AAPL",
        exchange="NASDAQ",
        **_LEVELS,
        checksum=2_774_903_119,
        ts_event=NOW,
    ),
    "ARBITRAGE": lambda: protocol.Arbitrage(
        timestamp=NOW,
        channel=6,
        sequence=12,
        symbol="AAPL",
        state=protocol.ArbitrageState.OPEN,
        buy_venue="NASDAQ",
        sell_venue="NYSE",
        ask=175.27,
        bid=175.31,
        size=400.0,
        edge=13.6,
        peak_edge=13.6,
        currency="USD",
        opened=NOW,
    ),
    "GAP": lambda: protocol.Gap(
        timestamp=NOW,
        channel=5,
        sequence=950,
        from_sequence=902,
        to_sequence=949,
        reason="the reader was too slow",
    ),
    "REPLAY_STATUS": lambda: protocol.ReplayStatus(
        timestamp=NOW,
        state=protocol.ReplayState.PLAYING,
        position=NOW - 30_000,
        speed=10.0,
        start=NOW - 60_000,
        end=NOW,
    ),
    "SERVER_SHUTDOWN": lambda: protocol.ServerShutdown(timestamp=NOW, message="the server is shutting down"),
}
