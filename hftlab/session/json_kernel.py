"""Scanner of JSON in compiled code: whitespace, keys, texts and numbers of one object after the other.

It reads what is plain and says of the rest that it is not (NOT_PLAIN), so that something slower reads it: keys that are
not known, escapes and characters beyond ASCII in a text, integers beyond 2**53, numbers with more digits than a double
can tell apart. Every text to read ends with a byte that is zero, at which all loops stop, and eight more bytes follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import IntArray, i64, inlined, place_of
from hftlab.kernels.decimal_doubles import LEAST_EXPONENT, MOST_DIGITS, MOST_EXPONENT, to_double
from hftlab.kernels.intrinsics import first_bit, load_byte, load_word

__all__ = [
    "NOT_PLAIN",
    "PADDING",
    "Keys",
    "Words",
    "begin",
    "double_at",
    "end_of_text",
    "find_key",
    "integer_at",
    "is_null",
    "key_table",
    "past_space",
    "value_after",
]

NOT_PLAIN: Final = -1
PADDING: Final = bytes(16)
"""Zeros to put behind the last text, so that whole words may be loaded at its end."""

Words = npt.NDArray[np.uint64]

_QUOTE: Final = ord('"')
_COLON: Final = ord(":")
_POINT: Final = ord(".")
_MINUS: Final = ord("-")
_PLUS: Final = ord("+")
_ZERO: Final = ord("0")
_SPACE: Final = ord(" ")
_TAB, _FEED, _RETURN = ord("\t"), ord("\n"), ord("\r")
_EXPONENT: Final = ord("e")
_TO_LOWER: Final = 0x20

_ONES: Final = np.uint64(0x0101010101010101)
_TOPS: Final = np.uint64(0x8080808080808080)
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES: Final = np.uint64(0x2020202020202020)
_BYTE: Final = np.uint64(3)
"""Shift from bits to bytes."""
_NULL: Final = np.uint64(int.from_bytes(b"null", "little"))
_FOUR_BYTES: Final = np.uint64(0xFFFFFFFF)

_EXACT: Final = 2**53
_LONGEST_KEY: Final = 16
_LONGEST_EXPONENT: Final = 9999


class Keys(NamedTuple):
    """Keys of one kind of object, each with its quotes as two words, the masks of their bytes, and their length."""

    low: Words
    high: Words
    low_mask: Words
    high_mask: Words
    length: IntArray


def key_table(names: Sequence[str]) -> Keys:
    """Lay out the keys of an object, best in the order in which they most often come."""
    quoted = [f'"{name}"'.encode() for name in names]
    assert max(map(len, quoted)) <= _LONGEST_KEY
    texts = np.frombuffer(b"".join(one.ljust(_LONGEST_KEY, b"\0") for one in quoted), "<u8").reshape(-1, 2)
    masks = np.frombuffer(b"".join((b"\xff" * len(one)).ljust(_LONGEST_KEY, b"\0") for one in quoted), "<u8")
    masks = masks.reshape(-1, 2)
    low, high, low_mask, high_mask = (half[:, at].astype(np.uint64) for half in (texts, masks) for at in (0, 1))
    return Keys(low, high, low_mask, high_mask, np.array(list(map(len, quoted)), np.int64))


@inlined
def past_space(data: npt.NDArray[np.uint8], at: int) -> int:
    """Return where whitespace ends that may begin here."""
    while load_byte(data, at) <= _SPACE:
        byte = load_byte(data, at)
        if byte not in (_SPACE, _FEED, _RETURN, _TAB):
            break
        at += 1
    return at


@inlined
def begin(data: npt.NDArray[np.uint8], at: int, bracket: int) -> int:
    """Return where the first item of an object or list is, NOT_PLAIN if it does not begin here."""
    if load_byte(data, at) != bracket:
        return NOT_PLAIN
    return past_space(data, at + 1)


@inlined
def find_key(data: npt.NDArray[np.uint8], at: int, keys: Keys, expected: int) -> int:
    """Return which of the keys is here, NOT_PLAIN if none is; the search begins with the expected one."""
    low, high = load_word(data, at), load_word(data, at + 8)
    count = len(keys.length)
    key = expected
    for _ in range(count):
        if key >= count:
            key = 0
        row = place_of(key)
        if low & keys.low_mask[row] == keys.low[row] and high & keys.high_mask[row] == keys.high[row]:
            return key
        key += 1
    return NOT_PLAIN


@inlined
def value_after(data: npt.NDArray[np.uint8], at: int) -> int:
    """Return where the value is whose key ends here, NOT_PLAIN if there is no colon."""
    at = past_space(data, at)
    if load_byte(data, at) != _COLON:
        return NOT_PLAIN
    return past_space(data, at + 1)


@inlined
def is_null(data: npt.NDArray[np.uint8], at: int) -> bool:
    """Tell whether the value here is null."""
    return bool(load_word(data, at) & _FOUR_BYTES == _NULL)


@inlined
def end_of_text(data: npt.NDArray[np.uint8], at: int) -> int:
    """Return where the quote is that ends the text which begins with the one here.

    NOT_PLAIN if there is no text here, or one with an escape, a control character or characters beyond ASCII.
    """
    if load_byte(data, at) != _QUOTE:
        return NOT_PLAIN
    at += 1
    while True:
        word = load_word(data, at)
        quotes, escapes = word ^ _QUOTES, word ^ _BACKSLASHES
        # The lowest bit that is set is right; those above may come of a borrow.
        found = (
            ((quotes - _ONES) & ~quotes) | ((escapes - _ONES) & ~escapes) | ((word - _SPACES) & ~word) | word
        ) & _TOPS
        if found:
            at += i64(first_bit(found) >> _BYTE)
            return at if load_byte(data, at) == _QUOTE else NOT_PLAIN
        at += 8


@inlined
def _digits(data: npt.NDArray[np.uint8], at: int, value: int) -> tuple[int, int]:
    """Read on in a number from the digits here; returns it and where they end."""
    while True:
        digit = load_byte(data, at) - _ZERO
        if digit < 0 or digit > 9:
            return value, at
        value = value * 10 + digit
        at += 1


@inlined
def integer_at(data: npt.NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Read an integer from 0 to 2**53 here; returns it and where it ends, or NOT_PLAIN."""
    first, value = at, 0
    value, at = _digits(data, at, value)
    digits = at - first
    if digits == 0 or digits > MOST_DIGITS or value > _EXACT or (digits > 1 and load_byte(data, first) == _ZERO):
        return 0, NOT_PLAIN
    byte = load_byte(data, at)
    if byte == _POINT or byte | _TO_LOWER == _EXPONENT:
        return 0, NOT_PLAIN
    return value, at


