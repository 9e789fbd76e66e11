"""The symbols that a server offers, and how many of them a connection may subscribe to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hftlab.errors import SubscriptionFailed
from hftlab.nearest import describe_unknown
from hftlab.protocol.messages import Limits, Subscribe
from hftlab.protocol.subscriptions import SubscriptionSet

__all__ = ["SubscriptionLimits"]

_NAMED: Final = 20
"""The most symbols that an error names."""


class SubscriptionLimits:
    """Checks subscriptions against the symbols of a server (None: any symbol) and its limits."""

    def __init__(self, symbols: Sequence[str] | None, limits: Limits) -> None:
        self.symbols, self.limits = symbols, limits
        self._symbols = None if symbols is None else frozenset(symbols)

    def check(self, request: Subscribe, wanted: SubscriptionSet) -> None:
        """Check what a connection asks for beside the subscriptions that it has. Raises SubscriptionFailed."""
        symbols, limits = request.symbols, self.limits
        if len(symbols) > limits.max_symbols:
            raise SubscriptionFailed(
                f"field `symbols` has {len(symbols)} entries, at most {limits.max_symbols} are allowed in one request",
                context={"field": "symbols", "limit": limits.max_symbols},
            )
        if self._symbols is not None and not self._symbols.issuperset(symbols):
            unknown = [symbol for symbol in symbols if symbol not in self._symbols]
            raise SubscriptionFailed(
                f"field `symbols` names {describe_unknown(unknown, self.symbols or ())}, which this server does not "
                f"have; it has {_some(self.symbols or ())}",
                context={"field": "symbols", "unknown": unknown},
            )
        if limits.max_subscriptions is None:
            return
        count = wanted.count_with(symbols, request.data_types)
        if count > limits.max_subscriptions:
            raise SubscriptionFailed(
                f"this connection would have {count:,} subscriptions (each of one symbol and one data type), at most "
                f"{limits.max_subscriptions:,} are allowed: UNSUBSCRIBE from some, or open another connection",
                context={"field": "symbols", "limit": limits.max_subscriptions},
            )


def _some(symbols: Sequence[str]) -> str:
    return ", ".join(symbols[:_NAMED]) + (", ..." if len(symbols) > _NAMED else "")
