"""Compiled loop over a stream of SoupBinTCP packets.

Source: Nasdaq, "SoupBinTCP" V 3.00, section 2 (packet types): a length in two bytes, a type, and what it carries.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_copy import copy_bytes
from hftlab.kernels.byte_order import load_u16, store_u16
from hftlab.kernels.compiling import i64, in_place

__all__ = ["BROKEN", "INPUT", "LOGIN", "pass_over", "take_messages"]

Bytes = npt.NDArray[np.uint8]

INPUT, LOGIN, BROKEN = range(3)
"""Reasons why the loop returned: the rest is part of a packet, a login was accepted, the next packet has no type."""

_SEQUENCED, _ACCEPTED = b"SA"
_TYPES: Final = tuple(b"+AJSHZLURO")


@in_place
def take_messages(data: Bytes, at: int, end: int, out: Bytes, to: int) -> tuple[int, int, int, int]:
    """Copy the sequenced messages of data[at:end] to `out`, from `to` on, each behind its length in two bytes.

    Returns (where the first packet not taken begins, where the messages end, how many they are, why). The packet of a
    login that was accepted, which gives the next message's number, is left to the caller where it is the first one.
    """
    first, count = at, 0
    while at + 3 <= end:
        size, kind = i64(load_u16(data, at)), data[at + 2]
        if size == 0 or kind not in _TYPES:
            return at, to, count, BROKEN
        if at + 2 + size > end:
            break
        if kind == _ACCEPTED and at != first:
            return at, to, count, LOGIN
        if kind == _SEQUENCED and size > 1:
            store_u16(out, to, np.uint64(size - 1))
            copy_bytes(data, at + 3, size - 1, out, to + 2)
            to += 1 + size
            count += 1
        at += 2 + size
    return at, to, count, INPUT


@in_place
def pass_over(data: Bytes, messages: int) -> int:
    """Return where the message behind so many others begins, each of which has its length before it."""
    at: int = i64(0)
    for _ in range(messages):
        at += 2 + i64(load_u16(data, at))
    return at
