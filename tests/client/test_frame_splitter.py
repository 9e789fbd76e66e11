"""Frames told apart by their headers, against the library that serialises them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from hftlab.client.frame_splitter import WHOLE, FrameSplitter

LENGTHS = st.sampled_from([0, 1, 125, 126, 127, 300, 65_535, 65_536])


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    opcode = draw(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING]))
    if opcode is Opcode.PING:
        return Frame(opcode, b"p" * draw(st.integers(0, 125)))
    return Frame(opcode, b"x" * draw(LENGTHS), fin=draw(st.booleans()), rsv1=draw(st.booleans()))


def serialised(frame: Frame, *, mask: bool = False) -> bytes:
    """The bytes of a frame; the library itself sets RSV1, which marks a compressed one, in its extensions only."""
    data = bytearray(Frame(frame.opcode, frame.data, frame.fin).serialize(mask=mask))
    data[0] |= 0x40 * frame.rsv1
    return bytes(data)


def pieces(stream: bytes, cuts: list[int]) -> list[tuple[bytes, bytes | None]]:
    """Each piece that the splitter finds, and the payload of those that need no decoding."""
    splitter = FrameSplitter()
    found: list[tuple[bytes, bytes | None]] = []
    for first, last in pairwise([0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]):
        data, at = stream[first:last], 0
        while at < len(data):
            start, end = splitter.split(data, at)
            assert at < end <= len(data)
            found.append((data[at:end], data[start:end] if start > at else None))
            at = end
    return found


@given(st.lists(frames(), min_size=1, max_size=6), st.booleans(), st.lists(st.integers(0, 70_000), max_size=20))
@example([Frame(Opcode.TEXT, b"x" * 70_000)], False, list(range(14)))
def test_no_byte_is_lost_and_no_piece_reaches_into_the_next_frame(
    sent: list[Frame], mask: bool, cuts: list[int]
) -> None:
    whole = [serialised(frame, mask=mask) for frame in sent]
    stream = b"".join(whole)
    ends, at = set(), 0
    for one in whole:
        at += len(one)
        ends.add(at)
    found = pieces(stream, cuts)
    assert b"".join(piece for piece, _ in found) == stream
    at = 0
    for piece, _ in found:
        assert not any(at < end < at + len(piece) for end in ends)
        at += len(piece)


@given(st.lists(frames(), min_size=1, max_size=6))
def test_what_needs_no_decoding_is_found_if_it_comes_in_one_piece(sent: list[Frame]) -> None:
    found = pieces(b"".join(map(serialised, sent)), [])
    plain = [frame.fin and not frame.rsv1 and frame.opcode in WHOLE.values() for frame in sent]
    assert [payload for _, payload in found] == [
        bytes(frame.data) if is_plain else None for frame, is_plain in zip(sent, plain, strict=True)
    ]


def test_a_masked_message_is_left_to_the_library_which_refuses_it() -> None:
    assert pieces(serialised(Frame(Opcode.TEXT, b"x"), mask=True), [])[0][1] is None
