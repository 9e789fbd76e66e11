"""PNG images with a palette: small, and written with the standard library alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["indexed_png"]

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
INDEXED: Final = 3
"""The colour type (PNG specification, section 11.2.1)."""
MOST_COLOURS: Final = 256


def indexed_png(pixels: npt.NDArray[np.uint8], colours: Sequence[str], transparent: Sequence[int] = ()) -> bytes:
    """Return a PNG of `pixels`, rows of indices into `colours` ("#rrggbb"), of which some are `transparent`."""
    if not 0 < len(colours) <= MOST_COLOURS:
        raise ValueError(f"an indexed PNG has 1 to {MOST_COLOURS} colours, got {len(colours)}")
    height, width = pixels.shape
    palette = b"".join(bytes.fromhex(colour.removeprefix("#")) for colour in colours)
    opacity = bytes(0 if index in set(transparent) else 255 for index in range(len(colours)))
    # Each row begins with the number of its filter: 0, none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.astype(np.uint8)], axis=1)
    return b"".join(
        [
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, INDEXED, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"tRNS", opacity),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
