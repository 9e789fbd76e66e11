from __future__ import annotations

import pytest

from hftlab.instruments import (
    BINANCE,
    BINANCE_USDM,
    INSTRUMENTS,
    LSE,
    NASDAQ,
    NYSE,
    UNIT,
    find_instrument,
    listings,
)
from hftlab.protocol.codec import JSON
from hftlab.protocol.messages import Subscribe

EIGHT = ("AAPL", "GOOGL", "MSFT", "TSLA", "AMZN", "META", "NVDA", "BRK.A")


class TestFind:
    def test_gives_the_primary_listing_first(self) -> None:
        for symbol in EIGHT:
            found = find_instrument(symbol)
            assert found is not None
            assert found.venue == (NYSE if symbol == "BRK.A" else NASDAQ)
            assert (found.tick_at(200 * UNIT), found.lot, found.currency) == (UNIT // 100, UNIT, "USD")
            assert found.primary

    def test_distinguishes_venues(self) -> None:
        here, there = find_instrument("AAPL", NASDAQ), find_instrument("AAPL", "NYSE")
        assert here is not None
        assert there is not None
        assert (here.wire_symbol, there.wire_symbol) == ("AAPL", "AAPL:NYSE")

    def test_tells_spot_and_perpetual_apart_by_venue(self) -> None:
        spot, perpetual = find_instrument("BTCUSDT", BINANCE), find_instrument("BTCUSDT", "BINANCE_USDM")
        assert spot is not None
        assert perpetual is not None
        assert (spot.tick, perpetual.tick, perpetual.lot) == (UNIT // 100, UNIT // 10, UNIT // 1000)
        assert perpetual.venue == BINANCE_USDM
        assert find_instrument("BTCUSDT") == spot

    def test_does_not_guess(self) -> None:
        assert find_instrument("NOPE") is None
        assert find_instrument("AAPL", LSE) is None


class TestContents:
    def test_every_us_name_is_cross_listed(self) -> None:
        for symbol in EIGHT:
            found = listings(symbol)
            assert {one.venue.name for one in found} == {"NASDAQ", "NYSE"}
            assert [one.primary for one in found] == [True, False]
        assert [one.venue for one in listings("BTCUSDT")] == [BINANCE]

    def test_no_two_are_the_same(self) -> None:
        assert len(set(INSTRUMENTS)) == len(INSTRUMENTS)
        spot_and_shares = [one.wire_symbol for one in INSTRUMENTS if one.venue != BINANCE_USDM]
        assert len(set(spot_and_shares)) == len(spot_and_shares)

    @pytest.mark.parametrize("one", INSTRUMENTS, ids=lambda one: f"{one.venue.name}-{one.symbol}")
    def test_names_fit_the_wire(self, one: object) -> None:
        symbol = getattr(one, "wire_symbol", "")
        request = Subscribe(timestamp=1.0, symbols=[symbol])
        assert JSON.decode(JSON.encode(request)) == request

    @pytest.mark.parametrize(
        ("symbol", "pence", "tick"),
        [("VOD", 70, "0.01"), ("HSBA", 650, "0.1"), ("AZN", 12_000, "2"), ("SHEL", 2_700, "0.5"), ("BP.", 420, "0.05")],
    )
    def test_london_quotes_pence(self, symbol: str, pence: int, tick: str) -> None:
        found = find_instrument(symbol, LSE)
        assert found is not None
        assert found.currency == "GBX"
        assert found.tick_at(pence * UNIT) == round(float(tick) * UNIT)
