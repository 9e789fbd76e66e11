"""WebSocket frames for many connections, compressed and serialised once (RFC 6455 section 5.2, RFC 7692)."""

from __future__ import annotations

from typing import Final

from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

__all__ = ["COMPRESSION_THRESHOLD", "EXTENSIONS", "Framer", "window_bits"]

COMPRESSION_THRESHOLD: Final = 1024
"""Bytes; smaller payloads are not compressed, as in the reference document."""

_FIN: Final = 0x80
_TEXT, _BINARY = _FIN | int(Opcode.TEXT), _FIN | int(Opcode.BINARY)
"""The first byte of a whole message."""
_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""Values of the length byte that announce a length of two or eight bytes behind it."""
_SETTINGS: Final = {"level": 6, "memLevel": 8}

# Without context takeover a compressed frame does not depend on the frames that one connection has seen before, so that
# all connections can be sent the same bytes.
EXTENSIONS: Final = (ServerPerMessageDeflateFactory(server_no_context_takeover=True, compress_settings=_SETTINGS),)


def window_bits(extensions: list[object]) -> int | None:
    """Return the window size that a connection has negotiated for our frames; None if they are not compressed."""
    for extension in extensions:
        if isinstance(extension, PerMessageDeflate):
            return extension.local_max_window_bits
    return None


class Framer:
    """Builds frames; a payload has one compressed form for each window size."""

    def __init__(self) -> None:
        self._deflate: dict[int, PerMessageDeflate] = {}

    def frame(self, payload: bytes, bits: int | None, *, binary: bool) -> bytes:
        """Return a whole message as one frame, compressed for a window of `bits` if there is one."""
        if bits is None or len(payload) < COMPRESSION_THRESHOLD:
            return _header(_BINARY if binary else _TEXT, len(payload)) + payload
        deflate = self._deflate.get(bits)
        if deflate is None:
            deflate = self._deflate[bits] = PerMessageDeflate(True, True, 15, bits, dict(_SETTINGS))
        return Frame(Opcode.BINARY if binary else Opcode.TEXT, payload).serialize(mask=False, extensions=[deflate])


def _header(first: int, length: int) -> bytes:
    """The header of a whole message, unmasked and plain. The library needs 40 µs for it when its code is cold."""
    if length < _TWO_BYTES:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, _TWO_BYTES, length >> 8, length & 255))
    return bytes((first, _EIGHT_BYTES)) + length.to_bytes(8, "big")
