from __future__ import annotations

import datetime

import polars as pl
import pytest

from hftlab import analysis
from hftlab.clock import from_milliseconds
from hftlab.session import Session
from tests.session.sessions import Received

EPOCH = datetime.datetime(1970, 1, 1)


def expected_trades(received: list[Received]) -> list[tuple[object, ...]]:
    return [
        (from_milliseconds(trade.timestamp), at, one.symbol, trade.price, trade.size, trade.side.value)
        for at, message in received
        for one in message.symbols
        for trade in one.trades or ()
    ]


def test_trades_against_a_loop_over_the_messages(session: Session, received: list[Received]) -> None:
    """Trades are in order of arrival, with times to the nanosecond."""
    frame = analysis.trades(session.market_data).collect()
    assert frame.columns == ["ts_event", "ts_recv", "symbol", "price", "size", "side"]
    assert frame.rows() == expected_trades(received)
    assert frame.height > 100


@pytest.mark.parametrize(("every", "seconds"), [("1s", 1.0), ("250ms", 0.25), ("1m", 60.0)])
def test_bars_against_a_loop_over_the_trades(
    session: Session, received: list[Received], every: str, seconds: float
) -> None:
    """Intervals start at whole multiples since 1970. Among equal times the first arrival is the open."""
    width = round(seconds * 1e9)
    groups: dict[tuple[str, int], list[tuple[object, ...]]] = {}
    for trade in sorted(expected_trades(received), key=lambda row: row[0]):
        groups.setdefault((trade[2], trade[0] // width * width), []).append(trade)
    bars = analysis.bars(analysis.trades(session.market_data), every).collect()
    got = {
        (row["symbol"], (row["time"] - EPOCH) // datetime.timedelta(microseconds=1) * 1000): row
        for row in bars.to_dicts()
    }
    assert got.keys() == groups.keys()
    assert len(got) == bars.height
    for key, trades in groups.items():
        prices, sizes = [trade[3] for trade in trades], [trade[4] for trade in trades]
        row = got[key]
        assert (row["open"], row["high"], row["low"], row["close"]) == (prices[0], max(prices), min(prices), prices[-1])
        assert (row["volume"], row["count"]) == (sum(sizes), len(trades))
        turnover = sum(price * size for price, size in zip(prices, sizes, strict=True))
        assert row["vwap"] == pytest.approx(turnover / sum(sizes), rel=1e-12)


def test_a_session_without_trades_has_no_bars(session: Session) -> None:
    """Without a subscription to TRADES the column is empty."""
    silent = session.market_data.with_columns(trades=pl.lit(None, session.market_data.collect_schema()["trades"]))
    trades = analysis.trades(silent)
    assert trades.collect().is_empty()
    assert analysis.bars(trades).collect().is_empty()
