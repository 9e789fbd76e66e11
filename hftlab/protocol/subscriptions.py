"""What one connection has asked for, and how that splits into channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple, TypeAlias

from hftlab.protocol.enums import DataType, SlowConsumer
from hftlab.protocol.messages import Subscribe

__all__ = ["DEFAULT_DATA_TYPES", "DEFAULT_FREQUENCY", "Held", "Subscription", "SubscriptionSet"]

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
    """How one (symbol, data type) is wanted; without `slow_consumer` by the default of its channel."""

    frequency: int
    slow_consumer: SlowConsumer | None
    with_trades: bool = False
    """Asked for together with TRADES, and without a policy."""


Held: TypeAlias = dict[str, dict[DataType, _Terms | None]]
"""How some pairs were wanted at a time; None: not."""


class SubscriptionSet:
    """Each (symbol, data type) with its frequency in ms and policy; asking again for a pair replaces them.

    Without a policy, state is CONFLATE and events are GAP. State that one request asks for together with TRADES comes
    in one message with them, and so by their policy; asked for by itself it is conflated, whatever else is subscribed.
    """

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
        pace = DEFAULT_FREQUENCY if frequency is None else frequency
        with_trades = slow_consumer is None and DataType.TRADES in wanted
        terms = {kind: _Terms(pace, slow_consumer, with_trades and not kind.has_own_message) for kind in wanted}
        for symbol in symbols:
            self._terms.setdefault(symbol, {}).update(terms)

    def remove(self, symbols: Iterable[str], data_types: Iterable[DataType] | None = None) -> None:
        """End the pairs named; without `data_types` all of a symbol's. Pairs that were never asked for are no error."""
        unwanted = None if data_types is None else set(data_types)
        for symbol in symbols:
            held = self._terms.pop(symbol, {})
            kept = {} if unwanted is None else {kind: terms for kind, terms in held.items() if kind not in unwanted}
            if kept:
                self._terms[symbol] = kept

    def count_with(self, symbols: Iterable[str], data_types: Iterable[DataType] | None) -> int:
        """How many pairs there are if these are added."""
        wanted = frozenset(data_types or DEFAULT_DATA_TYPES)
        new = sum(len(wanted.difference(self.data_types(symbol))) for symbol in set(symbols))
        return sum(map(len, self._terms.values())) + new

    def held(self, symbols: Iterable[str], data_types: Iterable[DataType]) -> Held:
        """How these pairs are wanted now, for put_back()."""
        kinds = tuple(data_types)
        return {symbol: {kind: self._terms.get(symbol, {}).get(kind) for kind in kinds} for symbol in symbols}

    def put_back(self, held: Held) -> None:
        """Want these pairs as they were wanted then."""
        for symbol, held_terms in held.items():
            for kind, terms in held_terms.items():
                if terms is None:
                    self.remove([symbol], [kind])
                else:
                    self._terms.setdefault(symbol, {})[kind] = terms

    @property
    def symbols(self) -> list[str]:
        return list(self._terms)

    def data_types(self, symbol: str) -> Collection[DataType]:
        """What is wanted of one symbol."""
        return self._terms.get(symbol, {}).keys()

    def requests(
        self, symbols: Iterable[str] | None = None, data_types: Collection[DataType] | None = None
    ) -> list[Subscribe]:
        """What asks for all this on the same terms, or for as much of these symbols and data types as is in it."""
        groups: defaultdict[tuple[tuple[DataType, ...], _Terms], list[str]] = defaultdict(list)
        for symbol in sorted(self._terms if symbols is None else self._terms.keys() & set(symbols)):
            alike: defaultdict[_Terms, list[DataType]] = defaultdict(list)
            for kind, terms in sorted(_together(self._terms[symbol]), key=_by_kind):
                if data_types is None or kind in data_types:
                    alike[terms].append(kind)
            for terms, kinds in alike.items():
                groups[tuple(kinds), terms].append(symbol)
        return [_request(names, kinds, terms) for (kinds, terms), names in groups.items()]

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


def _together(wanted: dict[DataType, _Terms]) -> list[tuple[DataType, _Terms]]:
    """One symbol's terms, where nothing is with trades that are not wanted any more, or by now on other terms."""
    trades = wanted.get(DataType.TRADES)
    return [(kind, terms if terms == trades else terms._replace(with_trades=False)) for kind, terms in wanted.items()]


def _by_kind(pair: tuple[DataType, _Terms]) -> int:
    return _ORDER[pair[0]]


def _split(wanted: dict[DataType, _Terms]) -> list[tuple[tuple[DataType, ...], _Terms]]:
    groups: defaultdict[tuple[DataType | None, _Terms], list[DataType]] = defaultdict(list)
    for data_type, terms in _together(wanted):
        groups[data_type if data_type.has_own_message else None, terms].append(data_type)
    return [(tuple(sorted(kinds, key=_ORDER.__getitem__)), terms) for (_, terms), kinds in groups.items()]


def _subscription(symbols: list[str], kinds: tuple[DataType, ...], terms: _Terms) -> Subscription:
    is_event = any(kind.is_event for kind in kinds)
    policy = terms.slow_consumer or (SlowConsumer.GAP if is_event else SlowConsumer.CONFLATE)
    return Subscription(tuple(sorted(symbols)), kinds, terms.frequency, policy)


def _request(symbols: list[str], kinds: tuple[DataType, ...], terms: _Terms) -> Subscribe:
    return Subscribe(
        timestamp=1.0,
        symbols=symbols,
        data_types=list(kinds),
        frequency=terms.frequency,
        slow_consumer=terms.slow_consumer,
    )
