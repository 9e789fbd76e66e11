"""Instruments of Kraken's pairs, as the channel `instrument` of its WebSocket API v2 lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hftlab.errors import DataError, SubscriptionFailed
from hftlab.instruments import UNIT, Instrument
from hftlab.nearest import describe_unknown
from hftlab.venues.kraken.frames import Pair
from hftlab.venues.kraken.survey import KRAKEN

__all__ = ["listed_instruments"]

_MOST_DECIMALS: Final = 9
"""Decimals of a UNIT."""


def listed_instruments(pairs: Iterable[Pair], symbols: Iterable[str]) -> tuple[Instrument, ...]:
    """Return the instruments of symbols, in their order: tick and lot are the last decimals that the venue writes.

    Orders may have to be placed in coarser steps; books have, and checksums are made of, all decimals. Raises
    SubscriptionFailed for symbols that are not listed, and DataError for a pair with more decimals than an Instrument.
    """
    listed = {pair.symbol: pair for pair in pairs}
    wanted = list(symbols)
    unknown = [symbol for symbol in wanted if symbol not in listed]
    if unknown:
        raise SubscriptionFailed(
            f"{KRAKEN.name} does not list {describe_unknown(unknown, list(listed))}: name pairs as its WebSocket "
            "API v2 does, such as BTC/USD",
            context={"field": "symbols", "unknown": unknown},
        )
    return tuple(_instrument(listed[symbol]) for symbol in wanted)


def _instrument(pair: Pair) -> Instrument:
    tick, lot = _step(pair, "prices", pair.price_precision), _step(pair, "quantities", pair.size_precision)
    return Instrument(pair.symbol, KRAKEN, tick, lot, pair.quote)


def _step(pair: Pair, name: str, decimals: int) -> int:
    step, rest = divmod(UNIT, 10**decimals) if 0 <= decimals <= _MOST_DECIMALS else (0, 0)
    if step < 1 or rest:
        raise DataError(
            f"the {name} of {pair.symbol} have {decimals} decimals, and hftlab has {_MOST_DECIMALS}: leave it out"
        )
    return step
