"""Random walk: the reference document's market-data generator ("Market Data Generation")."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from hftlab.clock import NANOSECONDS, Clock, to_milliseconds
from hftlab.protocol.messages import MarketData, MarketDataSymbol, OrderBookLevel
from hftlab.simulator.arguments import check_nanoseconds, check_seed

__all__ = ["RandomWalk"]


class _Config(NamedTuple):
    symbol: str
    exchange: str
    base_price: float
    volatility: float


# The document calls getExchange() without showing it; these are the listings.
_CONFIGS: Final = (
    _Config("AAPL", "NASDAQ", 175.00, 0.02),
    _Config("GOOGL", "NASDAQ", 2850.00, 0.025),
    _Config("MSFT", "NASDAQ", 335.00, 0.018),
    _Config("TSLA", "NASDAQ", 800.00, 0.04),
    _Config("AMZN", "NASDAQ", 3200.00, 0.022),
    _Config("META", "NASDAQ", 280.00, 0.03),
    _Config("NVDA", "NASDAQ", 450.00, 0.035),
    _Config("BRK.A", "NYSE", 515000.00, 0.012),
)
_LEVELS: Final = 5
_LEVEL_STEP: Final = 0.01
# Uniforms in the document's order of Math.random() calls: walk, spread, volume, bidSize, askSize, then size and orders
# of each bid level and of each ask level.
_DRAWS: Final = 5 + 4 * _LEVELS
_SEEDS: Final = (np.random.Generator, np.random.BitGenerator, np.random.SeedSequence, np.ndarray, list, tuple)
"""Types that numpy takes as a seed beside a number."""


class RandomWalk:
    """Source of eight independent random walks with a random spread and five levels a side, every `interval` ns.

    See hftlab.source. `seed` is anything numpy.random.default_rng takes, a Generator included; the same seed
    on a clock that starts at the same time gives the same messages. The first message is due at the clock's start.
    """

    name = "random walk"
    recorded = False

    def __init__(
        self,
        seed: int | np.random.Generator | None = None,
        *,
        clock: Clock | None = None,
        interval: int = NANOSECONDS // 10,
    ) -> None:
        check_seed(seed, *_SEEDS)
        self.clock = Clock() if clock is None else clock
        self.interval = check_nanoseconds("interval", interval, least=1)
        self._random = np.random.default_rng(seed)
        self._prices = [config.base_price for config in _CONFIGS]
        self._sequence = 0
        self._next = self.clock.now()

    @property
    def symbols(self) -> list[str]:
        return [config.symbol for config in _CONFIGS]

    def next_time(self) -> int:
        return self._next

    def advance(self, until: int) -> list[MarketData]:
        messages = []
        while self._next <= until:
            messages.append(self._update(self._next))
            self._next += self.interval
        return messages

    def _update(self, at: int) -> MarketData:
        now = to_milliseconds(at)
        self._sequence += 1
        draws = self._random.random((len(_CONFIGS), _DRAWS)).tolist()
        symbols = [self._symbol(index, uniforms, now) for index, uniforms in enumerate(draws)]
        return MarketData(timestamp=now, id=f"md_{now:.0f}", sequence=self._sequence, symbols=symbols)

    def _symbol(self, index: int, uniforms: list[float], now: float) -> MarketDataSymbol:
        config, price = _CONFIGS[index], self._prices[index]
        walk, width, volume, bid_size, ask_size, *levels = uniforms
        price = max(0.01, price + (walk - 0.5) * config.volatility * price)
        self._prices[index] = price
        spread = price * (0.0001 + width * 0.0004)
        bid, ask = price - spread / 2, price + spread / 2
        change = price - config.base_price
        return MarketDataSymbol(
            symbol=config.symbol,
            exchange=config.exchange,
            price=_cents(price),
            bid=_cents(bid),
            ask=_cents(ask),
            bid_size=100 + math.floor(bid_size * 2000),
            ask_size=100 + math.floor(ask_size * 2000),
            volume=1_000_000 + math.floor(volume * 5_000_000),
            change=_cents(change),
            change_percent=_cents(change / config.base_price * 100),
            high=_cents(price * 1.02),
            low=_cents(price * 0.98),
            open=config.base_price,
            previous_close=config.base_price,
            timestamp=now,
            bids=_side(bid, -_LEVEL_STEP, levels[: 2 * _LEVELS]),
            asks=_side(ask, _LEVEL_STEP, levels[2 * _LEVELS :]),
        )


def _side(best: float, step: float, uniforms: list[float]) -> list[OrderBookLevel]:
    return [
        OrderBookLevel(
            # Prices below 0 are not allowed; the document's formula reaches them only near its floor of 0.01.
            price=max(0.0, _cents(best + step * level)),
            size=100 + math.floor(uniforms[2 * level] * 2000),
            orders=1 + math.floor(uniforms[2 * level + 1] * 10),
        )
        for level in range(_LEVELS)
    ]


def _cents(value: float) -> float:
    """Round as JavaScript's Math.round(value * 100) / 100 does: halves go up."""
    return math.floor(value * 100 + 0.5) / 100
