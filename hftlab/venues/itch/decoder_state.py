"""State of the decoding loop from call to call, and the columns that it writes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import i64, in_place
from hftlab.kernels.integer_map import IntegerMap

__all__ = [
    "EMPTY",
    "EXCESS",
    "INSTRUMENTS",
    "MALFORMED",
    "MESSAGES",
    "REPEATED",
    "TALLIES",
    "UNKNOWN_LOCATE",
    "UNWANTED_LOCATE",
    "DecoderState",
    "Rows",
    "register",
]

IntArray = npt.NDArray[np.int64]

UNKNOWN_LOCATE, UNWANTED_LOCATE = -1, -2
MESSAGES, INSTRUMENTS, MALFORMED, REPEATED, EXCESS, EMPTY = range(6)
TALLIES: Final = 6
_SPACE, _TILDE, _BYTE = np.uint64(0x20), np.uint64(0x7E), np.uint64(0xFF)


class Rows(NamedTuple):
    """Columns of an EventBatch that the loop writes; ts_recv is missing, because it equals ts_event."""

    ts_event: IntArray
    sequence: IntArray
    instrument_id: npt.NDArray[np.int32]
    order_id: npt.NDArray[np.uint64]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]


class DecoderState(NamedTuple):
    """State that the kernel keeps from call to call."""

    orders: IntegerMap  # from an order's reference number to its word; see order_words
    locates: npt.NDArray[np.int32]  # (65536,): per stock locate its instrument's number, or one of the two above
    symbols: npt.NDArray[np.uint64]  # per instrument its eight bytes as a big-endian integer
    others: npt.NDArray[np.uint64]  # per stock locate the symbol that is not kept, in the same form; 0 for none
    wanted: npt.NDArray[np.uint64]  # the symbols to keep, in the same form; empty keeps all
    counts: IntArray  # (256,): messages by type
    unknown: IntArray  # (256,): messages by type about an order that is not there
    sideless: IntArray  # (256,): messages by type about an order whose side is not known
    tallies: IntArray


@in_place
def register(state: DecoderState, locate: Any, symbol: Any, renames: bool) -> Any:
    """Give a locate code to an instrument, and return the instrument's number.

    A stock that begins with a space or is not of printable ASCII is malformed, and the code stays as it was.
    """
    known = i64(state.locates[locate])
    if (known != UNKNOWN_LOCATE and not renames) or (known >= 0 and state.symbols[known] == symbol):
        return known
    if not _is_text(symbol):
        state.tallies[MALFORMED] += 1
        return UNWANTED_LOCATE if known == UNKNOWN_LOCATE else known
    number = _number_of(state, symbol)
    if not _is_wanted(state, symbol) or number == len(state.symbols):
        state.locates[locate] = UNWANTED_LOCATE
        state.others[locate] = symbol
        return UNWANTED_LOCATE
    state.symbols[number] = symbol
    state.locates[locate] = number
    state.tallies[INSTRUMENTS] = max(number + 1, state.tallies[INSTRUMENTS])
    return number


@in_place
def _number_of(state: DecoderState, symbol: Any) -> Any:
    """Return the number of a symbol's instrument, that of the next one if it has none: locate codes are a day's."""
    count = state.tallies[INSTRUMENTS]
    for number in range(count):
        if state.symbols[number] == symbol:
            return i64(number)
    return count


@in_place
def _is_text(symbol: Any) -> bool:
    """Tell whether eight bytes are printable ASCII, the first of them not a space."""
    for place in range(8):
        letter = (symbol >> np.uint64(8 * place)) & _BYTE
        if letter < _SPACE or letter > _TILDE:
            return False
    return bool(letter != _SPACE)  # the last one looked at is the first in the file


@in_place
def _is_wanted(state: DecoderState, symbol: Any) -> bool:
    for one in state.wanted:
        if one == symbol:
            return True
    return len(state.wanted) == 0
