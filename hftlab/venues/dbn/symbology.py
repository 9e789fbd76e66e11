"""Symbology of a file: what its instrument ids mean, by mappings and definitions, and the instruments they become."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.instruments import NASDAQ, NYSE, UNIT, Instrument, Venue, find_instrument

__all__ = ["Symbology"]

_VENUES: Final = {
    "XNAS": NASDAQ,
    "XNYS": NYSE,
    "GLBX": Venue("GLBX", "USD", "America/Chicago"),
}
"""By the first part of a dataset's code; others are venues of that name, in UTC."""
_DOLLARS: Final = ("XNAS", "XNYS")
_CENT: Final = UNIT // 100
Array = npt.NDArray[Any]


class Symbology:
    """Names, ticks and currencies by Databento's instrument id, added as they are read; the first name stays."""

    def __init__(self) -> None:
        self.dataset = ""
        self._names: dict[int, str] = {}
        self._shared: Counter[str] | None = None  # how many ids have each name, once that was asked for
        self._ticks: dict[int, int] = {}
        self._currencies: dict[int, str] = {}
        self._steps: dict[int, int] = {}

    @property
    def ids(self) -> list[int]:
        """Instrument ids of the records that were measured, rising."""
        return sorted(self._steps)

    def name(self, number: int, symbol: str) -> None:
        """Add the symbol of an instrument."""
        if symbol and number not in self._names:
            self._names[number], self._shared = symbol, None

    def define(self, number: int, symbol: str, tick: int, currency: str) -> None:
        """Add what a definition says; a tick below 1 is none."""
        self.name(number, symbol)
        if 0 < tick < 2**63 - 1:
            self._ticks[number] = tick
        if currency:
            self._currencies[number] = currency

    def measure(self, numbers: Array, prices: Array) -> None:
        """Add prices (1e-9) that an instrument's tick has to hold, and the instruments themselves."""
        order = np.argsort(numbers, kind="stable")
        numbers, prices = numbers[order], np.abs(prices[order])
        starts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])) if len(numbers) else np.zeros(0, np.int64)
        for number, step in zip(
            numbers[starts].tolist(), np.gcd.reduceat(prices, starts).tolist() if len(starts) else [], strict=True
        ):
            self._steps[number] = math.gcd(self._steps.get(number, 0), step)
        self._shared = None

    def step(self, number: int) -> int:
        """Return the largest step (1e-9) that holds all prices of an instrument, 0 if it has none but 0."""
        return self._steps.get(number, 0)

    def symbol(self, number: int) -> str:
        """Return the symbol of an id: with the id behind it where ids share it, the id alone where it has none."""
        name = self._names.get(number)
        if name is None:
            return str(number)
        if self._shared is None:
            self._shared = Counter(self._names[one] for one in self._steps if one in self._names)
        return name if self._shared[name] < 2 else f"{name}.{number}"

    def instrument(self, number: int) -> Instrument:
        """Return the instrument of an id: its tick is the defined one, else the known one, else the largest that fits.

        A tick that does not hold every price becomes finer. Raises ValueError for a symbol that cannot be one.
        """
        symbol, step = self.symbol(number), self._steps.get(number, 0)
        part = self.dataset.partition(".")[0]
        venue = _VENUES.get(part) or Venue(part or "DATABENTO", "")
        known = find_instrument(symbol, venue)
        if known is not None and step % known.tick == 0 and known.lot == UNIT:
            return known
        tick = math.gcd(self._ticks.get(number, 0), step) or _CENT
        currency = self._currencies.get(number) or ("USD" if part in _DOLLARS else "")
        return Instrument(symbol, venue, tick, UNIT, currency)
