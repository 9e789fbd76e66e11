"""Process that records until it is stopped, and says in a shared file how far it got.

Its arguments are those of main(), as in `python -m tests.session.durability.child FOLDER NOTES now 4000 60`.

Whoever lets its system calls fail does not meet those with which it tells of that.
"""

from __future__ import annotations

import mmap
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from hftlab.errors import SessionError
from hftlab.recorder import Recording
from tests.session.sessions import numbered

__all__ = ["CLOSED", "FAILED", "Notes", "make_notes", "read_notes"]

_NOTES: Final = struct.Struct("<QQQQ")
RUNNING, CLOSED, FAILED = range(3)


class Notes(NamedTuple):
    """How many messages are acknowledged, how it ended (0 not yet, 1 closed, 2 failed), its drops and its problems."""

    acknowledged: int
    ending: int
    dropped: int
    problems: int


def make_notes(path: Path) -> Path:
    """Make the file that the process writes its notes to."""
    path.write_bytes(bytes(_NOTES.size))
    return path


def read_notes(path: Path) -> Notes:
    """Read what a process has noted."""
    return Notes(*_NOTES.unpack(path.read_bytes()))


def main(folder: str, path: str, begin: str, count: str, together: str) -> None:
    """Record `count` messages, at most so many unacknowledged; "wait" waits for a line on standard input first."""
    with Path(path).open("r+b") as file:
        notes = mmap.mmap(file.fileno(), 0)
    ending = problems = 0
    numbered(0)
    if begin == "wait":
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
    recording = Recording(folder, source={"name": "child"})
    recording._writer._segment_bytes = 40_000

    def note() -> None:
        nonlocal problems
        problems += recording.new_problem() is not None
        notes[:] = _NOTES.pack(recording.recorded, ending, recording.dropped, problems)

    try:
        number = 0
        while number < int(count):
            if number < recording.recorded + int(together):
                recording.message(numbered(number), number)
                number += 1
            note()
        with suppress(PermissionError):  # the session is whole, and cannot be read for a moment
            recording.close()
        ending = CLOSED
    except SessionError:
        ending = FAILED
    note()


if __name__ == "__main__":
    main(*sys.argv[1:])
