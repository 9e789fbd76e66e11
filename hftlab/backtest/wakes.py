"""Filter of the messages that wake a strategy."""

from __future__ import annotations

from hftlab.errors import ArgumentError
from hftlab.protocol.messages import MarketData, MarketDataSymbol

__all__ = ["Wakes"]

_KINDS = ("message", "best", "trade", "timer")


class Wakes:
    """Filter of messages: each of them, those that change a best price, those with a trade, or none.

    Raises ArgumentError for another kind.
    """

    def __init__(self, kind: str) -> None:
        if kind not in _KINDS:
            raise ArgumentError(f"wake is {kind!r}: a strategy wakes by one of {', '.join(_KINDS)}")
        self._kind = kind
        self._bests: dict[str, tuple[float, float]] = {}
        self._trades: dict[str, object] = {}

    def wakes(self, message: MarketData) -> bool:
        """Tell whether a message, which follows all earlier ones, wakes the strategy."""
        if self._kind == "message":
            return True
        if self._kind == "timer":
            return False
        look = self._has_new_best if self._kind == "best" else self._has_traded
        found = [look(symbol) for symbol in message.symbols]  # each has to be looked at
        return any(found)

    def _has_new_best(self, symbol: MarketDataSymbol) -> bool:
        best = symbol.bid, symbol.ask
        before = self._bests.get(symbol.symbol)
        self._bests[symbol.symbol] = best
        return best != before

    def _has_traded(self, symbol: MarketDataSymbol) -> bool:
        trade = None if symbol.last_trade is None else (symbol.last_trade, symbol.volume)
        before = self._trades.get(symbol.symbol)
        self._trades[symbol.symbol] = trade
        return bool(symbol.trades) or (trade is not None and trade != before)
