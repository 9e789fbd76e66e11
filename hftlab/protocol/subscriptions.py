"""What one connection has asked for, and how that splits into channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from hftlab.protocol.enums import DataType

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


class SubscriptionSet:
    """Each (symbol, data type) with its frequency in ms; asking again for a pair replaces its frequency."""

    def __init__(self) -> None:
        self._frequencies: dict[str, dict[DataType, int]] = {}

    def add(self, symbols: Iterable[str], data_types: Iterable[DataType] | None, frequency: int | None) -> None:
        wanted = tuple(data_types or DEFAULT_DATA_TYPES)
        pace = DEFAULT_FREQUENCY if frequency is None else frequency
        for symbol in symbols:
            self._frequencies.setdefault(symbol, {}).update(dict.fromkeys(wanted, pace))

    def remove(self, symbols: Iterable[str], data_types: Iterable[DataType] | None = None) -> None:
        """End the pairs named; without `data_types` all of a symbol's. Pairs that were never asked for are no error."""
        unwanted = None if data_types is None else set(data_types)
        for symbol in symbols:
            held = self._frequencies.pop(symbol, {})
            kept = {} if unwanted is None else {kind: pace for kind, pace in held.items() if kind not in unwanted}
            if kept:
                self._frequencies[symbol] = kept

    @property
    def symbols(self) -> list[str]:
        return list(self._frequencies)

    def plan(self) -> set[Subscription]:
        """The channels that serve all this: as few as possible, each pair in exactly one.

        BOOK_DELTA has a message type of its own and so a channel of its own.
        """
        groups: defaultdict[tuple[tuple[DataType, ...], int], list[str]] = defaultdict(list)
        for symbol, frequencies in self._frequencies.items():
            for key in _split(frequencies):
                groups[key].append(symbol)
        return {Subscription(tuple(sorted(symbols)), *key) for key, symbols in groups.items()}

    def __bool__(self) -> bool:
        return bool(self._frequencies)


def _split(frequencies: dict[DataType, int]) -> list[tuple[tuple[DataType, ...], int]]:
    groups: defaultdict[tuple[bool, int], list[DataType]] = defaultdict(list)
    for data_type, frequency in frequencies.items():
        groups[data_type is DataType.BOOK_DELTA, frequency].append(data_type)
    return [(tuple(sorted(kinds, key=_ORDER.__getitem__)), pace) for (_, pace), kinds in groups.items()]
