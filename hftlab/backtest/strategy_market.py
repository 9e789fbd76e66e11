"""Market as a strategy knows it."""

from __future__ import annotations

from collections.abc import Sequence

from hftlab.errors import NameNotFound
from hftlab.nearest import describe_unknown, meant
from hftlab.protocol.book import Book
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.messages import MarketDataSymbol, Message
from hftlab.suggesting import Suggesting

__all__ = ["StrategyMarket"]


class StrategyMarket(Suggesting):
    """Market as a strategy has been told of it so far. `now` is the strategy's time in ns UTC."""

    def __init__(self, symbols: Sequence[str], now: int) -> None:
        self.symbols = list(symbols)
        self.now = now
        self._state = LatestState()

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        """Return the newest state of a symbol, None before its first message. Raises NameNotFound."""
        found = self._state.latest.get(symbol)
        if found is None:
            self._check(symbol)
        return found

    def book(self, symbol: str) -> Book | None:
        """Return the order book of a symbol, None before its first message. Raises NameNotFound."""
        found = self.latest(symbol)
        return None if found is None else Book.of(found, stale=False)

    def best(self, symbol: str) -> tuple[float, float] | None:
        """Return the best bid and ask; None while a side is empty or not known. Raises NameNotFound."""
        found = self.latest(symbol)
        return None if found is None or not (found.bid_size and found.ask_size) else (found.bid, found.ask)

    def take_in(self, message: Message, at: int) -> Message:
        """Take in a message that is heard at `at`; returns it with all that is known of its symbols."""
        self.now = at
        return self._state.take_in(message)

    def forget(self) -> None:
        """Forget all states, as after a jump in time."""
        self._state.clear()

    def _check(self, symbol: str) -> None:
        if symbol not in self.symbols:
            raise NameNotFound(f"the market has no symbol {describe_unknown([symbol], self.symbols)}").advise(
                instead=meant([symbol], self.symbols)
            )

    def __repr__(self) -> str:
        return f"StrategyMarket({', '.join(self.symbols)})"
