"""What one connection has asked for, and how that splits into channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from hftlab.protocol.enums import DataType, SlowConsumer

__all__ = ["DEFAULT_DATA_TYPES", "DEFAULT_FREQUENCY", "Subscription", "SubscriptionSet"]

DEFAULT_FREQUENCY: Final = 100
"""Milliseconds: the reference document's 10 Hz."""

DEFAULT_DATA_TYPES: Final = (DataType.QUOTES, DataType.ORDER_BOOK, DataType.STATISTICS)
"""The state a reference client expects when it names no data types; events are sent to those who ask for them."""

_ORDER: Final = {data_type: place for place, data_type in enumerate(DataType)}


class Subscription(NamedTuple):
    """The key of a channel: connections with equal subscriptions share one. Symbols and data types are sorted."""

    symbols: tuple[str, ...]
    data_types: tuple[DataType, ...]
    frequency: int
    slow_consumer: SlowConsumer


class _Terms(NamedTuple):
    """How one (symbol, data type) is wanted; without `slow_consumer` the default of its channel."""

    frequency: int
    slow_consumer: SlowConsumer | None


class SubscriptionSet:
    """Each (symbol, data type) with its frequency in ms and policy; asking again for a pair replaces them."""

    def __init__(self) -> None:
        self._terms: dict[str, dict[DataType, _Terms]] = {}

    def add(
        self,
        symbols: Iterable[str],
        data_types: Iterable[DataType] | None,
        frequency: int | None,
        slow_consumer: SlowConsumer | None = None,
    ) -> None:
        wanted = tuple(data_types or DEFAULT_DATA_TYPES)
        terms = _Terms(DEFAULT_FREQUENCY if frequency is None else frequency, slow_consumer)
        for symbol in symbols:
            self._terms.setdefault(symbol, {}).update(dict.fromkeys(wanted, terms))

    def remove(self, symbols: Iterable[str], data_types: Iterable[DataType] | None = None) -> None:
        """End the pairs named; without `data_types` all of a symbol's. Pairs that were never asked for are no error."""
        unwanted = None if data_types is None else set(data_types)
        for symbol in symbols:
            held = self._terms.pop(symbol, {})
            kept = {} if unwanted is None else {kind: terms for kind, terms in held.items() if kind not in unwanted}
            if kept:
                self._terms[symbol] = kept

    @property
    def symbols(self) -> list[str]:
        return list(self._terms)

    def plan(self) -> set[Subscription]:
        """The channels that serve all this: as few as possible, each pair in exactly one.

        BOOK_DELTA has a channel per symbol: its messages are of one symbol, and one that belongs to another shows.
        ARBITRAGE shares none with other data types.
        """
        groups: defaultdict[tuple[tuple[DataType, ...], _Terms], list[str]] = defaultdict(list)
        deltas: set[Subscription] = set()
        for symbol, wanted in self._terms.items():
            for kinds, terms in _split(wanted):
                if kinds == (DataType.BOOK_DELTA,):
                    deltas.add(_subscription([symbol], kinds, terms))
                else:
                    groups[kinds, terms].append(symbol)
        return deltas | {_subscription(symbols, kinds, terms) for (kinds, terms), symbols in groups.items()}

    def __bool__(self) -> bool:
        return bool(self._terms)


def _split(wanted: dict[DataType, _Terms]) -> list[tuple[tuple[DataType, ...], _Terms]]:
    groups: defaultdict[tuple[DataType | None, _Terms], list[DataType]] = defaultdict(list)
    for data_type, terms in wanted.items():
        groups[data_type if data_type.has_own_message else None, terms].append(data_type)
    return [(tuple(sorted(kinds, key=_ORDER.__getitem__)), terms) for (_, terms), kinds in groups.items()]


def _subscription(symbols: list[str], kinds: tuple[DataType, ...], terms: _Terms) -> Subscription:
    is_event = any(kind.is_event for kind in kinds)
    policy = terms.slow_consumer or (SlowConsumer.GAP if is_event else SlowConsumer.CONFLATE)
    return Subscription(tuple(sorted(symbols)), kinds, terms.frequency, policy)
