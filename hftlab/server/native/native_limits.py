"""Limits of connections and requests in a venue's own wire."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, NamedTuple

from hftlab.errors import ArgumentError
from hftlab.venues.binance.api.markets import Market

__all__ = ["MarketLimits", "NativeLimits"]

_DAY: Final = 86_400.0


class MarketLimits(NamedTuple):
    """Limits of one market: the venue's, where nothing else was chosen. Times are in seconds of the wall clock."""

    messages: int
    ping: float
    pong: float
    lifetime: float
    weight: int


@dataclass(frozen=True)
class NativeLimits:
    """Limits of a native wire; None is what the venue has.

    `messages`: most messages of a connection in a second. `ping_interval`: seconds between two pings. `pong_timeout`:
    seconds after which a connection ends that has not answered one. `lifetime`: seconds after which every connection
    ends, 24 hours at Binance, by the clock of the wall or of the recording (`lifetime_of`). `weight`: most weight of an
    address's requests in a minute. Raises ArgumentError for what is not above 0.
    """

    messages: int | None = None
    ping_interval: float | None = None
    pong_timeout: float | None = None
    lifetime: float = _DAY
    lifetime_of: Literal["wall", "recording"] = "wall"
    weight: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "lifetime_of":
                if value not in ("wall", "recording"):
                    raise ArgumentError(f"lifetime_of is {value!r}: give 'wall' or 'recording'")
            elif value is not field.default and not (isinstance(value, int | float) and value > 0):
                raise ArgumentError(f"{field.name} is {value!r}: give a number above 0")

    def of(self, market: Market) -> MarketLimits:
        """Return the limits of a market."""
        return MarketLimits(
            market.messages if self.messages is None else self.messages,
            market.ping_interval if self.ping_interval is None else self.ping_interval,
            market.pong_timeout if self.pong_timeout is None else self.pong_timeout,
            self.lifetime,
            market.weight if self.weight is None else self.weight,
        )
