"""Profile of one listing's market: its price, its volatility, and how often which traders act."""

from __future__ import annotations

from typing import Final, NamedTuple

from hftlab.instruments import BINANCE, NYSE, UNIT, Instrument

__all__ = ["Profile", "profile_of", "round_lot"]


class Profile(NamedTuple):
    """Profile of a market; rates are per second. `spread` is the makers' in a calm hour, in 1e-4 of the price.

    `limits` are those of one side of the book, `market` orders those of uninformed traders, `informed` how often
    informed traders look at the book, `makers` how often each market maker looks at its quotes.
    `lag` (ns) is how late this venue's market makers see the fundamental price, `noise` (1e-4 of it) their error.
    """

    price: float
    volatility: float  # of a day of 6.5 hours, relative
    spread: float
    limits: float = 6.0
    market: float = 1.8
    informed: float = 6.0
    makers: float = 5.0
    lag: int = 20_000_000
    noise: float = 0.1


# Prices and their order of volatility are the reference document's ("Market Data Generation"), whose volatility is that
# of one update; days of 1 to 3 % are usual for such names.
_US: Final = {
    "AAPL": Profile(175.00, 0.015, 0.6, limits=8.0, market=2.6),
    "GOOGL": Profile(2850.00, 0.018, 1.2),
    "MSFT": Profile(335.00, 0.014, 0.6, limits=8.0, market=2.4),
    "TSLA": Profile(800.00, 0.030, 1.2, limits=8.0, market=3.0),
    "AMZN": Profile(3200.00, 0.018, 1.2),
    "META": Profile(280.00, 0.022, 0.8),
    "NVDA": Profile(450.00, 0.026, 0.8, limits=8.0, market=2.6),
    "BRK.A": Profile(515000.00, 0.010, 5.0, limits=2.0, market=0.3, informed=4.0, makers=2.0),
}
_LONDON: Final = {
    "AZN": 12000.0,
    "BARC": 210.0,
    "BP.": 480.0,
    "GSK": 1600.0,
    "HSBA": 650.0,
    "LLOY": 55.0,
    "RIO": 5200.0,
    "SHEL": 2600.0,
    "ULVR": 4200.0,
    "VOD": 72.0,
}
_COINS: Final = {"BTCUSDT": Profile(62000.0, 0.030, 0.3), "ETHUSDT": Profile(3000.0, 0.035, 0.5)}


def profile_of(instrument: Instrument) -> Profile:
    """Return the profile of a known instrument; a listing away from its main market is slower and less busy.

    Raises KeyError for an instrument that has none.
    """
    if instrument.symbol in _LONDON:
        return Profile(_LONDON[instrument.symbol], 0.014, 2.0, limits=5.0, market=0.8)
    profile = (_COINS if instrument.venue is BINANCE else _US)[instrument.symbol]
    if instrument.primary:
        return profile
    return profile._replace(
        limits=profile.limits / 2,
        market=profile.market / 2,
        lag=80_000_000 if instrument.venue is NYSE else 50_000_000,
        noise=2 * profile.noise,
    )


def round_lot(instrument: Instrument, price: float) -> int:
    """Return the usual order size in lots: round lots of Regulation NMS for US shares, elsewhere a value of about 500.

    Source: 17 CFR 242.600(b)(93): 100 shares up to $250.00, 40 up to $1,000.00, 10 up to $10,000.00, then 1.
    """
    if instrument.currency == "USD":
        return next((lots for bound, lots in ((250, 100), (1000, 40), (10_000, 10)) if price <= bound), 1)
    value = 50_000 if instrument.currency == "GBX" else 500
    return max(1, round(value / price * UNIT / instrument.lot))
