"""Calls that wait for a server, made one after another on a thread of their own.

The refresh thread and the messages of pages wait for each other, so a view that obeys its page must not wait for a
server.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Commands"]

_log = logging.getLogger(__name__)


class Commands:
    """Commands of one view, in their order; `done` is called after each, on their thread.

    The thread runs while there is something to do. `refused` has the text of the newest command that raised, and
    `refusals` counts those.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, Callable[[], Any]]] = deque()
        self._thread: threading.Thread | None = None
        self.refused = ""
        self.refusals = 0

    def put(self, call: Callable[[], Any], *, only_newest: str = "") -> None:
        """Make a call soon; one that waits with the same `only_newest` is left out, as an earlier seek is."""
        with self._lock:
            if only_newest:
                self._waiting = deque(one for one in self._waiting if one[0] != only_newest)
            self._waiting.append((only_newest, call))
            if self._thread is None or not self._thread.is_alive():  # not alive: this is the child of a fork
                self._thread = threading.Thread(target=self._run, name="hftlab-commands", daemon=True)
                self._thread.start()

    @property
    def busy(self) -> bool:
        """True while a command waits or is being done."""
        return self._thread is not None

    def clear(self) -> None:
        """Leave out what has not begun."""
        with self._lock:
            self._waiting.clear()

    def wait(self, timeout: float) -> bool:
        """Wait until all is done; False if it is not after `timeout` seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return not self.busy

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    break
                _, call = self._waiting.popleft()
            try:
                call()
            except Exception as error:
                _log.info("a command of a page was refused", exc_info=True)
                self.refused, self.refusals = str(error) or type(error).__name__, self.refusals + 1
            self._tell()
        self._tell()  # nothing is left to do: whoever looks now finds it so

    def _tell(self) -> None:
        try:
            self._done()
        except Exception:
            _log.exception("a view could not show what a command has done")
