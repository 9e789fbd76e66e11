from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hftlab.protocol import JSON, Codec, Limits, MarketData, MarketDataSymbol, OrderBookLevel, Side, Trade
from hftlab.protocol.encoded_market_data import EncodedMarketData, parts_of
from hftlab.protocol.publishing.authentication import Authenticator
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.protocol.publishing.server_protocol import ServerProtocol

MS = 1_000_000


def level(price: float, size: float = 1.0) -> OrderBookLevel:
    return OrderBookLevel(price=price, size=size, orders=1)


def trade(price: float) -> Trade:
    return Trade(price=price, size=1.0, timestamp=1.0, side=Side.BUY)


def symbol(name: str = "AAPL", price: float = 10.0, **changes: Any) -> MarketDataSymbol:
    values: dict[str, Any] = {
        "symbol": name,
        "exchange": "X",
        "price": price,
        "bid": price - 1,
        "ask": price + 1,
        "bids": [level(price - 1)],
        "asks": [level(price + 1)],
        **dict.fromkeys(["bid_size", "ask_size", "volume", "change", "change_percent"], 1.0),
        **dict.fromkeys(["high", "low", "open", "previous_close"], 1.0),
        "timestamp": 1.0,
    }
    return MarketDataSymbol(**(values | changes))


def market_data(*symbols: MarketDataSymbol, **changes: Any) -> MarketData:
    return MarketData(timestamp=1.0, symbols=list(symbols), **changes)


def encoded(message: MarketData) -> EncodedMarketData:
    """Encode the symbols of a message, none of which comes twice."""
    text = msgspec.json.encode(message.symbols)
    state = text
    if any(one.trades is not None for one in message.symbols):
        state = msgspec.json.encode([msgspec.structs.replace(one, trades=None) for one in message.symbols])
    parts = {one.symbol: int(parts_of(one)) for one in message.symbols}
    return EncodedMarketData(msgspec.structs.replace(message, symbols=[]), parts, state, text)


LIMITS = Limits(max_message_bytes=1000, max_symbols=5, min_frequency=0, max_frequency=60_000)


KEY = b"k" * 64


def receive(publisher: Publisher[str], key: str, data: bytes, sent_at: int, codec: Codec = JSON) -> list[bytes]:
    """The replies to one frame of a connection that has joined already."""
    protocol = ServerProtocol(key, codec, publisher, Authenticator(KEY), ServerLimits())
    protocol.receive(data, 0.0, sent_at)
    return [reply.payload for reply in protocol.data_to_send()]


@pytest.fixture
def publisher() -> Publisher[str]:
    return Publisher(session="s", limits=LIMITS, symbols=["AAPL", "MSFT", "TSLA"])
