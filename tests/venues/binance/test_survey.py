from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hftlab.errors import CaptureError
from hftlab.instruments import BINANCE_COINM, BINANCE_USDM, UNIT
from hftlab.venues.binance import detect_instrument, read
from tests.venues.captures import SNAPSHOT, snapshot, ticker, trade, update, write_capture


def of(symbol: str, message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return message | {"data": message["data"] | {"s": symbol} | more}


class TestGrid:
    def test_a_known_perpetual_of_2020_had_two_decimals(self, path: Path) -> None:
        write_capture(path, update(1, 2, {"11111.96": "4.267"}, {}, previous=0))
        instrument = detect_instrument(path)
        assert (instrument.venue, instrument.tick, instrument.lot) == (BINANCE_USDM, UNIT // 100, UNIT // 1000)

    @pytest.mark.parametrize(
        "finer",
        [
            update(11, 12, {"1.001": "1"}, {}),
            update(11, 12, {}, {"1.001": "1"}),
            snapshot(12, {"1.001": "1"}, {}),
            snapshot(12, {}, {"1.001": "1"}),
            trade(1, "1.001", "1", buyer_is_maker=True),
            ticker(12, ("1.001", "1"), ("2", "1")),
            ticker(12, ("1", "1"), ("2.001", "1")),
        ],
    )
    def test_every_message_counts_also_the_last(self, path: Path, finer: dict[str, Any]) -> None:
        write_capture(path, SNAPSHOT, update(11, 11, {"1.01": "1"}, {}), finer)
        assert detect_instrument(path).tick == UNIT // 1000

    def test_ends_at_the_first_damage_which_is_the_readers(self, path: Path) -> None:
        write_capture(path, SNAPSHOT, update(11, 11, {"1.01": "1"}, {}), b"damage", update(12, 12, {"1.001": "1"}, {}))
        assert detect_instrument(path).tick == UNIT // 100


@pytest.mark.parametrize("symbol", ["", " AB ", "A\u202eB", "A" * 129])
def test_a_symbol_that_cannot_be_is_told_with_its_line(path: Path, symbol: str) -> None:
    bad = of(symbol, update(10, 11, {}, {}))
    with pytest.raises(CaptureError, match=r", line 2: has a symbol that cannot be: .* is not a symbol"):
        read(write_capture(path, SNAPSHOT, bad))


class TestMarket:
    def test_a_message_with_a_pair_is_of_futures(self, path: Path) -> None:
        write_capture(path, of("BTCUSD_PERP", update(1, 2, {}, {}, previous=0), ps="BTCUSD"))
        instrument = detect_instrument(path)
        assert (instrument.venue, instrument.currency) == (BINANCE_COINM, "USD")

    def test_an_unknown_quote_asset_has_no_currency(self, path: Path) -> None:
        write_capture(path, of("ZZTQQQ", trade(1, "1", "1", buyer_is_maker=True)))
        assert detect_instrument(path).currency == ""
        assert read(path).instrument.currency == ""

    def test_no_message_that_names_a_symbol(self, path: Path) -> None:
        with pytest.raises(CaptureError, match="has no Binance message of depth, trade or bookTicker"):
            detect_instrument(write_capture(path, SNAPSHOT))
