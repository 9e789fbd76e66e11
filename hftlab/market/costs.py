"""Costs of trading: taker fees by venue, and exchange rates between the venues' currencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from hftlab.instruments import find_instrument

__all__ = ["CURRENCY_PARTS", "TYPICAL_FEES", "VENUE_CURRENCIES", "Costs", "Fee", "Terms"]


@dataclass(frozen=True, slots=True)
class Fee:
    """Taker fee: `bps` of the value, and `per_unit` (a share, a coin) in the listing's currency."""

    bps: float = 0.0
    per_unit: float = 0.0

    def bought(self, price: float) -> float:
        """Return what a unit costs that is bought at `price`."""
        return price * (1 + self.bps / 1e4) + self.per_unit

    def sold(self, price: float) -> float:
        """Return what a unit brings that is sold at `price`."""
        return price * (1 - self.bps / 1e4) - self.per_unit


TYPICAL_FEES: Final[Mapping[str, Fee]] = MappingProxyType(
    {
        "NASDAQ": Fee(per_unit=0.003),
        "NYSE": Fee(per_unit=0.003),
        "LSE": Fee(bps=0.45),
        "BINANCE": Fee(bps=10.0),
        "BINANCE_USDM": Fee(bps=5.0),
    }
)
"""Taker fees by venue, of a member without discounts: the cap of 17 CFR 242.610(c) for US shares of $1 and more, LSE's
first band of order book trading, Binance's regular users. Price lists change: pass the current ones."""

VENUE_CURRENCIES: Final[Mapping[str, str]] = MappingProxyType(
    {"NASDAQ": "USD", "NYSE": "USD", "LSE": "GBX", "BINANCE": "USDT", "BINANCE_USDM": "USDT"}
)
"""Currency of prices at a venue, for symbols that hftlab does not know."""

CURRENCY_PARTS: Final[Mapping[str, tuple[str, int]]] = MappingProxyType({"GBX": ("GBP", 100)})
"""Currencies that prices are quoted in and no cash is held in, with the currency of the cash and how many make one."""


class Terms(NamedTuple):
    """Terms on which one listing trades; its prices count in `unit` of `currency` (pence: 0.01 of GBP)."""

    fee: Fee
    currency: str
    unit: float


class Costs:
    """Fees by venue, and exchange rates: what one unit of each currency is worth in `currency`.

    Pence (GBX) go with the pound's rate. Two listings in one currency can be compared without any rate, in that
    currency. Raises ValueError for a rate that is not above 0.
    """

    def __init__(
        self,
        fees: Mapping[str, Fee] = TYPICAL_FEES,
        rates: Mapping[str, float] | None = None,
        currency: str = "USD",
        currencies: Mapping[str, str] = VENUE_CURRENCIES,
    ) -> None:
        self.currency = currency
        self._fees, self._currencies = dict(fees), dict(currencies)
        self._rates = {currency: 1.0} | dict(rates or {})
        for name, rate in self._rates.items():
            if not rate > 0:
                raise ValueError(f"the rate of {name} must be above 0, got {rate}")

    def terms(self, symbol: str, venue: str) -> Terms:
        """Return the terms of `symbol` at `venue`. Raises ValueError for a venue whose fee or currency is not known."""
        known = find_instrument(symbol, venue)
        quoted = self._currencies.get(venue) if known is None else known.currency
        if venue not in self._fees or quoted is None:
            missing = "fee" if venue not in self._fees else "currency"
            raise ValueError(f"the {missing} of {symbol} at {venue} is not known: pass one for that venue")
        currency, parts = CURRENCY_PARTS.get(quoted, (quoted, 1))
        return Terms(self._fees[venue], currency, 1 / parts)

    def common(self, one: Terms, other: Terms) -> tuple[str, float, float]:
        """Return a currency to compare two listings in, and what a unit of each one's prices is worth in it.

        Raises ValueError if a rate for it is missing.
        """
        missing = [terms.currency for terms in (one, other) if terms.currency not in self._rates]
        if not missing:
            return self.currency, self._worth(one), self._worth(other)
        if one.currency == other.currency:
            return one.currency, one.unit, other.unit
        raise ValueError(f"there is no rate of {missing[0]} in {self.currency}: pass one in `rates`")

    def _worth(self, terms: Terms) -> float:
        return self._rates[terms.currency] * terms.unit
