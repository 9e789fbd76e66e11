"""Trading controls of the simulated exchange: halts, auctions, the day's end and beginning, price bands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import RLock
from typing import TYPE_CHECKING

from hftlab.clock import Clock
from hftlab.errors import HftlabError
from hftlab.trading.venue import MarketPhase

if TYPE_CHECKING:
    from hftlab.simulator.order_entry import OrderEntry

__all__ = ["TradingControls"]


class TradingControls(ABC):
    """Commands of a venue's operator, each at the clock's present time; they raise KeyError for unknown symbols.

    While an instrument is halted or closed, its simulated traders wait with their orders where they are.
    """

    clock: Clock
    day = 0
    """Number of the trading day: the next one begins at `open_day()` of all instruments."""
    _entry: OrderEntry
    _lock: RLock

    @abstractmethod
    def _open(self) -> None:
        """Make the orders that rest at the start, if that has not been done."""

    def halt(self, symbol: str) -> None:
        """Halt an instrument: only cancels are taken until `resume()`, or `call_auction()` and `uncross()`."""
        self._command("HALT", symbol)

    def resume(self, symbol: str) -> None:
        """Go on with continuous trading, without an auction.

        Raises HftlabError if orders in the book cross, as they may after a call: only an auction can match them.
        """
        with self._lock:
            self._command("RESUME", symbol)
            if self._entry.phase(symbol) is not MarketPhase.CONTINUOUS:
                raise HftlabError(
                    f"{symbol} cannot resume, because orders in its book cross: use call_auction() and uncross()"
                )

    def call_auction(self, symbol: str) -> None:
        """Begin the call of an auction: orders are collected and not matched until `uncross()`."""
        self._command("CALL", symbol)

    def uncross(self, symbol: str) -> None:
        """End a call: trade at the one price that gives the largest volume, and go on with continuous trading.

        Raises HftlabError if the instrument is not in a call.
        """
        with self._lock:
            phase = self._entry.phase(symbol)
            if phase is not MarketPhase.CALL:
                raise HftlabError(f"{symbol} is {phase} and not in a call: begin one with call_auction()")
            self._command("UNCROSS", symbol)

    def close_day(self, symbol: str | None = None) -> None:
        """End the trading day of an instrument, or of all: DAY orders expire, and only cancels are taken."""
        for one in self._entry.symbols if symbol is None else [symbol]:
            self._command("CLOSE", one)

    def open_day(self, symbol: str | None = None) -> None:
        """Begin continuous trading of an instrument, or of all, with an auction where orders in the book cross.

        With that of all the next trading day begins, and the accounts' profits of the day from 0.
        """
        if symbol is None:
            self.day += 1
        for one in self._entry.symbols if symbol is None else [symbol]:
            with self._lock:
                self._command("RESUME", one)
                if self._entry.phase(one) is not MarketPhase.CONTINUOUS:
                    self._command("CALL", one)
                    self._command("UNCROSS", one)

    def set_band(self, symbol: str, width: float | None, *, halts: bool = False) -> None:
        """Allow trades only up to `width`, in the currency, above and below the present price; None: at any price.

        Limits outside of the band are refused, and what would trade outside is cancelled. With `halts` such limits are
        taken, and the first trade that would be outside halts the instrument instead. An auction moves the band to its
        price. Raises ValueError for a width below the tick, HftlabError where there is no reference price.
        """
        with self._lock:
            self._open()
            self._entry.set_band(symbol, width, halts, self.clock.now())

    def _command(self, action: str, symbol: str) -> None:
        with self._lock:
            self._open()
            self._entry.command(action, symbol, self.clock.now())
