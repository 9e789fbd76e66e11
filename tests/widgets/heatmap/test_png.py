from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from hftlab.widgets.heatmap.png import indexed_png


def chunks(png: bytes) -> dict[bytes, bytes]:
    """Read a PNG's chunks, whose checksums must be right."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        data = png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + data),)
        found[kind] = data
        at += 12 + length
    return found


def test_pixels_and_palette():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    found = chunks(indexed_png(pixels, ["#0a141e", "#28323c", "#46505a"], transparent=[0]))
    assert list(found) == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", found[b"IHDR"]) == (4, 3, 8, 3, 0, 0, 0)
    assert found[b"PLTE"] == bytes([10, 20, 30, 40, 50, 60, 70, 80, 90])
    assert found[b"tRNS"] == bytes([0, 255, 255])
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(3, 5)
    assert (rows[:, 0] == 0).all()
    assert (rows[:, 1:] == pixels).all()


@pytest.mark.parametrize("count", [0, 257])
def test_a_palette_has_up_to_256_colours(count):
    with pytest.raises(ValueError, match="1 to 256"):
        indexed_png(np.zeros((1, 1), np.uint8), ["#000000"] * count)
