"""A survey of messages finds each symbol's channel, depth and grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hftlab.backtest.message_survey import NO_CHANNEL, Surveyed, codes_of, survey
from hftlab.backtest.message_table import MessageTable
from hftlab.instruments import NASDAQ, UNIT, Instrument, Venue, find_instrument
from hftlab.protocol import MarketData, MarketDataSymbol
from tests.batches import COIN, SHARE
from tests.protocol.conftest import level, market_data, symbol, trade
from tests.session.sessions import write_session

QUOTE: dict[str, Any] = {"bids": None, "asks": None}


def surveyed(tmp_path: Path, *messages: MarketData, known: tuple[Instrument, ...] = ()) -> list[Surveyed]:
    session = write_session(tmp_path / "session", [(10**9, one) for one in messages])
    return survey(MessageTable(session), lambda _: True, known)


def one(tmp_path: Path, *symbols: MarketDataSymbol, known: tuple[Instrument, ...] = ()) -> Surveyed:
    (found,) = surveyed(tmp_path, *map(market_data, symbols), known=known)
    return found


class TestGrid:
    @pytest.mark.parametrize(
        ("price", "size", "tick", "lot"),
        [(10.0, 5.0, UNIT, UNIT), (10.25, 0.5, UNIT // 100, UNIT // 10), (1 / 3, 1e-9, 1, 1)],
    )
    def test_it_is_the_coarsest_decimal_one(
        self, tmp_path: Path, price: float, size: float, tick: int, lot: int
    ) -> None:
        found = one(tmp_path, symbol("UNKNOWN", bids=[level(price, size)]))
        assert found.instrument == Instrument("UNKNOWN", Venue("X", ""), tick, lot, "")

    def test_trades_and_quotes_count(self, tmp_path: Path) -> None:
        assert one(tmp_path, symbol("Z", last_trade=trade(9.5))).instrument.tick == UNIT // 10
        assert one(tmp_path / "2", symbol("Z", trades=[trade(9.75)])).instrument.tick == UNIT // 100
        assert one(tmp_path / "3", symbol("Z", **QUOTE, bid=9.125)).instrument.tick == UNIT // 1000

    def test_a_known_venue_is_that(self, tmp_path: Path) -> None:
        instrument = one(tmp_path, symbol("UNKNOWN", exchange="NASDAQ")).instrument
        assert instrument.venue is NASDAQ
        assert instrument.currency == "USD"

    def test_a_listed_instrument_is_known(self, tmp_path: Path) -> None:
        assert one(tmp_path, symbol("AAPL", exchange="NASDAQ")).instrument is find_instrument("AAPL")
        assert one(tmp_path / "2", symbol("AAPL:NYSE", exchange="NYSE")).instrument is find_instrument("AAPL", "NYSE")

    def test_that_of_the_session_goes_first(self, tmp_path: Path) -> None:
        assert one(tmp_path, symbol("SHARE"), known=(COIN, SHARE)).instrument is SHARE

    def test_but_not_if_prices_or_sizes_are_between_its_steps(self, tmp_path: Path) -> None:
        found = one(tmp_path, symbol("SHARE", bids=[level(10.01, 0.5)]), known=(SHARE,)).instrument
        assert (found.tick, found.lot) == (UNIT // 100, UNIT // 10)
        assert found.venue == SHARE.venue


class TestChannels:
    def test_the_deepest_goes_first_then_the_busiest(self, tmp_path: Path) -> None:
        found = surveyed(
            tmp_path,
            market_data(symbol("A", **QUOTE), symbol("B", **QUOTE), channel=1),
            market_data(symbol("A"), symbol("B"), channel=2),
            market_data(symbol("A", bids=[level(2.0), level(1.0)]), channel=3),
            market_data(symbol("B")),
            market_data(symbol("B")),
        )
        assert [(one.symbol, one.channel, one.depth) for one in found] == [("A", 3, 2), ("B", NO_CHANNEL, 1)]

    def test_symbols_without_a_quote_are_left_out(self, tmp_path: Path) -> None:
        nothing = dict.fromkeys(["bid", "ask", "bid_size", "ask_size"], 0.0)
        assert surveyed(tmp_path, market_data(symbol("A", **QUOTE | nothing))) == []

    def test_only_wanted_symbols_have_codes(self, tmp_path: Path) -> None:
        session = write_session(
            tmp_path / "session",
            [(10**9, market_data(symbol("B"), symbol("A"), channel=4)), (10**9, market_data(symbol("A")))],
        )
        ((_, rows),) = MessageTable(session).groups()
        pairs: dict[tuple[str, int], int] = {}
        assert codes_of(rows, pairs, "A".__eq__).tolist() == [-1, 0, 1]
        assert pairs == {("A", 4): 0, ("A", NO_CHANNEL): 1}
        assert codes_of(rows, {("B", 4): 7}).tolist() == [7, -1, -1]
