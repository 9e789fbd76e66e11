"""Messages about one pair: all decimals, zeros too, and a checksum that is that of a slow book of the same texts."""

from __future__ import annotations

import numpy as np
import pytest

from hftlab.instruments import UNIT, Instrument
from hftlab.venues.kraken import KRAKEN
from hftlab.venues.kraken.api.pair_writer import PairWriter
from hftlab.venues.kraken.pair_name import PairName
from hftlab.venues.market_state.level_differences import NO_LEVELS, Levels
from hftlab.venues.market_state.recorded_market import SymbolState, Trade
from tests.venues.kraken_frames import OracleBook, parse

NAME = PairName("BTC", "USD")


def writer(tick: int, lot: int) -> PairWriter:
    return PairWriter(NAME, SymbolState(NAME.symbol, Instrument("BTC/USD", KRAKEN, tick, lot, "USD")))


def side(*levels: tuple[int, int]) -> Levels:
    return Levels(*(np.array(column, np.int64) for column in zip(*levels, strict=True)))


@pytest.mark.parametrize(
    ("tick", "lot", "price", "size"),
    [
        (UNIT // 10, 10, "0.7", "0.00000003"),
        (UNIT, UNIT, "7", "3"),
        (5 * UNIT // 10, 25 * UNIT // 1000, "3.5", "0.075"),
        (1, 1, "0.000000007", "0.000000003"),
        (50 * UNIT, UNIT, "350", "3"),
    ],
)
def test_numbers_have_the_decimals_of_tick_and_lot(tick: int, lot: int, price: str, size: str) -> None:
    own = writer(tick, lot)
    bids = side((7, 3), (5, 1))
    checksum = own.checksum(bids, NO_LEVELS)
    message = own.book("snapshot", bids, NO_LEVELS, checksum)
    assert f'{{"price":{price},"qty":{size}}}'.encode() in message
    book = OracleBook()
    book.take(parse(message))
    assert book.checksum() == checksum


def test_a_trade_names_the_side_of_its_taker() -> None:
    message = parse(writer(UNIT, UNIT).trades("update", [Trade(5, 1_790_000_000 * UNIT + 1500, 9 * UNIT, 2, True)]))
    assert message == {
        "channel": "trade",
        "type": "update",
        "data": [
            {
                "symbol": "BTC/USD",
                "side": "sell",
                "price": 9,
                "qty": 2,
                "ord_type": "limit",
                "trade_id": 5,
                "timestamp": "2026-09-21T14:13:20.000001Z",
            }
        ],
    }


def test_a_price_that_has_fallen_has_a_sign() -> None:
    own = writer(UNIT, UNIT)
    trades = [Trade(number, number * UNIT, price * UNIT, 1, False) for number, price in ((1, 100), (2, 90))]
    own.state.trades.extend(trades)
    own.state.day.add(trades)
    (data,) = parse(own.ticker("update", NO_LEVELS, NO_LEVELS))["data"]
    assert (data["change"], data["change_pct"], data["vwap"], data["high"], data["low"]) == (-10, "-10.00", 95, 100, 90)
    assert (data["bid"], data["ask_qty"], data["trades"]) == (0, 0, 2)
