"""What is traded and where: tick and lot as integers, and the ways between them and the numbers people read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

__all__ = ["BINANCE", "BINANCE_USDM", "INSTRUMENTS", "NASDAQ", "NYSE", "UNIT", "Instrument", "Venue", "find_instrument"]

UNIT: Final = 1_000_000_000
"""How many of the integer units (1e-9) make one: a price of 61837.63 is 61_837_630_000_000."""

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Venue:
    """An exchange or one of its separate markets. `timezone` is an IANA name, the one its trading day follows."""

    name: str
    currency: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One symbol at one venue.

    `tick` is the smallest price step in 1e-9 of `currency`, `lot` the smallest size step in 1e-9 of a unit (a share, a
    coin, a contract) that its book can hold. Raises ValueError for a tick or lot below 1.
    """

    symbol: str
    venue: Venue
    tick: int
    lot: int
    currency: str

    def __post_init__(self) -> None:
        for name, value in (("tick", self.tick), ("lot", self.lot)):
            if not isinstance(value, int) or not 1 <= value < 2**63:
                raise ValueError(f"{name} of {self.symbol} must be a positive int64 in 1e-9 units, got {value!r}")

    @overload
    def price(self, ticks: int) -> float: ...
    @overload
    def price(self, ticks: IntArray) -> FloatArray: ...
    def price(self, ticks: int | IntArray) -> float | FloatArray:
        """Ticks to the double nearest to the price; exact rounding as long as numerator and result fit 53 bits."""
        return _scaled(ticks, self.tick)

    @overload
    def size(self, lots: int) -> float: ...
    @overload
    def size(self, lots: IntArray) -> FloatArray: ...
    def size(self, lots: int | IntArray) -> float | FloatArray:
        """Lots to units, rounded as `price()` does."""
        return _scaled(lots, self.lot)

    @overload
    def ticks(self, price: float) -> int: ...
    @overload
    def ticks(self, price: FloatArray) -> IntArray: ...
    def ticks(self, price: float | FloatArray) -> int | IntArray:
        """The tick nearest to a price."""
        return _steps(price, self.tick)

    @overload
    def lots(self, size: float) -> int: ...
    @overload
    def lots(self, size: FloatArray) -> IntArray: ...
    def lots(self, size: float | FloatArray) -> int | IntArray:
        """The number of lots nearest to a size in units."""
        return _steps(size, self.lot)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict()` is the way back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Instrument:
        """The inverse of `to_dict()`. Raises TypeError or ValueError for what it did not write."""
        fields = dict(values)
        return cls(venue=Venue(**fields.pop("venue", {})), **fields)


# Reduced to lowest terms, a tick of 0.01 divides by 100 and never multiplies by the double next to 0.01: IEEE division
# of two exact integers then gives the double that the decimal text would give.
def _reduced(step: int) -> tuple[int, int]:
    common = math.gcd(step, UNIT)
    return step // common, UNIT // common


def _scaled(count: int | IntArray, step: int) -> float | FloatArray:
    numerator, denominator = _reduced(step)
    return count * numerator / denominator


def _steps(value: float | FloatArray, step: int) -> int | IntArray:
    numerator, denominator = _reduced(step)
    if isinstance(value, np.ndarray):
        return np.rint(value * denominator / numerator).astype(np.int64)
    return round(value * denominator / numerator)


BINANCE: Final = Venue("BINANCE", "USDT")
BINANCE_USDM: Final = Venue("BINANCE_USDM", "USDT")
NASDAQ: Final = Venue("NASDAQ", "USD", "America/New_York")
NYSE: Final = Venue("NYSE", "USD", "America/New_York")

_CENT = UNIT // 100

INSTRUMENTS: Final[tuple[Instrument, ...]] = (
    *(
        Instrument(symbol, NYSE if symbol == "BRK.A" else NASDAQ, tick=_CENT, lot=UNIT, currency="USD")
        for symbol in ("AAPL", "GOOGL", "MSFT", "TSLA", "AMZN", "META", "NVDA", "BRK.A")
    ),
    # Binance takes new orders in steps of 0.00001, but some from the days of 0.000001 still rest in the book.
    Instrument("BTCUSDT", BINANCE, tick=_CENT, lot=UNIT // 1_000_000, currency="USDT"),
    Instrument("BTCUSDT", BINANCE_USDM, tick=UNIT // 10, lot=UNIT // 1_000, currency="USDT"),
)
"""The instruments hftlab knows: the reference document's eight, and Bitcoin at Binance, spot and perpetual."""


def find_instrument(symbol: str, venue: Venue | str | None = None) -> Instrument | None:
    """The known instrument of that symbol, or None; without a venue the first of `INSTRUMENTS` (BTCUSDT: spot)."""
    name = venue.name if isinstance(venue, Venue) else venue
    for instrument in INSTRUMENTS:
        if instrument.symbol == symbol and name in (None, instrument.venue.name):
            return instrument
    return None
