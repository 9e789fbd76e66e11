"""Instrument: one symbol at one venue, with tick and lot as integers and the prices that are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast, overload

import numpy as np
import numpy.typing as npt

from hftlab.bounds import check_symbol
from hftlab.instruments.tick_rule import TickRule
from hftlab.instruments.units import FloatArray, IntArray, from_steps, to_steps
from hftlab.instruments.venue import Venue

__all__ = ["Instrument"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """Instrument: one symbol at one venue.

    `tick` is the smallest price step in 1e-9 of `currency`, `lot` the smallest size step in 1e-9 of a unit (a share, a
    coin, a contract) that its book can hold. Where the market's tick depends on the price, `rule` says how and `tick`
    divides all of its ticks. `currency` is that of its prices: GBX, pence, for most shares in London; "" where it is
    unknown. `primary` is False for a listing of something whose main market is another venue. Raises ValueError for a
    symbol that cannot be one (hftlab.bounds), a tick or lot below 1, and a rule with ticks that the book cannot hold.
    """

    symbol: str
    venue: Venue
    tick: int
    lot: int
    currency: str
    rule: TickRule | None = field(default=None, repr=False)
    primary: bool = True

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        check_symbol(self.wire_symbol)
        for name, value in (("tick", self.tick), ("lot", self.lot)):
            if not isinstance(value, int) or not 1 <= value < 2**63:
                raise ValueError(f"{name} of {self.symbol} must be a positive int64 in 1e-9 units, got {value!r}")
        if self.rule is not None and any(tick % self.tick for tick in self.rule.ticks):
            raise ValueError(f"tick of {self.symbol} must divide every tick of {self.rule.name}, got {self.tick}")

    def __hash__(self) -> int:
        # Of text, which remembers its own: instruments are keys of what is looked up for each batch of events.
        return hash((self.symbol, self.venue.name, self.currency))

    @property
    def wire_symbol(self) -> str:
        """Symbol in messages: the plain symbol at the primary venue, `SYMBOL:VENUE` elsewhere (AAPL:NYSE).

        So symbols are unique among the listings of one stream; a message's `exchange` names the venue.
        """
        return self.symbol if self.primary else f"{self.symbol}:{self.venue.name}"

    # --- ticks, lots and the numbers people read ---

    @overload
    def price(self, ticks: int) -> float: ...
    @overload
    def price(self, ticks: IntArray) -> FloatArray: ...
    def price(self, ticks: int | IntArray) -> float | FloatArray:
        """Convert ticks to the nearest double of the price, exactly as long as numerator and result fit 53 bits."""
        return from_steps(ticks, self.tick)

    @overload
    def size(self, lots: int) -> float: ...
    @overload
    def size(self, lots: IntArray) -> FloatArray: ...
    def size(self, lots: int | IntArray) -> float | FloatArray:
        """Convert lots to units, rounded as `price()` does."""
        return from_steps(lots, self.lot)

    @overload
    def ticks(self, price: float) -> int: ...
    @overload
    def ticks(self, price: FloatArray) -> IntArray: ...
    def ticks(self, price: float | FloatArray) -> int | IntArray:
        """Convert a price in the currency to the nearest number of `tick` steps."""
        return to_steps(price, self.tick)

    @overload
    def lots(self, size: float) -> int: ...
    @overload
    def lots(self, size: FloatArray) -> IntArray: ...
    def lots(self, size: float | FloatArray) -> int | IntArray:
        """Convert a size in units to the nearest number of lots."""
        return to_steps(size, self.lot)

    # --- the prices that the market accepts, all as integers of 1e-9 ---

    @overload
    def tick_at(self, price: int) -> int: ...
    @overload
    def tick_at(self, price: IntArray) -> IntArray: ...
    def tick_at(self, price: int | IntArray) -> int | IntArray:
        """Return the market's tick at a price, both in 1e-9. Raises TypeError for prices that are not integers."""
        _require_integers(price)
        if self.rule is not None:
            return self.rule.tick_at(price)
        return np.full(price.shape, self.tick, np.int64) if isinstance(price, np.ndarray) else self.tick

    @overload
    def is_on_tick(self, price: int) -> bool: ...
    @overload
    def is_on_tick(self, price: IntArray) -> npt.NDArray[np.bool_]: ...
    def is_on_tick(self, price: int | IntArray) -> bool | npt.NDArray[np.bool_]:
        """Tell whether the market accepts a price (1e-9)."""
        return price % self.tick_at(price) == 0

    @overload
    def round_to_tick(self, price: int, toward: Literal["nearest", "down", "up"] = "nearest") -> int: ...
    @overload
    def round_to_tick(self, price: IntArray, toward: Literal["nearest", "down", "up"] = "nearest") -> IntArray: ...
    def round_to_tick(
        self, price: int | IntArray, toward: Literal["nearest", "down", "up"] = "nearest"
    ) -> int | IntArray:
        """Round a price (1e-9) to the nearest accepted one (halfway goes up), or down, or up."""
        tick = self.tick_at(price)
        lift = {"nearest": tick // 2, "down": 0, "up": tick - 1}[toward]
        return cast("int | IntArray", (price + lift) // tick * tick)

    # --- JSON ---

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; `from_dict()` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Instrument:
        """Build an instrument from the values of `to_dict()`. Raises TypeError or ValueError for other values."""
        fields = dict(values)
        rule = fields.pop("rule", None)
        return cls(
            venue=Venue.from_dict(fields.pop("venue", {})),
            rule=None if rule is None else TickRule.from_dict(rule),
            **fields,
        )


def _require_integers(price: Any) -> None:
    if type(price) is not int and np.asarray(price).dtype.kind not in "iu":
        raise TypeError("prices are integers of 1e-9 here: multiply a price in the currency by UNIT")
