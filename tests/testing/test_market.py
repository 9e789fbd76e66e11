"""Market data of a few numbers: valid on the wire, and consistent."""

from __future__ import annotations

import pytest

from hftlab.protocol import check_message, decode, encode
from hftlab.testing import market_data


def test_a_quote() -> None:
    message = market_data("AAPL", bid=175.25, ask=175.27, channel=3, sequence=9, volume=5.0)
    (symbol,) = message.symbols
    assert (symbol.symbol, symbol.bid, symbol.ask, symbol.price, symbol.volume) == ("AAPL", 175.25, 175.27, 175.26, 5.0)
    assert (message.channel, message.sequence, message.snapshot) == (3, 9, False)
    assert decode(encode(message)) == message
    check_message(message)


def test_levels_make_the_quote() -> None:
    (symbol,) = market_data("AAPL", bids=[(10.0, 5.0), (9.0, 7.0)], asks=[(11.0, 3.0)]).symbols
    assert (symbol.bid, symbol.bid_size, symbol.ask, symbol.ask_size) == (10.0, 5.0, 11.0, 3.0)
    assert symbol.bids is not None
    assert [(level.price, level.size) for level in symbol.bids] == [(10.0, 5.0), (9.0, 7.0)]


def test_what_is_left_out_is_a_tick_away() -> None:
    (bid,) = market_data("AAPL", bid=10.0).symbols
    (ask,) = market_data("AAPL", ask=10.0).symbols
    (traded,) = market_data("AAPL", trade=(10.0, 2.0)).symbols
    assert (bid.bid, bid.ask) == (10.0, 10.01)
    assert (ask.bid, ask.ask) == (9.99, 10.0)
    assert (traded.price, traded.bid, traded.ask) == (10.0, 10.0, 10.01)
    assert traded.last_trade is not None
    assert traded.last_trade.size == 2.0


def test_without_a_price_there_is_none() -> None:
    with pytest.raises(ValueError, match="needs a price: give bid and ask"):
        market_data("AAPL")
