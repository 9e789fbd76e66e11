"""The base of all live widgets: refreshed by one thread, paused while no page shows it, with a static picture."""

from __future__ import annotations

import logging
import re
import threading
import time
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.visibility import BEAT, Visibility

__all__ = ["MAX_RATE", "LiveWidget", "page_source"]

_log = logging.getLogger(__name__)

MAX_RATE: Final = 30.0
"""Updates a second, at most."""
DOUBTFUL_INTERVAL: Final = 1.0
"""Seconds between two updates while it is doubtful whether a page still shows the widget."""
CPU_SHARE: Final = 0.1
"""The part of a processor that one widget takes at most: one whose state is costly to read updates less often."""
_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "(\.{1,2}/[\w/]+\.js)";\n', re.MULTILINE)


def page_source(path: Path) -> str:
    """The JavaScript file `path` with its imports put in their place.

    A widget's page code travels as one text and has nowhere to import from; as files, the modules stay plain.
    """

    def inline(match: re.Match[str]) -> str:
        return re.sub(r"^export ", "", page_source(path.parent / match[1]), flags=re.MULTILINE)

    return _IMPORT.sub(inline, path.read_text(encoding="utf-8"))


class LiveWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget that sends `snapshot()` to its pages when it changed, at most `rate` times a second, while visible.

    Traits are set on the refresh thread: observers of `frame` run there, and must post work for the kernel's loop with
    `call_soon_threadsafe`.
    """

    frame = traitlets.Bytes(b"").tag(sync=True)
    """The newest state, packed as little-endian float64."""
    status = traitlets.Unicode("").tag(sync=True)
    """The client's connection status."""
    error = traitlets.Unicode("").tag(sync=True)
    """Why the newest state could not be read; empty when all is well."""
    beat = traitlets.Float(BEAT).tag(sync=True)
    """Seconds between two heartbeats that a page sends."""

    def __init__(self, rate: float, refresh_loop: RefreshLoop = REFRESH_LOOP) -> None:
        if not 0 < rate <= MAX_RATE:
            raise ValueError(f"rate must be above 0 and at most {MAX_RATE:g} per second, got {rate!r}")
        self.rate = rate
        self._refresh_loop = refresh_loop
        self._visibility = Visibility()
        self._guard = threading.RLock()
        self._due = float("-inf")
        self._ticked: float | None = None  # None: not visible then
        self._is_failing = False
        super().__init__()
        refresh_loop.kernel.attach()
        self._refresh()  # so that a page has something to draw before the first tick
        refresh_loop.add(self)

    def snapshot(self) -> bytes:
        """The current state, packed."""
        raise NotImplementedError

    def connection_status(self) -> str:
        """The client's connection status."""
        raise NotImplementedError

    def picture(self) -> Picture:
        """A static picture of the current state."""
        raise NotImplementedError

    def tick(self, now: float, busy: bool) -> float | None:
        """Refresh if it is due and a page shows the widget; see `Refreshable.tick`."""
        with self._guard:
            if self.comm is None:
                return None
            interval = 1 / self.rate
            # Capped: a kernel that held this thread up as well has not read its pages' messages either.
            passed = 0.0 if self._ticked is None else min(now - self._ticked, interval + 1)
            self._visibility.age(passed, busy)
            is_visible = self._visibility.is_visible
            self._ticked = now if is_visible else None
            if not is_visible:
                return None
            if now >= self._due:
                started = time.thread_time()
                self._refresh()
                spent = time.thread_time() - started
                slowest = DOUBTFUL_INTERVAL if self._visibility.is_doubtful else 0.0
                self._due = now + max(interval, slowest, spent / CPU_SHARE)
            return self._due

    def refresh_now(self) -> None:
        """Refresh without waiting for the next tick."""
        with self._guard:
            self._due = float("-inf")
        self._refresh_loop.wake()

    def _refresh(self) -> None:
        """Set the traits; those that did not change send nothing."""
        try:
            self.status = self.connection_status()
            self.frame = self.snapshot()
            self.error = ""
            self._is_failing = False
        except Exception as error:
            if not self._is_failing:
                _log.exception("%r could not be refreshed", self)
            self._is_failing = True
            self.error = f"{type(error).__name__}: {error}"

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and isinstance(view := content.get("view"), str) and "visible" in content:
            with self._guard:
                self._visibility.hear(view, bool(content["visible"]), self._refresh_loop.kernel.reads_in_cells)
            self._refresh_loop.wake()
            # The page sends no other heartbeat before this one is answered: after a long cell there is no pile of them.
            self.send({"view": view, "beat": content.get("beat")})
            return
        super()._handle_custom_msg(content, buffers)

    def close(self) -> None:
        """Stop refreshing, and remove the views from the pages; the picture stays."""
        refresh_loop = getattr(self, "_refresh_loop", None)
        if refresh_loop is None:  # __init__ refused its arguments
            return
        refresh_loop.discard(self)
        with self._guard:
            super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # which ipywidgets puts there so that nothing is shown

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        static = self._static()
        if self.comm is None:
            return static, {}
        with self._guard:
            self._visibility.expect()
        self._refresh_loop.wake()
        live, metadata = super()._repr_mimebundle_(**kwargs)
        return {**live, **static}, metadata

    def _static(self) -> dict[str, Any]:
        try:
            return {"image/svg+xml": self.picture().svg, "text/plain": repr(self)}
        except Exception:
            _log.exception("%r has no picture", self)
            return {"text/plain": repr(self)}
