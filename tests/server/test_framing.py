"""Frames for many connections, against the library's own."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from hftlab.server.framing import Framer


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000])
def test_a_plain_frame_is_the_librarys(length: int, *, binary: bool) -> None:
    payload = b"x" * length
    frame = Frame(Opcode.BINARY if binary else Opcode.TEXT, payload)
    assert Framer().frame(payload, None, binary=binary) == frame.serialize(mask=False)
