"""Locks of kernels: of several workers that need one, the first compiles it, and the others read what it has kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher

__all__ = ["lock_kernels"]

PATIENCE: Final = 120.0
"""Seconds after which a worker compiles a kernel as well, whatever keeps the other one: no kernel takes as long."""
EVERY: Final = 0.05


def lock_kernels(folder: Path) -> None:
    """Have this process compile each kernel of hftlab under a lock, a file in a folder that all workers share."""
    folder.mkdir(parents=True, exist_ok=True)
    locks = _Locks(folder)
    compile_kernel: Callable[..., Any] = Dispatcher.compile

    @wraps(compile_kernel)
    def compile_under_a_lock(dispatcher: Any, signature: Any) -> Any:
        function = dispatcher.py_func
        if not (function.__module__ or "").startswith("hftlab."):
            return compile_kernel(dispatcher, signature)
        # numba's own lock of the threads of this process comes first: they would wait for one another in both orders.
        with global_compiler_lock, locks.held(f"{function.__module__}.{function.__qualname__}"):
            return compile_kernel(dispatcher, signature)

    Dispatcher.compile = compile_under_a_lock


class _Locks:
    """Locks by name, each of which its process may take again while it has it: a kernel that calls itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: set[str] = set()

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a lock, or none after PATIENCE."""
        if name in self._held:
            yield
            return
        file = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        self._held.add(name)
        try:
            _wait(file)
            yield
        finally:
            self._held.discard(name)
            os.close(file)


def _wait(file: int) -> None:
    import fcntl  # not on Windows

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(EVERY)
        else:
            return
