"""One definition of a symbol, a price and a size."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.bounds import LONGEST_SYMBOL, check_price, check_size, check_symbol
from hftlab.instruments import NASDAQ, Instrument
from hftlab.protocol import JSON, MSGPACK, Subscribe

NAMES = (
    *(
        "ZZTA+",
        "ZZTB#",
        "ZZT-I*",
        "ZZTC=",
        "ZZTD^",
        "ZZTE.A",
        "ZZTF+A",
        "ZZT$",
        "ZZT!",
        "ZZT@",
        "ZZT~",
        "ZZT%",
    ),  # Nasdaq
    *("测试币USDT", "币安人生USDT", "ÉCLAIR", "ΩMEGA", "１０００ＳＡＴＳ", "ШИБ"),  # Binance lists names in any script
    *(
        "SPX   240119C04700000",
        "ES1 Index",
        "UD:1V: GN 2411965",
        "M&M",
        "BRK/B",
        "^GSPC",
        ".SPX",
        "$TICK",
        "/ES",
        "A,B",
    ),
    *("BTC-27DEC24-100000-C", "🚀USDT", "x" * LONGEST_SYMBOL, "😀" * LONGEST_SYMBOL, "O'REILLY", 'A"B', "A\\B", "<b>"),
)
NOT_NAMES = (
    *("", " ", " A", "A ", "A\n", "A\tB", "\x1b[2J", "A\x00", "A\x7fB", "A\x9bB", "x" * (LONGEST_SYMBOL + 1)),
    *("A\u00a0B", "A\u200bB", "A\u202eB", "A\ufeff", "A\u2028B", "A\ud800", "A\ue000", "A\uffff", "A\U000e0041"),
    *(None, 5, b"AAPL", ["AAPL"], math.nan),
)


class TestSymbol:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_later_layer_takes_a_name_of_a_venue(self, name: str) -> None:
        assert check_symbol(name) == name
        request = Subscribe(timestamp=1.0, symbols=[name])
        for codec in (JSON, MSGPACK):
            assert codec.decode(codec.encode(request)) == request
        assert Instrument(name, NASDAQ, 1, 1, "USD").symbol == name

    @pytest.mark.parametrize("name", NOT_NAMES, ids=ascii)
    def test_what_cannot_be_shown_or_kept_is_named_and_refused(self, name: object) -> None:
        with pytest.raises(ValueError, match="symbol") as raised:
            check_symbol(name)
        assert str(raised.value).isprintable()
        with pytest.raises(ValueError, match="symbol"):
            Instrument(name, NASDAQ, 1, 1, "USD")  # type: ignore[arg-type]

    @given(st.text(min_size=1, max_size=140))
    def test_it_is_what_python_would_print(self, text: str) -> None:
        """Up to characters that this Python's Unicode does not know yet: another Python may."""
        is_symbol = text.isprintable() and text == text.strip(" ") and len(text) <= LONGEST_SYMBOL
        try:
            check_symbol(text)
        except ValueError:
            assert not is_symbol
        else:
            assert is_symbol or any(unicodedata.category(letter) == "Cn" for letter in text)

    def test_the_symbol_with_its_venue_has_to_fit_as_well(self) -> None:
        assert Instrument("x" * LONGEST_SYMBOL, NASDAQ, 1, 1, "USD").wire_symbol == "x" * LONGEST_SYMBOL
        with pytest.raises(ValueError, match="is not a symbol"):
            Instrument("x" * LONGEST_SYMBOL, NASDAQ, 1, 1, "USD", primary=False)


class TestNumbers:
    @pytest.mark.parametrize("size", [0, 1e-9, 156_428_937_432.0, 901_234_567_890.0, 1e18])
    def test_sizes_of_coins_worth_millionths_of_a_cent_fit(self, size: float) -> None:
        assert check_size(size) == size

    @pytest.mark.parametrize("value", [-1, -1e-9, 1.1e18, math.nan, math.inf, -math.inf])
    def test_the_error_names_the_value(self, value: float) -> None:
        for check in (check_price, check_size):
            with pytest.raises(ValueError, match=r"bid is .*number from 0 to") as raised:
                check(value, "bid")
            assert repr(value) in str(raised.value)

    def test_prices_go_up_to_a_thousand_million_million(self) -> None:
        assert check_price(1e15) == 1e15
        with pytest.raises(ValueError, match="1100000000000000"):
            check_price(1.1e15)
