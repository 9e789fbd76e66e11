"""Reads MARKET_DATA messages from JSON into arrays in compiled code, without the interpreter's lock.

What is not plain is left to others: a message with a field that is not known or that occurs twice, or with a value that
json_kernel does not read, is marked and leaves nothing in the arrays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import IntArray, in_place, inlined, place_of
from hftlab.protocol import MarketData, MarketDataSymbol, OrderBookLevel
from hftlab.protocol import Trade as TradeMessage
from hftlab.session.json_kernel import (
    NOT_PLAIN,
    Keys,
    begin,
    double_at,
    end_of_text,
    find_key,
    integer_at,
    is_null,
    key_table,
    past_space,
    value_after,
)
from hftlab.session.schema import snake_names

__all__ = ["NUMBERS", "Arrays", "make_arrays", "read_messages"]

Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

NUMBERS: Final = (
    *("price", "bid", "ask", "bidSize", "askSize", "volume", "change", "changePercent"),
    *("high", "low", "open", "previousClose", "timestamp"),
)
"""Fields of a symbol that are numbers, by the names of the wire, in the order of the rows of Arrays.numbers."""

_HEADER_NAMES: Final = ("timestamp", "tsRecv", "channel", "sequence", "id", "symbols", "snapshot", "type")
_SYMBOL_NAMES: Final = ("symbol", "exchange", *NUMBERS, "bids", "asks", "trades", "lastTrade")
_LEVEL_NAMES: Final = ("price", "size", "orders")
_TRADE_NAMES: Final = ("price", "size", "timestamp", "side")
for _names, _struct, _more in (
    (_HEADER_NAMES, MarketData, {"type"}),
    (_SYMBOL_NAMES, MarketDataSymbol, set()),
    (_LEVEL_NAMES, OrderBookLevel, set()),
    (_TRADE_NAMES, TradeMessage, set()),
):
    assert set(_names) == {*snake_names(_struct)} | _more, f"fields of {_struct.__name__} have changed"

_HEADER, _SYMBOL = key_table(_HEADER_NAMES), key_table(_SYMBOL_NAMES)
_LEVEL, _TRADE = key_table(_LEVEL_NAMES), key_table(_TRADE_NAMES)

# Positions in the tuples above.
_TIMESTAMP, _TS_RECV, _CHANNEL, _SEQUENCE, _ID, _SYMBOLS, _SNAPSHOT, _TYPE = range(len(_HEADER_NAMES))
_FIRST_NUMBER: Final = 2
_BIDS, _ASKS, _TRADES, _LAST_TRADE = range(_FIRST_NUMBER + len(NUMBERS), len(_SYMBOL_NAMES))
_ORDERS, _SIDE = _LEVEL_NAMES.index("orders"), _TRADE_NAMES.index("side")

_HEADER_NEEDED: Final = 1 << _TYPE | 1 << _TIMESTAMP | 1 << _SYMBOLS
_SYMBOL_NEEDED: Final = (1 << _BIDS) - 1
_LEVEL_NEEDED: Final = (1 << len(_LEVEL_NAMES)) - 1
_TRADE_NEEDED: Final = (1 << len(_TRADE_NAMES)) - 1

_OBJECT, _OBJECT_END, _LIST, _LIST_END, _COMMA = (ord(character) for character in "{}[],")

_OWN_TYPE: Final = np.frombuffer(b'"MARKET_DATA"', np.uint8)
_TRUE, _FALSE = np.frombuffer(b"true", np.uint8), np.frombuffer(b"false", np.uint8)
_IS_BUY: Final = np.frombuffer(b'"BUY"', np.uint8)
_IS_SELL: Final = np.frombuffer(b'"SELL"', np.uint8)

_SHORTEST_SYMBOL: Final = len('{"symbol":"A","exchange":""' + "".join(f',"{name}":1' for name in NUMBERS) + "}")
_SHORTEST_LEVEL: Final = len('{"price":1,"size":1,"orders":1}')
_SHORTEST_TRADE: Final = len('{"price":1,"size":1,"timestamp":1,"side":"BUY"}')


class Arrays(NamedTuple):
    """Messages that were read, a column of a message or of a symbol in each row of an array.

    `is_plain` has a place for each message that was to be read. The other arrays hold the plain ones without gaps.
    """

    is_plain: Flags
    header_numbers: Doubles
    """Time and capture time of a message."""
    header_integers: IntArray
    """Channel and sequence of a message, and how many symbols it has."""
    header_flags: Flags
    """Presence of a message's capture time, channel, sequence and id, and True for a snapshot."""
    characters: Bytes
    """The messages' ids, the symbols and the exchanges, each one behind the other."""
    text_ends: IntArray
    """Ends of each of these: text number n is from text_ends[n] to text_ends[n + 1]."""
    numbers: Doubles
    """NUMBERS of a symbol."""
    list_flags: Flags
    """Presence of a symbol's bids, asks, trades and last trade."""
    list_ends: IntArray
    """Ends of the bids, asks and trades: those of symbol n are from list_ends[n] to list_ends[n + 1]."""
    levels: Doubles
    """Prices and sizes of the bids, then of the asks, of all symbols one behind the other."""
    orders: IntArray
    """Orders of the bids, then of the asks."""
    trades: Doubles
    """Prices, sizes and times of the trades of all symbols one behind the other."""
    trade_flags: Flags
    """True where the aggressor sold, in a row of its own as `_read_trade` wants it."""
    last_trades: Doubles
    """Price, size and time of a symbol's last trade."""
    last_flags: Flags
    """True where its aggressor sold."""


