"""The process that makes Parquet of a recording's journal; hftlab.recorder.converter starts it.

For each line of standard input, a Job, it writes one of standard output, an Answer. What others print there is passed
over. It ends with its input, at once: either nothing is left to do, or the process that has started it was killed, and
this is as if it had been as well.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import msgspec

from hftlab.recorder.converter import Answer, Job
from hftlab.session.conversion import convert_segment
from hftlab.session.manifest import read_manifest
from hftlab.session.parts import Parts

__all__ = ["main"]


def main() -> None:
    """Convert segments until standard input ends."""
    # What stops a whole group of processes, as a service's end, is for the recorder to heed: it may need this one then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    jobs: SimpleQueue[Job] = SimpleQueue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    while True:
        answer = _answer(Path(jobs.get().segment))
        sys.stdout.buffer.write(b"\n" + msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _read(jobs: SimpleQueue[Job]) -> None:
    try:
        for line in sys.stdin.buffer:
            jobs.put(msgspec.json.decode(line, type=Job))
    finally:
        os._exit(0)


def _answer(segment: Path) -> Answer:
    try:
        folder = segment.parents[1]
        convert_segment(Parts(folder, read_manifest(folder)), segment)
    except OSError as exc:
        return Answer(error=exc.strerror or str(exc), errno=exc.errno or 0)
    except Exception as exc:
        return Answer(error=f"{type(exc).__name__}: {exc}")
    return Answer(error="")


if __name__ == "__main__":
    main()
