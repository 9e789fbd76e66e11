"""Listings of the simulated exchange: which symbols have a market there, at what prices it begins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from hftlab.errors import ArgumentError, HftlabError
from hftlab.instruments import Instrument, find_instrument
from hftlab.nearest import describe_unknown, meant
from hftlab.simulator.profile import Profile, profile_of

__all__ = ["SYMBOLS", "find_listing", "last_close", "listed_profile", "opened"]

SYMBOLS: Final = ("AAPL", "GOOGL", "MSFT", "TSLA", "AMZN", "META", "NVDA", "BRK.A")
"""The reference document's eight."""

_GAP: Final = 0.3
"""Standard deviation of the change from the last close to the opening, as a fraction of a day's."""


def find_listing(name: str) -> Instrument:
    """Return the instrument of a name as in messages, if the exchange has a market for it. Raises HftlabError."""
    if not isinstance(name, str):
        raise ArgumentError(f"the symbol {name!r} is not text: give a name such as 'AAPL'")
    symbol, _, venue = name.partition(":")
    found = find_instrument(symbol, venue or None)
    if found is not None:
        try:
            profile_of(found)
        except KeyError:
            found = None
    if found is None:
        raise HftlabError(
            f"the exchange has no market for {describe_unknown([name], SYMBOLS)}: choose names such as "
            f"{', '.join(SYMBOLS)}, AAPL:NYSE, VOD or BTCUSDT"
        ).advise(instead=meant([name], SYMBOLS))
    return found


def listed_profile(instrument: Instrument, prices: Mapping[str, float]) -> Profile:
    """Return an instrument's profile at its last close, which `prices` replaces. Raises ValueError."""
    profile = profile_of(instrument)
    price = prices.get(instrument.symbol, profile.price)
    if not 0 < price < math.inf:
        raise ArgumentError(f"the price of {instrument.symbol} must be above 0, got {price:g}")
    return profile._replace(price=price)


def last_close(instrument: Instrument, profile: Profile) -> int:
    """Return the last close in 1e-9, on the market's tick."""
    return instrument.round_to_tick(instrument.ticks(profile.price) * instrument.tick)


def opened(instrument: Instrument, profile: Profile, seed: int) -> Profile:
    """Return the profile at the day's opening price, which the listings of one name share."""
    gap = np.random.default_rng([seed, *instrument.symbol.encode()]).normal()
    return profile._replace(price=profile.price * math.exp(_GAP * profile.volatility * gap))
