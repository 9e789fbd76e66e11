"""The price line under a replay's scrubber: of a session, or learnt from what has been played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hftlab.clock import to_milliseconds
from hftlab.protocol.market_data import MarketData
from hftlab.session import Session
from hftlab.widgets.core.numbers import Scale

__all__ = ["BINS", "LearntLines", "PriceLine", "session_line"]

BINS: Final = 600


@dataclass(frozen=True, slots=True)
class PriceLine:
    """Last prices (None: not known) and traded volumes of equal bins from `start` to `end`; `gaps` are from-to pairs.

    Times are those of reception, in ns.
    """

    symbol: str
    start: int
    end: int
    prices: Sequence[float | None] = ()
    volumes: Sequence[float] = ()
    gaps: Sequence[tuple[int, int]] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The line as the page has it, times in ms."""
        scale = Scale()
        scale.learn((price for price in self.prices if price is not None), ())
        return {
            "symbol": self.symbol,
            "start": to_milliseconds(self.start),
            "end": to_milliseconds(self.end),
            "decimals": scale.price_decimals,
            "prices": list(self.prices),
            "volumes": list(self.volumes),
            "gaps": [[to_milliseconds(start), to_milliseconds(end)] for start, end in self.gaps],
        }


def session_line(session: Session, symbol: str) -> PriceLine:
    """Compute the line of a recorded session, and where the symbol was not recorded."""
    import polars as pl

    from hftlab.analysis.timeline import timeline

    start, end = session.manifest.started, session.manifest.ended
    if start is None or end is None:
        return PriceLine(symbol, 0, 0)
    rows = timeline(session.market_data, symbol, start, end, bins=BINS).collect()
    prices: list[float | None] = [None] * BINS
    volumes = [0.0] * BINS
    for place, price, volume in rows.select("bin", "price", "volume").iter_rows():
        prices[place], volumes[place] = price, volume
    missing = session.coverage(detail=True).filter((pl.col("symbol") == symbol) & ~pl.col("covered"))
    return PriceLine(symbol, start, end, prices, volumes, list(missing.select("from", "to").iter_rows()))


class LearntLines:
    """Lines of all symbols of a client, filled in as a replay plays; what was not played is not known."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        self._width = max(1, -(-(end - start + 1) // BINS))
        self._played = bytearray(BINS)
        self._at: int | None = None
        self._prices: dict[str, list[float | None]] = {}
        self._totals: dict[str, list[float | None]] = {}

    def jump(self) -> None:
        """Note that the replay goes on elsewhere: what lies between was not played."""
        self._at = None

    def take(self, message: MarketData, position: int) -> None:
        """Take in the state of symbols at a position."""
        place = min(max((position - self.start) // self._width, 0), BINS - 1)
        first = place if self._at is None or self._at > place else self._at
        self._played[first : place + 1] = bytes([1]) * (place + 1 - first)
        self._at = place
        for state in message.symbols:
            if state.symbol not in self._prices:
                self._prices[state.symbol], self._totals[state.symbol] = [None] * BINS, [None] * BINS
            self._prices[state.symbol][place] = state.price
            self._totals[state.symbol][place] = state.volume

    def line(self, symbol: str) -> PriceLine:
        """The line of a symbol as far as it is known."""
        prices = list(self._prices.get(symbol, [None] * BINS))
        return PriceLine(symbol, self.start, self.end, prices, self._volumes(symbol))

    def _volumes(self, symbol: str) -> list[float]:
        volumes = [0.0] * BINS
        before: float | None = None
        for place, total in enumerate(list(self._totals.get(symbol, ()))):
            if not self._played[place]:
                before = None  # volume traded in the part that was not played belongs to no bin
            elif total is not None:
                volumes[place] = 0.0 if before is None else max(0.0, total - before)
                before = total
        return volumes
