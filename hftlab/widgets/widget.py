"""What the live widgets share: fed by the one thread, watched by pages, and a picture where neither is."""

from __future__ import annotations

import logging
import re
import threading
import time
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from hftlab.widgets.picture import Picture
from hftlab.widgets.refresh_loop import FEED, Feed
from hftlab.widgets.visibility import BEAT, Audience

__all__ = ["MAX_RATE", "LiveWidget", "page_source"]

_log = logging.getLogger(__name__)

MAX_RATE: Final = 30.0
DOUBTFUL_INTERVAL: Final = 1.0
SHARE: Final = 0.1
"""Of a processor, at most, for one widget: one whose state is costly to read slows down, and not its kernel."""
_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)


def page_source(name: str) -> str:
    """The JavaScript file `name` with its imports from beside it put in their place.

    A widget's page code travels as one text and has nowhere to import from; as files, the modules stay plain.
    """
    folder = Path(__file__).parent

    def inline(match: re.Match[str]) -> str:
        return re.sub(r"^export ", "", page_source(match[1]), flags=re.MULTILINE)

    return _IMPORT.sub(inline, (folder / name).read_text(encoding="utf-8"))


class LiveWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """Sends `snapshot()` to the pages whenever it changed, at most `rate` times a second, while somebody looks.

    Traits are set from the feeding thread: observers of `frame` run there, and must post work for the kernel's loop
    with `call_soon_threadsafe`.
    """

    frame = traitlets.Bytes(b"").tag(sync=True)
    """The newest state, packed as little-endian float64."""
    status = traitlets.Unicode("").tag(sync=True)
    """The client's connection status."""
    error = traitlets.Unicode("").tag(sync=True)
    """Why the newest state could not be had; empty when all is well."""
    beat = traitlets.Float(BEAT).tag(sync=True)
    """Seconds between two signs of life that a page sends."""

    def __init__(self, rate: float, feed: Feed = FEED) -> None:
        if not 0 < rate <= MAX_RATE:
            raise ValueError(f"rate must be above 0 and at most {MAX_RATE:g} per second, got {rate!r}")
        self.rate = rate
        self._feed = feed
        self._audience = Audience()
        self._guard = threading.RLock()
        self._due = float("-inf")
        self._ticked: float | None = None  # None: nobody watched then
        self._failing = False
        super().__init__()
        feed.kernel.attach()
        self._refresh()  # so that a page has something to draw before the first tick
        feed.add(self)

    def snapshot(self) -> bytes:
        """The state as of now, packed."""
        raise NotImplementedError

    def connection_status(self) -> str:
        raise NotImplementedError

    def picture(self) -> Picture:
        """A static picture of the state as of now."""
        raise NotImplementedError

    def tick(self, now: float, busy: bool) -> float | None:
        """The feeding thread's call; see `Fed`."""
        with self._guard:
            if self.comm is None:
                return None
            interval = 1 / self.rate
            # Capped: a kernel that held this thread up as well has not heard its pages either.
            passed = 0.0 if self._ticked is None else min(now - self._ticked, interval + 1)
            self._audience.age(passed, busy)
            watching = self._audience.watching
            self._ticked = now if watching else None
            if not watching:
                return None
            if now >= self._due:
                started = time.thread_time()
                self._refresh()
                spent = time.thread_time() - started
                slowest = DOUBTFUL_INTERVAL if self._audience.doubtful else 0.0
                self._due = now + max(interval, slowest, spent / SHARE)
            return self._due

    def refresh_now(self) -> None:
        """Do not wait for the next tick: something was asked for."""
        with self._guard:
            self._due = float("-inf")
        self._feed.wake()

    def _refresh(self) -> None:
        """Set the traits; those that did not change send nothing."""
        try:
            self.status = self.connection_status()
            self.frame = self.snapshot()
            self.error = ""
            self._failing = False
        except Exception as error:
            if not self._failing:
                _log.exception("%r could not be brought up to date", self)
            self._failing = True
            self.error = f"{type(error).__name__}: {error}"

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and isinstance(view := content.get("view"), str) and "visible" in content:
            with self._guard:
                self._audience.hear(view, bool(content["visible"]), self._feed.kernel.reads_in_cells)
            self._feed.wake()
            # The page sends no further sign of life before this one is answered: a long cell finds no pile of them.
            self.send({"view": view, "beat": content.get("beat")})
            return
        super()._handle_custom_msg(content, buffers)

    def close(self) -> None:
        """Stop, and remove the views from the pages; the picture stays."""
        feed = getattr(self, "_feed", None)
        if feed is None:  # __init__ refused its arguments
            return
        feed.discard(self)
        with self._guard:
            super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # which ipywidgets puts there so that nothing is shown

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        static = self._static()
        if self.comm is None:
            return static, {}
        with self._guard:
            self._audience.expect()
        self._feed.wake()
        live, metadata = super()._repr_mimebundle_(**kwargs)
        return {**live, **static}, metadata

    def _static(self) -> dict[str, Any]:
        try:
            return {"image/svg+xml": self.picture().svg, "text/plain": repr(self)}
        except Exception:
            _log.exception("%r has no picture", self)
            return {"text/plain": repr(self)}
