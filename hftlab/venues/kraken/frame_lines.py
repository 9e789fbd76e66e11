"""Lines of a capture of API v2: `<seconds>: <frame>`, or `<ns> <frame>` as a recording's raw frames are kept."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import bad_line, bad_message, read_lines
from hftlab.venues.kraken.frames import BAD_FRAME, Answer, Frame, decode_frame
from hftlab.venues.kraken.messages import Kind
from hftlab.venues.stamps import BadStamp, to_nanoseconds

__all__ = ["FrameLine", "bad_frame", "is_second_version", "split_frame_line"]

_FORM: Final = "<seconds>: <JSON>"
_RECEIVED: Final = re.compile(rb"([0-9]{1,20}(?:\.[0-9]{1,20})?)(?:: ?|[ \t]+)(?=[{\[])")
_SECOND: Final = re.compile(rb'[^{"]*\{ *"(?:channel|method|error)" *:')
_FIRST: Final = re.compile(rb'[^{"\[]*(?:\[|\{ *"event" *:)')
_CONNECTION: Final = re.compile(rb"wss?://\S+ <-> ")
_REQUEST: Final = re.compile(rb"wss?://\S+ <- ")
_LOOKED_AT: Final = 1000


class FrameLine(NamedTuple):
    """Line of a capture: its kind, receive time in ns (0 if it has none), and its frame, None for other kinds."""

    kind: Kind
    ts_recv: int
    frame: Frame | Answer | None


def is_second_version(path: Path) -> bool:
    """Tell from its first frame whether a capture is of API v2; False for a file that is not a capture."""
    try:
        for _, line in islice(read_lines(path), _LOOKED_AT):
            if line and not _REQUEST.match(line) and not _CONNECTION.match(line):
                if _SECOND.match(line):
                    return True
                if _FIRST.match(line):
                    return False
    except CaptureError:
        pass  # the reader will say what is wrong
    return False


def split_frame_line(path: Path, number: int, line: bytes) -> FrameLine:
    """Split a line, and decode its frame. Receive times are told by their size. Raises CaptureError."""
    received = _RECEIVED.match(line)
    if received is None:
        if _CONNECTION.match(line):
            return FrameLine(Kind.CONNECTION, 0, None)
        if _REQUEST.match(line):
            return FrameLine(Kind.REQUEST, 0, None)
        raise bad_line(path, number, f"does not start with a receive time in seconds: a line is `{_FORM}`")
    try:
        ts_recv = to_nanoseconds(received[1])
    except BadStamp as bad:
        what = f"does not start with a receive time in seconds: a line is `{_FORM}` ({bad})"
        raise bad_line(path, number, what) from bad
    payload = line[received.end() :]
    if payload.startswith(b"[") or _FIRST.match(payload):
        what = "is of Kraken's WebSocket API v1 in a capture of API v2: keep them in two files"
        raise bad_line(path, number, what)
    try:
        return FrameLine(Kind.CHANNEL, ts_recv, decode_frame(payload))
    except BAD_FRAME as error:
        raise bad_frame(path, number, error) from error


def bad_frame(path: Path, number: int, error: Exception) -> CaptureError:
    """Make the error of a line whose frame cannot be read."""
    return bad_message(path, number, "Kraken", _FORM, error)
