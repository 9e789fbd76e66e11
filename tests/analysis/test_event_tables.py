"""Tables of events agree with the messages that the processor makes of the same events."""

from __future__ import annotations

import polars as pl
import pytest

from hftlab.analysis import event_quotes, event_trades
from hftlab.book import BookSet
from hftlab.events import EventBatch
from hftlab.ingest.simulation import exchange_on
from hftlab.market import Processor
from hftlab.protocol import MarketDataSymbol

SYMBOLS = ["AAPL", "AAPL:NYSE", "BTCUSDT"]


@pytest.fixture(scope="module")
def batch() -> EventBatch:
    return EventBatch.concat(exchange_on("2026-01-02", 7, SYMBOLS).events(20))


@pytest.fixture(scope="module")
def published(batch: EventBatch) -> list[MarketDataSymbol]:
    return [message.symbols[0] for _, message in Processor(batch.instruments).process(batch)]


@pytest.mark.parametrize("symbol", SYMBOLS)
class TestAgainstMessages:
    def test_quotes(self, batch: EventBatch, published: list[MarketDataSymbol], symbol: str) -> None:
        """There is a row for each change of the best bid or offer, and for nothing else."""
        frame = event_quotes(batch, BookSet().trace(batch, 1)).filter(symbol=symbol).collect()
        expected = [
            (one.bid, one.ask, one.bid_size, one.ask_size)
            for one in published
            if one.symbol == symbol
        ]  # fmt: skip
        changed = [one for one, before in zip(expected, [None, *expected], strict=False) if one != before]
        assert frame.select("bid", "ask", "bid_size", "ask_size").rows() == changed
        assert len(changed) < len(expected)

    def test_trades(self, batch: EventBatch, published: list[MarketDataSymbol], symbol: str) -> None:
        frame = event_trades(batch).filter(symbol=symbol).collect()
        trades = [trade for one in published if one.symbol == symbol for trade in one.trades or []]
        assert frame["price"].to_list() == [trade.price for trade in trades]
        assert frame["size"].to_list() == [trade.size for trade in trades]
        assert frame["side"].to_list() == [trade.side for trade in trades]


def test_no_events_are_empty_tables() -> None:
    nothing = EventBatch.concat([])
    assert event_trades(nothing).collect().is_empty()
    assert event_quotes(nothing, BookSet().trace(nothing, 1)).collect().schema["symbol"] == pl.String
