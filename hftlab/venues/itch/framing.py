"""Framing of an ITCH file: whether its frames are messages of version 5.0, and where they stop being so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.kernels.byte_order import load_u16
from hftlab.kernels.compiling import i64, in_place
from hftlab.venues.itch.blocks import Blocks
from hftlab.venues.itch.message_layouts import SIZES
from hftlab.venues.recognition import looks_like

__all__ = ["count_frames", "find_break", "framed_blocks"]

Bytes = npt.NDArray[np.uint8]

_LONGEST: Final = 255
"""Longest frame, in bytes, that is taken for a message of an unknown type; the longest message of 5.0 has 50."""
_AHEAD: Final = 8  # frames
_NEAR: Final = (_AHEAD + 1) * (2 + _LONGEST)
_KEPT, _LOST, _OPEN = range(3)


def framed_blocks(blocks: Blocks) -> Iterator[tuple[Bytes, int]]:
    """Yield the blocks of a file as far as they are framed as messages; the caller sets `blocks.used`.

    Raises CaptureError before the first block for a file most of whose frames are not messages of ITCH 5.0, and where
    the framing is lost. The message before that place is left out: bytes that are missing or too many may be in it.
    """
    position, is_first = 0, True
    for data, end in blocks:
        if is_first:
            _refuse_other_formats(blocks.path, data, end)
            is_first = False
        sound, is_lost = find_break(data, end, blocks.is_last)
        yield data, sound
        if is_lost:
            raise CaptureError(
                f"{blocks.path}: the bytes from {position + sound:,} on are not framed as messages of TotalView-ITCH "
                f"5.0: bytes are missing there or do not belong to it, so fetch the file again",
                path=blocks.path,
            )
        position += blocks.used


def _refuse_other_formats(path: Path, data: Bytes, end: int) -> None:
    messages, others = count_frames(data, end)
    if messages and messages >= others:
        return
    found = f"{others:,} of {messages + others:,} frames are not" if messages else "it has none"
    raise CaptureError(
        f"{path} is not a file of TotalView-ITCH 5.0 messages, each after its length in two bytes ({found}); "
        f"{looks_like(path, 'itch')}",
        path=path,
    )


@in_place
def count_frames(data: Bytes, end: int) -> tuple[int, int]:
    """Count the frames of data[:end] that are messages by type and exact length, and the others.

    Empty frames, which pad a file, count for neither; a frame too long to be a message is the last one counted.
    """
    at = messages = others = 0
    while at + 2 <= end:
        size = i64(load_u16(data, at))
        if size > _LONGEST:
            return messages, others + 1
        if at + 2 + size > end:
            break
        if size > 0:
            is_message = size == SIZES[data[at + 2]]
            messages += is_message
            others += not is_message
        at += 2 + size
    return messages, others


@in_place
def find_break(data: Bytes, end: int, is_last: bool) -> tuple[int, bool]:
    """Return how far data[:end] is framed as messages, and whether the framing is lost there.

    Frames of unknown types and other lengths belong to it as long as messages follow. Unless the block is the last
    one, its last message is left for the next block, whose beginning may show that it is damaged.
    """
    at = last = 0
    while at + 2 <= end:
        size = i64(load_u16(data, at))
        if size > _LONGEST:
            return _held(at, last), True
        if at + 2 + size > end:
            break
        if size > 0 and size == SIZES[data[at + 2]]:
            last = at
        else:
            verdict = _look_ahead(data, at, end)
            if verdict != _KEPT:
                is_lost = verdict == _LOST or is_last
                return _held(at, last), is_lost
        at += 2 + size
    return (end, False) if is_last else (_held(at, last), False)


@in_place
def _held(at: Any, last: Any) -> Any:
    """Return where the last message begins, if it is near."""
    return last if at - last <= _NEAR else at


@in_place
def _look_ahead(data: Bytes, at: Any, end: int) -> int:
    """Tell from the next frames whether one that is not a message still leads to the next message."""
    is_strange = False
    for _ in range(_AHEAD):
        if at + 2 > end:
            return _OPEN if is_strange else _KEPT
        size = i64(load_u16(data, at))
        if size > _LONGEST:
            return _LOST
        if at + 2 + size > end:
            return _OPEN if is_strange else _KEPT
        if size > 0:
            letter = data[at + 2]
            if size == SIZES[letter]:
                return _KEPT
            is_strange |= not (65 <= letter <= 90 or 97 <= letter <= 122)
        at += 2 + size
    return _LOST if is_strange else _KEPT
