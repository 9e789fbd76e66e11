"""Hypothesis strategies for every message of the wire, made from the structs themselves, so that no type is forgotten.

Values are valid and go to the ends of what is allowed: times with up to three decimals to the last one that fits into
int64 ns, floats with all their digits, negative zero, texts of any characters, empty lists, None where it may be.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import inspect

from hftlab.bounds import LONGEST_SYMBOL, SYMBOL
from hftlab.protocol import (
    Arbitrage,
    BookDelta,
    Heartbeat,
    MarketData,
    MarketDataSymbol,
    Message,
    OrderBookLevel,
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
    Request,
    Trade,
)

StructT = TypeVar("StructT", bound=msgspec.Struct)

MESSAGE_TYPES: tuple[type[Any], ...] = get_args(Message)
REQUEST_TYPES: tuple[type[Any], ...] = get_args(Request)

LAST_MILLISECOND: float = inspect.type_info(Heartbeat).fields[0].type.le  # type: ignore[union-attr]

_INT64 = 2**63
_SYMBOL = re.compile(SYMBOL)
_PRINTABLE = st.characters(exclude_categories=("Cc", "Cf", "Co", "Cs", "Z"), include_characters=" ")
_TRICKY_FLOATS = (-0.0, 0.0, 5e-324, 2.2250738585072014e-308, 1e-7, 0.1, 1 / 3, 0.1 + 0.2, 100.0, 2.0**53 + 2, 1e15)
_TRICKY_TEXTS = (
    "",
    "null",
    '"',
    "\\",
    "a\nb",
    "\r\n",
    "\x00",
    "\x7f",
    "a\u2028b",
    "{}",
    "[1]",
    "é",
    "行情",
    "🚀",
    "\ufeff",
)


def messages() -> SearchStrategy[Any]:
    """Any message of any type."""
    return st.one_of([of(kind) for kind in MESSAGE_TYPES])


def requests() -> SearchStrategy[Any]:
    """Any message that a client may send."""
    return st.one_of([of(kind) for kind in REQUEST_TYPES])


def streamed_messages() -> SearchStrategy[Any]:
    """Any message that a source may yield."""
    kinds = (market_data(), book_deltas(), of(Arbitrage), order_updates(), position_updates(), portfolio_updates())
    return st.one_of(kinds)


def market_data() -> SearchStrategy[MarketData]:
    return of(MarketData)


def market_data_symbols() -> SearchStrategy[MarketDataSymbol]:
    return of(MarketDataSymbol)


def book_deltas() -> SearchStrategy[BookDelta]:
    return of(BookDelta)


def order_updates() -> SearchStrategy[OrderUpdate]:
    return of(OrderUpdate)


def position_updates() -> SearchStrategy[PositionUpdate]:
    return of(PositionUpdate)


def portfolio_updates() -> SearchStrategy[PortfolioUpdate]:
    return of(PortfolioUpdate)


def levels() -> SearchStrategy[OrderBookLevel]:
    return of(OrderBookLevel)


def trades() -> SearchStrategy[Trade]:
    return of(Trade)


def of(struct: type[StructT], **fields: SearchStrategy[Any]) -> SearchStrategy[StructT]:
    """Any instance of one struct of the protocol; `fields` says what to draw for some of its fields."""
    return st.builds(struct, **(_fields(struct) | fields))


def symbols() -> SearchStrategy[str]:
    """Make symbols of any script, with spaces inside of some, up to the longest that is allowed.

    st.from_regex() makes them as well, but takes seconds to look at every character that there is; a filter with the
    pattern's own method would become that.
    """
    made = st.text(_PRINTABLE, min_size=1, max_size=LONGEST_SYMBOL).filter(_is_symbol)
    return made | st.sampled_from(["A", "BRK.A", "BTC/USDT:USDT", "a b", "\U0001f4b0" * LONGEST_SYMBOL])


def _is_symbol(text: str) -> bool:
    return _SYMBOL.search(text) is not None


def texts(min_size: int = 0, max_size: int = 30) -> SearchStrategy[str]:
    tricky = [text for text in _TRICKY_TEXTS if min_size <= len(text) <= max_size]
    return st.sampled_from(tricky) | st.text(min_size=min_size, max_size=max_size)


def timestamps() -> SearchStrategy[float]:
    """Milliseconds as hftlab sends them: of our era, and from the first microsecond to the last that is allowed."""
    era = st.integers(1_600_000_000_000_000, 1_900_000_000_000_000)
    ever = st.integers(1, int(LAST_MILLISECOND) * 1000)
    ends = st.sampled_from([1, 999, 1000, 1001, int(LAST_MILLISECOND) * 1000])
    return st.one_of(era, ever, ends).map(lambda microseconds: microseconds / 1000)


def any_timestamps() -> SearchStrategy[float]:
    """Every time that the wire allows, with whatever fraction."""
    return timestamps() | st.floats(0, LAST_MILLISECOND, exclude_min=True)


def nanoseconds() -> SearchStrategy[int]:
    """Times as hftlab keeps them."""
    return st.integers(0, _INT64 - 1) | st.integers(1_600_000_000, 1_900_000_000).map(lambda s: s * 10**9)


@functools.cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, SearchStrategy[Any]]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return {field.name: _of_type(field.type) for field in info.fields}


def _of_type(kind: inspect.Type) -> SearchStrategy[Any]:
    match kind:
        case inspect.UnionType():
            # None first: examples shrink towards it.
            return st.one_of([_of_type(part) for part in sorted(kind.types, key=_is_something)])
        case inspect.ListType():
            longest = 3 if kind.max_length is None else min(3, kind.max_length)
            return st.lists(_of_type(kind.item_type), min_size=kind.min_length or 0, max_size=longest)
        case inspect.DictType():
            return st.dictionaries(_of_type(kind.key_type), _of_type(kind.value_type), max_size=3)
        case inspect.StructType():
            return of(kind.cls)
        case inspect.EnumType():
            return st.sampled_from(list(kind.cls))
    return _SCALARS[type(kind)](kind)


def _is_something(kind: inspect.Type) -> bool:
    return not isinstance(kind, inspect.NoneType)


def _float(kind: inspect.FloatType) -> SearchStrategy[float]:
    if kind.le == LAST_MILLISECOND:
        return timestamps()
    low = kind.gt if kind.ge is None else kind.ge
    high = kind.lt if kind.le is None else kind.le
    low, high = -1e300 if low is None else float(low), 1e300 if high is None else float(high)
    tricky = {repr(value): value for one in _TRICKY_FLOATS for value in (one, -one)}
    inside = [value for value in tricky.values() if low <= value <= high and (value != kind.gt)]
    some = st.floats(low, high, exclude_min=kind.gt is not None, exclude_max=kind.lt is not None)
    return some | st.sampled_from(inside)


def _int(kind: inspect.IntType) -> SearchStrategy[int]:
    low = kind.ge if kind.gt is None else kind.gt + 1
    high = kind.le if kind.lt is None else kind.lt - 1
    return st.integers(-_INT64 if low is None else low, _INT64 - 1 if high is None else high)


def _str(kind: inspect.StrType) -> SearchStrategy[str]:
    if kind.pattern is None:
        return texts(kind.min_length or 0, min(30, kind.max_length or 30))
    if kind.pattern == SYMBOL:
        return symbols()
    return st.from_regex(kind.pattern)


def _json_value(_: inspect.Type) -> SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-_INT64, _INT64 - 1) | texts() | st.floats(-1e300, 1e300)
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts(), inner, max_size=2), max_leaves=4
    )


_SCALARS: dict[type[inspect.Type], Callable[[Any], SearchStrategy[Any]]] = {
    inspect.NoneType: lambda _: st.none(),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.FloatType: _float,
    inspect.IntType: _int,
    inspect.StrType: _str,
    inspect.AnyType: _json_value,
}
