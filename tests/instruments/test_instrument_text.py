from __future__ import annotations

import pytest

from hftlab.instruments import BINANCE, BINANCE_USDM, NASDAQ, UNIT, Instrument, apply_text, find_instrument

PERPETUAL = find_instrument("BTCUSDT", BINANCE_USDM)
assert PERPETUAL is not None


class TestApplyText:
    @pytest.mark.parametrize(
        ("text", "tick", "lot", "currency"),
        [
            ("BTCUSDT,tick=0.01,lot=0.001", UNIT // 100, UNIT // 1000, "USDT"),
            ("BTCUSDT , tick = 1e-2", UNIT // 100, PERPETUAL.lot, "USDT"),
            ("BTCUSDT,lot=5", PERPETUAL.tick, 5 * UNIT, "USDT"),
            ("BTCUSDT,tick=0.000000001,currency=USDC", 1, PERPETUAL.lot, "USDC"),
            ("BTCUSDT", PERPETUAL.tick, PERPETUAL.lot, "USDT"),
        ],
    )
    def test_changes_the_fields_named(self, text: str, tick: int, lot: int, currency: str) -> None:
        changed = apply_text(PERPETUAL, text)
        assert changed == Instrument("BTCUSDT", BINANCE_USDM, tick, lot, currency)

    def test_a_symbol_is_any_text(self) -> None:
        coin = Instrument("币安人生USDT", BINANCE, 10, 10, "USDT")
        assert apply_text(coin, "币安人生USDT,tick=0.1").tick == UNIT // 10

    def test_a_coarser_tick_takes_the_rules_place(self) -> None:
        share = find_instrument("AAPL", NASDAQ)
        assert share is not None
        assert apply_text(share, "AAPL,tick=0.05").rule is None
        assert apply_text(share, "AAPL,tick=0.00001").rule is share.rule

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("ETHUSDT,tick=1", "'ETHUSDT' is not BTCUSDT"),
            ("BTCUSDT,tack=1", "'tack=1' is not tick=, lot= or currency="),
            ("BTCUSDT,currency=", "'currency=' is not"),
            ("BTCUSDT,tick", "tick= must be a positive number"),
            ("BTCUSDT,tick=x", "tick=x must be a positive number"),
            ("BTCUSDT,tick=0", "tick=0 must be a positive number"),
            ("BTCUSDT,lot=-1", "lot=-1 must be a positive number"),
            ("BTCUSDT,lot=nan", "lot=nan must be a positive number"),
            ("BTCUSDT,lot=inf", "lot=inf must be a positive number"),
            ("BTCUSDT,tick=0.0000000001", "at most nine decimals"),
            ("BTCUSDT,tick=99999999999", "tick of BTCUSDT must be a positive int64"),
        ],
    )
    def test_names_what_is_wrong(self, text: str, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            apply_text(PERPETUAL, text)
