from __future__ import annotations

import pytest

from hftlab.instruments import INSTRUMENTS, LSE, UNIT, Instrument, find_instrument
from hftlab.venues.mitch.listings import Listing, directory_message, instrument_of, listing_in, listing_of, symbol_of

LONDON = [one for one in INSTRUMENTS if one.venue is LSE]


class TestCodes:
    @pytest.mark.parametrize("instrument", LONDON, ids=lambda one: one.symbol)
    def test_of_every_london_instrument_have_their_check_digits(self, instrument: Instrument) -> None:
        """Luhn's of the ISIN (ISO 6166), the weighted sum of the SEDOL, which a British ISIN contains."""
        isin, sedol, currency = listing_of(instrument)
        digits = "".join(str(int(letter, 36)) for letter in isin)
        doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
        assert sum(sum(divmod(one, 10)) for one in doubled) % 10 == 0
        weights = (1, 3, 1, 7, 3, 9, 1)
        assert sum(int(letter, 36) * weight for letter, weight in zip(sedol, weights, strict=True)) % 10 == 0
        assert (isin[4:11], currency) == (sedol, "GBX")

    @pytest.mark.parametrize("instrument", LONDON, ids=lambda one: one.symbol)
    def test_name_the_instrument(self, instrument: Instrument) -> None:
        listing = listing_in(directory_message(3, instrument, 0))
        assert listing == listing_of(instrument)
        assert instrument_of(symbol_of(3, listing), listing.currency) is instrument


class TestSymbols:
    @pytest.mark.parametrize(
        ("listing", "symbol"),
        [
            (Listing("GB0007980591", "0798059", "GBX"), "BP."),
            (Listing("XS1", "B0CNTR9", "USD"), "B0CNTR9"),
            (Listing("XS1", "", "USD"), "XS1"),
            (Listing("", "", ""), "#5"),
        ],
    )
    def test_are_the_first_that_there_is(self, listing: Listing, symbol: str) -> None:
        assert symbol_of(5, listing) == symbol

    def test_in_another_currency_are_other_instruments(self) -> None:
        assert instrument_of("BP.", "USD") == Instrument("BP.", LSE, 10, UNIT, "USD")
        assert instrument_of("BP.", "") is find_instrument("BP.", LSE)

    def test_that_cannot_be_are_none(self) -> None:
        message = bytearray(directory_message(1, Instrument("ABC", LSE, 10, UNIT, "EUR"), 0))
        message[25:28] = b"A\x1bC"
        assert listing_in(bytes(message)) == Listing("", "", "EUR")