@inlined
def double_at(data: npt.NDArray[np.uint8], at: int) -> tuple[float, int]:
    """Read a number here as the nearest double; returns it and where it ends, or NOT_PLAIN."""
    is_negative = load_byte(data, at) == _MINUS
    if is_negative:
        at += 1
    first, mantissa, exponent = at, 0, 0
    mantissa, at = _digits(data, at, mantissa)
    digits = at - first
    if digits == 0 or (digits > 1 and load_byte(data, first) == _ZERO):
        return 0.0, NOT_PLAIN
    is_integer = True
    if load_byte(data, at) == _POINT:
        is_integer = False
        at += 1
        start = at
        mantissa, at = _digits(data, at, mantissa)
        if at == start:
            return 0.0, NOT_PLAIN
        exponent = start - at
        digits += at - start
    if digits > MOST_DIGITS:
        # Zeros in front do not count.
        while load_byte(data, first) == _ZERO or load_byte(data, first) == _POINT:
            digits -= load_byte(data, first) == _ZERO
            first += 1
        if digits > MOST_DIGITS:
            return 0.0, NOT_PLAIN
    if load_byte(data, at) | _TO_LOWER == _EXPONENT:
        at += 1
        sign = load_byte(data, at)
        if sign in (_MINUS, _PLUS):
            at += 1
        start, power = at, 0
        while True:
            digit = load_byte(data, at) - _ZERO
            if digit < 0 or digit > 9:
                break
            power = min(power * 10 + digit, _LONGEST_EXPONENT)
            at += 1
        # Whether a zero with an exponent keeps its sign is for the slower way to say.
        if at == start or mantissa == 0:
            return 0.0, NOT_PLAIN
        exponent += -power if sign == _MINUS else power
        is_integer = False
    if mantissa != 0 and (exponent < LEAST_EXPONENT or exponent > MOST_EXPONENT):
        return 0.0, NOT_PLAIN
    value = 0.0
    if mantissa != 0:
        value = to_double(mantissa, exponent)
    # -0 is an integer, which has no sign; -0.0 has one.
    if is_negative and not (is_integer and mantissa == 0):
        value = -value
    return value, at
