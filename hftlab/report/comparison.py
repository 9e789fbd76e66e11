"""A recording compared with its replay, message by message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from hftlab.protocol import MarketDataSymbol

__all__ = ["Comparison", "Difference", "Gap", "compare"]

Contents: TypeAlias = Sequence[list[MarketDataSymbol]]
"""Symbols of each message, in order."""

_NAMED: Final = 20
"""Differences that are told one by one."""


class Difference(NamedTuple):
    """First difference of one message: its number from 1, the symbol, the field and its two values as text.

    A message or a symbol that one side lacks is shown as "missing" there.
    """

    message: int
    symbol: str
    field: str
    recorded: str
    replayed: str


class Gap(NamedTuple):
    """Messages missing from one channel of the recording, between its first and its last sequence."""

    channel: int
    first: int
    last: int
    missing: int


class Comparison(NamedTuple):
    """Result of a demo: `lost` messages of the live stream, `differing` ones of the replay, and where the first are."""

    recorded: int
    replayed: int
    lost: int
    differing: int
    gaps: Sequence[Gap] = ()
    differences: Sequence[Difference] = ()

    @property
    def is_perfect(self) -> bool:
        """True if something was recorded, nothing was lost, and the replay equals the recording."""
        return self.recorded > 0 and not self.lost and not self.differing


def compare(recorded: Contents, replayed: Contents, *, lost: int, gaps: Sequence[Gap] = ()) -> Comparison:
    """Compare the messages of a recording with those of its replay: the n-th with the n-th."""
    unequal = sum(one != other for one, other in zip(recorded, replayed, strict=False))
    return Comparison(
        recorded=len(recorded),
        replayed=len(replayed),
        lost=lost,
        differing=unequal + abs(len(recorded) - len(replayed)),
        gaps=gaps,
        differences=tuple(islice(_differences(recorded, replayed), _NAMED)),
    )


def _differences(recorded: Contents, replayed: Contents) -> Iterator[Difference]:
    for number, (one, other) in enumerate(zip_longest(recorded, replayed), start=1):
        if one is None or other is None:
            yield Difference(number, "", "message", *_presence(one, other))
        elif one != other:
            yield _first_difference(number, one, other)


def _first_difference(number: int, one: list[MarketDataSymbol], other: list[MarketDataSymbol]) -> Difference:
    """Find where two messages that are not equal differ first."""
    for left, right in zip_longest(one, other):
        if left is None or right is None or left.symbol != right.symbol:
            names = ["missing" if symbol is None else symbol.symbol for symbol in (left, right)]
            return Difference(number, (left or right).symbol, "symbol", *names)
        if left != right:
            for field in msgspec.structs.fields(left):
                values = getattr(left, field.name), getattr(right, field.name)
                if values[0] != values[1]:
                    return Difference(number, left.symbol, field.encode_name, *_texts(*values))
    raise AssertionError("messages that differ have a difference")


def _texts(one: Any, other: Any) -> tuple[str, str]:
    """Show two values; of lists, the first place where they differ."""
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip_longest(one, other)
        place, (one, other) = next((place, pair) for place, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
        return f"{place}: {_text(one)}", f"{place}: {_text(other)}"
    return _text(one), _text(other)


def _text(value: Any) -> str:
    return "missing" if value is None else msgspec.json.encode(value).decode()


def _presence(*sides: object) -> tuple[str, ...]:
    return tuple("missing" if side is None else "present" for side in sides)
