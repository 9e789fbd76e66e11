"""Subscriptions of one connection, and the channels that serve them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple, TypeAlias

from hftlab.protocol.enums import DataType, SlowConsumer
from hftlab.protocol.messages import Subscribe

__all__ = ["DEFAULT_DATA_TYPES", "DEFAULT_FREQUENCY", "SavedTerms", "Subscription", "SubscriptionSet"]

DEFAULT_FREQUENCY: Final = 100
"""Milliseconds between two messages: the reference document's 10 Hz."""

DEFAULT_DATA_TYPES: Final = (DataType.QUOTES, DataType.ORDER_BOOK, DataType.STATISTICS)
"""Data types of a subscription that names none: the state that a reference client expects."""

_MOST: Final = 500
"""Symbols of one channel."""
_ORDER: Final = {data_type: place for place, data_type in enumerate(DataType)}


class Subscription(NamedTuple):
    """Key of a channel: connections with equal subscriptions share one. Symbols and data types are sorted."""

    symbols: tuple[str, ...]
    data_types: tuple[DataType, ...]
    frequency: int
    slow_consumer: SlowConsumer


class _Terms(NamedTuple):
    """Terms of one (symbol, data type); without `slow_consumer` its channel's default applies."""

    frequency: int
    slow_consumer: SlowConsumer | None
    with_trades: bool = False
    """True if it was requested together with TRADES, and without a policy."""


SavedTerms: TypeAlias = dict[str, dict[DataType, _Terms | None]]
"""Saved terms of some pairs of a symbol and a data type; None: not subscribed to."""


class SubscriptionSet:
    """Set of subscriptions: pairs of a symbol and a data type, each with its frequency in ms and its policy.

    Adding a pair again replaces its terms. Without a policy, state is CONFLATE and events are GAP. State that is
    requested together with TRADES comes in one message with them, and so has their policy; requested by itself it is
    conflated, whatever else is subscribed to.
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
        """Add pairs, or replace their terms; None stands for the defaults."""
        wanted = tuple(data_types or DEFAULT_DATA_TYPES)
        pace = DEFAULT_FREQUENCY if frequency is None else frequency
        with_trades = slow_consumer is None and DataType.TRADES in wanted
        terms = {kind: _Terms(pace, slow_consumer, with_trades and not kind.has_own_message) for kind in wanted}
        for symbol in symbols:
            self._terms.setdefault(symbol, {}).update(terms)

    def remove(self, symbols: Iterable[str], data_types: Iterable[DataType] | None = None) -> None:
        """Remove pairs; without `data_types` all of each symbol. A pair that is not in the set is ignored."""
        unwanted = None if data_types is None else set(data_types)
        for symbol in symbols:
            held = self._terms.pop(symbol, {})
            kept = {} if unwanted is None else {kind: terms for kind, terms in held.items() if kind not in unwanted}
            if kept:
                self._terms[symbol] = kept

    def count_with(self, symbols: Iterable[str], data_types: Iterable[DataType] | None) -> int:
        """Count the pairs that there would be with these added."""
        wanted = frozenset(data_types or DEFAULT_DATA_TYPES)
        new = sum(len(wanted.difference(self.data_types(symbol))) for symbol in set(symbols))
        return sum(map(len, self._terms.values())) + new

    def save(self, symbols: Iterable[str], data_types: Iterable[DataType]) -> SavedTerms:
        """Save the terms of these pairs, for restore()."""
        kinds = tuple(data_types)
        return {symbol: {kind: self._terms.get(symbol, {}).get(kind) for kind in kinds} for symbol in symbols}

    def restore(self, saved: SavedTerms) -> None:
        """Give these pairs the terms that they had at save(), or remove them."""
        for symbol, saved_terms in saved.items():
            for kind, terms in saved_terms.items():
                if terms is None:
                    self.remove([symbol], [kind])
                else:
                    self._terms.setdefault(symbol, {})[kind] = terms

    @property
    def symbols(self) -> list[str]:
        """Symbols subscribed to."""
        return list(self._terms)

    def data_types(self, symbol: str) -> Collection[DataType]:
        """Return the data types subscribed to of one symbol."""
        return self._terms.get(symbol, {}).keys()

    def requests(
        self, symbols: Iterable[str] | None = None, data_types: Collection[DataType] | None = None
    ) -> list[Subscribe]:
        """Make the requests that subscribe to the whole set, or to its part with these symbols and data types."""
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
        """Return the channels that serve the set: as few as possible, with each pair in exactly one.

        BOOK_DELTA has a channel per symbol, so that a message of another symbol in it is recognised as damaged. The
        others have at most 500 symbols, so that a message with the state of all of them stays below a megabyte or so.
        ARBITRAGE shares no channel with other data types.
        """
        groups: defaultdict[tuple[tuple[DataType, ...], _Terms], list[str]] = defaultdict(list)
        deltas: set[Subscription] = set()
        for symbol, wanted in self._terms.items():
            for kinds, terms in _split(wanted):
                if kinds == (DataType.BOOK_DELTA,):
                    deltas.add(_subscription([symbol], kinds, terms))
                else:
                    groups[kinds, terms].append(symbol)
        return deltas | {
            _subscription(part, kinds, terms)
            for (kinds, terms), symbols in groups.items()
            for part in _parts(sorted(symbols), _MOST)
        }

    def __bool__(self) -> bool:
        return bool(self._terms)


def _parts(symbols: list[str], most: int) -> list[list[str]]:
    return [symbols[start : start + most] for start in range(0, len(symbols), most)]


def _together(wanted: dict[DataType, _Terms]) -> list[tuple[DataType, _Terms]]:
    """Return one symbol's terms; those with trades are so only while trades are wanted, and on the same terms."""
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