def make_arrays(messages: int, size: int) -> Arrays:
    """Make room for whatever so many messages with so many bytes together can hold."""
    # Memory that nothing is written to costs nothing.
    rows, levels, trades = (size // shortest + 1 for shortest in (_SHORTEST_SYMBOL, _SHORTEST_LEVEL, _SHORTEST_TRADE))
    return Arrays(
        is_plain=np.zeros(messages, np.bool_),
        header_numbers=np.empty((2, messages)),
        header_integers=np.empty((3, messages), np.int64),
        header_flags=np.empty((5, messages), np.bool_),
        characters=np.empty((3, size), np.uint8),
        text_ends=np.zeros((3, max(messages, rows) + 1), np.int64),
        numbers=np.empty((len(NUMBERS), rows)),
        list_flags=np.empty((4, rows), np.bool_),
        list_ends=np.zeros((3, rows + 1), np.int64),
        levels=np.empty((4, levels)),
        orders=np.empty((2, levels), np.int64),
        trades=np.empty((3, trades)),
        trade_flags=np.empty(trades, np.bool_),
        last_trades=np.empty((3, rows)),
        last_flags=np.empty(rows, np.bool_),
    )


@in_place
def read_messages(data: Bytes, starts: IntArray, arrays: Arrays) -> tuple[int, int]:
    """Read messages, each of which begins at its start and ends one byte, which is zero, before the next one's.

    Returns how many of them are plain, and how many symbols those have.
    """
    messages = rows = 0
    for number in range(len(starts) - 1):
        start, end = starts[place_of(number)], starts[place_of(number + 1)] - 1
        more = _read_message(data, start, end, arrays, messages, rows)
        arrays.is_plain[place_of(number)] = more > 0
        if more > 0:
            arrays.header_integers[2, place_of(messages)] = more
            messages += 1
            rows += more
    return messages, rows


@in_place
def _read_message(data: Bytes, at: int, end: int, arrays: Arrays, message: int, row: int) -> int:
    """Read one message; returns how many symbols it has, NOT_PLAIN if it is not plain."""
    place = place_of(message)
    numbers, integers, flags = arrays.header_numbers, arrays.header_integers, arrays.header_flags
    count, seen, key = NOT_PLAIN, 0, NOT_PLAIN
    numbers[1, place], integers[0, place], integers[1, place] = 0.0, 0, 0
    for flag in range(5):
        flags[place_of(flag), place] = False
    arrays.text_ends[0, place_of(message + 1)] = arrays.text_ends[0, place]
    at = begin(data, past_space(data, at), _OBJECT)
    while at >= 0:
        key, seen, at = _next_field(data, at, _HEADER, key, seen)
        if at < 0:
            return NOT_PLAIN
        if key == _SYMBOLS:
            count, at = _read_symbols(data, at, arrays, row)
        elif key == _TYPE:
            at = _past(data, at, _OWN_TYPE)
        elif key == _SNAPSHOT:
            after = _past(data, at, _TRUE)
            flags[4, place] = after >= 0
            at = after if after >= 0 else _past(data, at, _FALSE)
        elif key > _TIMESTAMP and is_null(data, at):
            at += 4
        elif key <= _TS_RECV:
            numbers[place_of(key), place], at = double_at(data, at)
            flags[0, place] |= key == _TS_RECV
        elif key <= _SEQUENCE:
            integers[place_of(key - _CHANNEL), place], at = integer_at(data, at)
            flags[place_of(1 + key - _CHANNEL), place] = True
        else:
            flags[3, place] = True
            at = _read_text(data, at, arrays.characters, arrays.text_ends, 0, message)
        at, goes_on = _past_item(data, at, _OBJECT_END)
        if not goes_on:
            is_whole = at >= 0 and seen & _HEADER_NEEDED == _HEADER_NEEDED and past_space(data, at) == end
            return count if is_whole else NOT_PLAIN
    return NOT_PLAIN


@in_place
def _read_symbols(data: Bytes, at: int, arrays: Arrays, row: int) -> tuple[int, int]:
    """Read a list of symbols; returns how many there are, at least one, and where it ends, or NOT_PLAIN."""
    first = row
    at = begin(data, at, _LIST)
    while at >= 0:
        at, goes_on = _past_item(data, _read_symbol(data, at, arrays, row), _LIST_END)
        row += 1
        if not goes_on:
            break
    return row - first, at


@in_place
def _read_symbol(data: Bytes, at: int, arrays: Arrays, row: int) -> int:
    """Read a symbol; returns where it ends, or NOT_PLAIN."""
    place, following = place_of(row), place_of(row + 1)
    flags, ends = arrays.list_flags, arrays.list_ends
    for kind in range(3):
        flags[place_of(kind), place] = False
        ends[place_of(kind), following] = ends[place_of(kind), place]
    flags[3, place] = arrays.last_flags[place] = False
    for number in range(3):
        arrays.last_trades[place_of(number), place] = 0.0
    seen, key = 0, NOT_PLAIN
    at = begin(data, at, _OBJECT)
    while at >= 0:
        key, seen, at = _next_field(data, at, _SYMBOL, key, seen)
        if at < 0:
            return NOT_PLAIN
        if key < _FIRST_NUMBER:
            at = _read_text(data, at, arrays.characters, arrays.text_ends, 1 + key, row)
        elif key < _BIDS:
            arrays.numbers[place_of(key - _FIRST_NUMBER), place], at = double_at(data, at)
        elif is_null(data, at):
            at += 4
        else:
            flags[place_of(key - _BIDS), place] = True
            if key < _TRADES:
                at = _read_levels(data, at, arrays.levels, arrays.orders, ends, key - _BIDS, row)
            elif key == _TRADES:
                at = _read_trades(data, at, arrays.trades, arrays.trade_flags, ends, row)
            else:
                at = _read_trade(data, at, arrays.last_trades, arrays.last_flags, row)
        at, goes_on = _past_item(data, at, _OBJECT_END)
        if not goes_on:
            return at if seen & _SYMBOL_NEEDED == _SYMBOL_NEEDED else NOT_PLAIN
    return NOT_PLAIN


@in_place
def _read_levels(data: Bytes, at: int, levels: Doubles, orders: IntArray, ends: IntArray, side: int, row: int) -> int:
    """Read a list of levels, which may be empty; returns where it ends, or NOT_PLAIN."""
    count = ends[place_of(side), place_of(row)]
    at = begin(data, at, _LIST)
    if at >= 0 and data[place_of(at)] == _LIST_END:
        return at + 1
    while at >= 0:
        at, goes_on = _past_item(data, _read_level(data, at, levels, orders, side, count), _LIST_END)
        count += 1
        if not goes_on:
            break
    ends[place_of(side), place_of(row + 1)] = count
    return at


@inlined
def _read_level(data: Bytes, at: int, levels: Doubles, orders: IntArray, side: int, count: int) -> int:
    seen, key, place = 0, NOT_PLAIN, place_of(count)
    at = begin(data, at, _OBJECT)
    while at >= 0:
        key, seen, at = _next_field(data, at, _LEVEL, key, seen)
        if at < 0:
            return NOT_PLAIN
        if key == _ORDERS:
            orders[place_of(side), place], at = integer_at(data, at)
        else:
            levels[place_of(2 * side + key), place], at = double_at(data, at)
        at, goes_on = _past_item(data, at, _OBJECT_END)
        if not goes_on:
            return at if seen == _LEVEL_NEEDED else NOT_PLAIN
    return NOT_PLAIN


@in_place
def _read_trades(data: Bytes, at: int, trades: Doubles, flags: Flags, ends: IntArray, row: int) -> int:
    """Read a list of trades, which may be empty; returns where it ends, or NOT_PLAIN."""
    count = ends[2, place_of(row)]
    at = begin(data, at, _LIST)
    if at >= 0 and data[place_of(at)] == _LIST_END:
        return at + 1
    while at >= 0:
        at, goes_on = _past_item(data, _read_trade(data, at, trades, flags, count), _LIST_END)
        count += 1
        if not goes_on:
            break
    ends[2, place_of(row + 1)] = count
    return at


@in_place
def _read_trade(data: Bytes, at: int, trades: Doubles, flags: Flags, count: int) -> int:
    """Read a trade; returns where it ends, or NOT_PLAIN."""
    seen, key, place = 0, NOT_PLAIN, place_of(count)
    at = begin(data, at, _OBJECT)
    while at >= 0:
        key, seen, at = _next_field(data, at, _TRADE, key, seen)
        if at < 0:
            return NOT_PLAIN
        if key == _SIDE:
            after = _past(data, at, _IS_SELL)
            flags[place] = after >= 0
            at = after if after >= 0 else _past(data, at, _IS_BUY)
        else:
            trades[place_of(key), place], at = double_at(data, at)
        at, goes_on = _past_item(data, at, _OBJECT_END)
        if not goes_on:
            return at if seen == _TRADE_NEEDED else NOT_PLAIN
    return NOT_PLAIN


@in_place
def _read_text(data: Bytes, at: int, characters: Bytes, ends: IntArray, kind: int, count: int) -> int:
    """Read a text and put it behind `count` others of its kind; returns where it ends, or NOT_PLAIN."""
    stop = end_of_text(data, at)
    if stop < 0:
        return NOT_PLAIN
    to = ends[place_of(kind), place_of(count)]
    for place in range(at + 1, stop):
        characters[place_of(kind), place_of(to)] = data[place_of(place)]
        to += 1
    ends[place_of(kind), place_of(count + 1)] = to
    return stop + 1


@inlined
def _next_field(data: Bytes, at: int, keys: Keys, key: int, seen: int) -> tuple[int, int, int]:
    """Read the key of a field after that of the one before; returns it, the fields seen so far, and where its value is.

    NOT_PLAIN in place of that if the key is not known or has been seen already.
    """
    key = find_key(data, at, keys, key + 1)
    if key < 0 or seen >> key & 1:
        return key, seen, NOT_PLAIN
    return key, seen | 1 << key, value_after(data, at + keys.length[place_of(key)])


@inlined
def _past_item(data: Bytes, at: int, closing: int) -> tuple[int, bool]:
    """Go past what follows an item: returns where the next one is and True, or where the closing bracket ends.

    NOT_PLAIN if neither a comma nor the bracket follows, or if the item was not plain.
    """
    if at < 0:
        return NOT_PLAIN, False
    at = past_space(data, at)
    if data[place_of(at)] == _COMMA:
        return past_space(data, at + 1), True
    return (at + 1 if data[place_of(at)] == closing else NOT_PLAIN), False


@inlined
def _past(data: Bytes, at: int, text: npt.NDArray[np.uint8]) -> int:
    """Return where a text ends that is here, NOT_PLAIN if it is not."""
    for place in range(len(text)):
        if data[place_of(at + place)] != text[place_of(place)]:
            return NOT_PLAIN
    return at + len(text)
