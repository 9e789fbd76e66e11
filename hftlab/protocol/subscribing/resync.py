"""Requests that bring a client's state up to date again."""

from __future__ import annotations

from collections.abc import Iterable

from hftlab.protocol.messages import Limits, Subscribe
from hftlab.protocol.subscribing.splitting import split_symbols
from hftlab.protocol.subscribing.subscriber import Subscriber

__all__ = ["StaleSymbols", "combined"]


def combined(requests: Iterable[Subscribe], limits: Limits | None = None) -> list[Subscribe]:
    """Combine subscriptions into as few requests as the limits of a server allow."""
    symbols: dict[tuple[object, ...], dict[str, None]] = {}
    terms: dict[tuple[object, ...], Subscribe] = {}
    for request in requests:
        key = (tuple(request.data_types or ()), request.frequency, request.slow_consumer)
        terms.setdefault(key, request)
        symbols.setdefault(key, {}).update(dict.fromkeys(request.symbols))
    return [
        Subscribe(
            timestamp=1.0,
            symbols=part,
            data_types=terms[key].data_types,
            frequency=terms[key].frequency,
            slow_consumer=terms[key].slow_consumer,
        )
        for key, names in symbols.items()
        for part in split_symbols(names, limits)
    ]


class StaleSymbols:
    """Symbols that stay stale from heartbeat to heartbeat: the snapshot that they need may have been lost as well."""

    def __init__(self) -> None:
        self._stale: set[str] = set()

    def requests(self, subscriber: Subscriber) -> list[Subscribe]:
        """Return the subscriptions of the symbols that were stale at the last call, and still are."""
        stale = subscriber.stale_symbols()
        again, self._stale = stale & self._stale, stale
        return subscriber.wanted.requests(again)
