"""Process of a WorkerPool: it makes one call after the other, until its standard input ends.

For each call on standard input, a length and a pickled (function, arguments), it writes one answer to standard output,
a length and a pickled (True, result) or (False, exception). What calls print goes to standard error.
"""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from queue import SimpleQueue
from typing import BinaryIO

import cloudpickle

from hftlab.sweeps.framing import read_block, write_block

__all__ = ["main"]


def main() -> None:
    """Make calls until standard input ends; then end at once, in the middle of a call as well."""
    # What interrupts a whole group of processes is for the one that has the pool: it ends this one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    answers, given = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    # What a call forks answers nothing, and does not keep the pipe open when this process dies.
    for pipe in (answers, given):
        os.register_at_fork(after_in_child=partial(os.close, pipe.fileno()))
    process = os.getpid()
    calls: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(calls, given), daemon=True).start()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    while True:
        answer = _answer(calls.get())
        if os.getpid() != process:
            os._exit(0)
        write_block(answers, answer)


def _read(calls: SimpleQueue[bytes], file: BinaryIO) -> None:
    try:
        while (data := read_block(file)) is not None:
            calls.put(data)
    finally:
        os._exit(0)


def _answer(data: bytes) -> bytes:
    try:
        function, arguments = cloudpickle.loads(data)
        answer: bytes = cloudpickle.dumps((True, function(*arguments)))
    except Exception as error:
        return _pickled_error(error)
    return answer


def _pickled_error(error: Exception) -> bytes:
    """Pickle an exception; one that cannot be pickled, or not be made again, is a RuntimeError with its text."""
    try:
        data: bytes = cloudpickle.dumps((False, error))
        cloudpickle.loads(data)
    except Exception:
        data = cloudpickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return data


if __name__ == "__main__":
    main()
