"""Frames of a server told apart by their headers (RFC 6455 section 5.2), without decoding them."""

from __future__ import annotations

from typing import Final

from websockets.frames import Opcode

__all__ = ["WHOLE", "FrameSplitter"]

WHOLE: Final = {0x80 | opcode.value: opcode for opcode in (Opcode.TEXT, Opcode.BINARY)}
"""The messages that need no decoding, by the first byte of their frame: unfragmented and uncompressed."""

_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""Values of the length byte that announce a length of two or eight bytes behind it."""
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4


class FrameSplitter:
    """Position in a stream of frames, which come in pieces of any length.

    `split()` says how far the next frame goes. It never keeps payload, so that whoever decodes what is not a whole
    message gets every byte of it at once, and can refuse a frame that is too big by its header.
    """

    def __init__(self) -> None:
        self._left = 0
        """Bytes that are still to come of a frame whose header is known."""
        self._header = b""
        """The beginning of a header that is not complete."""

    def split(self, data: bytes, at: int) -> tuple[int, int]:
        """Return the start and the end of what comes next in `data`, from `at` on, which is before its end.

        A start after `at` is that of the payload of a message which is all there and needs no decoding; `WHOLE` has
        its kind. A start at `at` is that of anything else: a part of one frame at most.
        """
        if self._left or self._header:
            return at, self._rest(data, at)
        place = _payload(data, at)
        if place is None:
            self._header = data[at:]
            return at, len(data)
        start, end = place
        if end > len(data):
            self._left = end - len(data)
            return at, len(data)
        return (start if data[at] in WHOLE and data[at + 1] < _MASKED else at), end

    def _rest(self, data: bytes, at: int) -> int:
        """Return where the frame that has begun before `data` ends in it."""
        if self._header:
            begun = len(self._header)
            self._header += data[at : at + 14]  # no header is longer
            place = _payload(self._header, 0)
            if place is None:
                return len(data)
            self._left, self._header = place[1] - begun, b""
        end = min(at + self._left, len(data))
        self._left -= end - at
        return end


def _payload(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at `at` begins and ends; None if the header is not complete."""
    if len(data) < at + 2:
        return None
    length, start = data[at + 1], at + 2
    mask = 0
    if length >= _MASKED:  # which a server must not do
        length, mask = length - _MASKED, _MASK_BYTES
    if length >= _TWO_BYTES:
        start += 2 if length == _TWO_BYTES else 8
        if len(data) < start:
            return None
        length = int.from_bytes(data[at + 2 : start])
    return start + mask, start + mask + length
