"""The base of all live widgets: refreshed by one thread, paused while no page shows it, with a static picture."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from hftlab.protocol.enums import ReplayState
from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.jupyter_kernel import read_as_addressed
from hftlab.widgets.core.page_code import standalone_page
from hftlab.widgets.core.paper import is_paper
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.pulses import Pulses
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.view import View
from hftlab.widgets.core.visibility import BEAT, Visibility

__all__ = ["LiveWidget"]

_log = logging.getLogger(__name__)

DOUBTFUL_INTERVAL: Final = 1.0
"""Seconds between two updates while it is doubtful whether a page still shows the widget."""
CPU_SHARE: Final = 0.1
"""The part of a processor that one view takes at most: one whose state is costly to read updates less often."""
PULSE: Final = 0.5
"""Seconds between two signs of life to the pages while nothing changes."""
STILL: Final = (ReplayState.PAUSED, ReplayState.ENDED)
"""States of a replay in which no data is due."""
PANEL_TRAITS: Final[Mapping[str, type[traitlets.TraitType[Any, Any]]]] = {
    "frame": traitlets.Bytes,
    "settings": traitlets.Dict,
    "notice": traitlets.Unicode,
    "error": traitlets.Unicode,
}
"""Traits of each view; those of a dashboard's views have the view's name in front, as `ladder_frame`."""


class _Panel:
    """One view of a widget, when it is due, and when its frame last changed."""

    def __init__(self, name: str, view: View) -> None:
        self.name = name
        self.view = view
        self.due = float("-inf")
        self.frame = b""
        self.changed = math.nan
        """Time at which the frame last changed, in seconds of the refresh loop's timer."""
        self.is_failing = False

    def age(self, now: float) -> float | None:
        """Seconds since the frame last changed; None where that means nothing."""
        return None if math.isnan(self.changed) else now - self.changed

    def trait(self, name: str) -> str:
        """The widget's trait that carries something of this view."""
        return f"{self.name}_{name}" if self.name else name


class LiveWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget that sends the frames of its views to its pages when they changed, while visible.

    Everything that is due goes in one message. Traits are set on the refresh thread: observers run there, and must post
    work for the kernel's loop with `call_soon_threadsafe`.

    A widget with one view has the traits `frame` (the newest state, packed as little-endian numbers), `settings` (a
    dict), `notice` (why there is nothing to see) and `error` (why the newest state could not be read). With several
    views each has its own, with the view's name in front.
    """

    status = traitlets.Unicode("").tag(sync=True)
    """The client's connection status."""
    replay = traitlets.Unicode("").tag(sync=True)
    """The state of a replay that the client watches, such as PAUSED; empty for a live source."""
    paper = traitlets.Bool(False).tag(sync=True)
    """True if a replay takes the account's orders: their fills are modelled, and the page says so."""
    pulse = traitlets.Dict().tag(sync=True)
    """Signs of life: `count` grows with every one; `ages` has the seconds since each view's data last changed."""
    beat = traitlets.Float(BEAT).tag(sync=True)
    """Seconds between two heartbeats that a page sends."""
    hears_in_cells = traitlets.Bool(None, allow_none=True).tag(sync=True)
    """True if the kernel reads what the pages send while a cell runs; None before any page was heard.

    Where it is False, what a person does on the page takes effect after the cell, and the page should say so.
    """

    def __init__(self, client: Client, views: Mapping[str, View], refresh_loop: RefreshLoop = REFRESH_LOOP) -> None:
        self._client = client
        self._refresh_loop = refresh_loop
        self._visibility = Visibility()
        self._guard = threading.RLock()
        self._ticked: float | None = None  # None: not visible then
        self._pulsed = float("-inf")
        self._pulses = Pulses()
        self._panels = {name: _Panel(name, view) for name, view in views.items()}
        super().__init__()
        self.add_traits(**_traits(self._panels.values()))
        refresh_loop.kernel.attach()
        with self._guard:
            self._refresh(time.monotonic(), list(self._panels.values()))  # so that a page has something to draw
        for panel in self._panels.values():
            panel.view.changed = self.refresh_now
            panel.view.tell = partial(self._tell, panel)
            panel.due = float("-inf")
        refresh_loop.add(self)

    @property
    def views(self) -> dict[str, View]:
        """The views by name."""
        return {name: panel.view for name, panel in self._panels.items()}

    def connection_status(self) -> str:
        """The client's connection status."""
        return str(self._client.connection_status)

    def snapshot(self) -> bytes:
        """The first view's current state, packed."""
        with self._guard:
            return self._first.snapshot()

    def picture(self) -> Picture:
        """A static picture of the current state."""
        with self._guard:
            return self._first.picture()

    @property
    def _first(self) -> View:
        return next(iter(self._panels.values())).view

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the present state as an HTML document of its own, and write it to `path`.

        It needs neither a kernel nor a network; zoom, pan and hover work as far as the view has them.
        """
        with self._guard:
            self._refresh(time.monotonic(), list(self._panels.values()))
            panels = self._panels.values()
            names = [panel.trait(name) for panel in panels for name in PANEL_TRAITS]
            state = {name: getattr(self, name) for name in (*names, "status", "replay", "paper")}
            state |= {panel.trait("kept"): panel.view.kept() for panel in panels}
            document = standalone_page(repr(self), str(self._esm), state, self.picture().svg)
        if path is not None:
            Path(path).write_text(document, encoding="utf-8")
        return document

    def tick(self, now: float, busy: bool) -> float | None:
        """Refresh what is due if a page shows the widget; see `Refreshable.tick`."""
        with self._guard:
            if self.comm is None:
                return None
            # Capped: a kernel that held this thread up as well has not read its pages' messages either.
            longest = 1 + 1 / min(panel.view.rate for panel in self._panels.values())
            passed = 0.0 if self._ticked is None else min(now - self._ticked, longest)
            self._visibility.age(passed, busy)
            is_visible = self._visibility.is_visible
            self._ticked = now if is_visible else None
            if not is_visible:
                return None
            due = [panel for panel in self._panels.values() if now >= panel.due]
            pulse = DOUBTFUL_INTERVAL if self._visibility.is_doubtful else PULSE
            if due or now - self._pulsed >= pulse:
                self._refresh(now, due)
            return min(self._pulsed + pulse, *(panel.due for panel in self._panels.values()))

    def refresh_now(self) -> None:
        """Refresh without waiting for the next tick."""
        with self._guard:
            for panel in self._panels.values():
                panel.due = float("-inf")
        self._refresh_loop.wake()

    def _refresh(self, now: float, due: list[_Panel]) -> None:
        """Set the traits, in one message to the pages; those that did not change are not sent."""
        with self.hold_sync():
            for panel in due:
                started = time.thread_time()
                self._read(panel, now)
                interval = 1 / panel.view.rate
                slowest = DOUBTFUL_INTERVAL if self._visibility.is_doubtful else 0.0
                spent = (time.thread_time() - started) / CPU_SHARE
                # On a common grid, so that several views share a message.
                panel.due = max((math.floor(now / interval + 1e-6) + 1) * interval, now + max(slowest, spent))
            try:
                self.status = self.connection_status()
                state = self._replay_state()
                if self.replay in STILL and state not in STILL:
                    self._begin_ages(now)
                self.replay = state
                self.paper = is_paper(self._client)
            except Exception as error:
                self.status = f"{type(error).__name__}: {error}"
            self._pulsed = now
            ages = {
                each.name: None if math.isnan(each.changed) else now - each.changed for each in self._panels.values()
            }
            self.pulse = {"count": self._pulses.next(self._refresh_loop.now()), "ages": ages}

    def _read(self, panel: _Panel, now: float) -> None:
        view = panel.view
        try:
            frame = view.snapshot()
            if frame != panel.frame:
                panel.frame, panel.changed = frame, now
            if not view.ages:
                panel.changed = math.nan
            values = {"frame": frame, "settings": view.settings, "notice": view.notice(), "error": ""}
            panel.is_failing = False
        except Exception as error:
            if not panel.is_failing:
                _log.exception("%r could not be refreshed", self)
            panel.is_failing = True
            values = {"error": f"{type(error).__name__}: {error}"}
        for name, value in values.items():
            setattr(self, panel.trait(name), value)

    def _begin_ages(self, now: float) -> None:
        """Count the ages of the data from now: while a replay stood still none was due."""
        for panel in self._panels.values():
            if not math.isnan(panel.changed):
                panel.changed = now

    def _replay_state(self) -> str:
        status = self._client.replay.status
        return "" if status is None else str(status.state)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and isinstance(view := content.get("view"), str) and "visible" in content:
            with self._guard:
                self._visibility.hear(view, bool(content["visible"]), self._refresh_loop.kernel.hear())
                if self._visibility.hears_in_cells is not None:
                    self.hears_in_cells = self._visibility.hears_in_cells
            self._refresh_loop.wake()
            # The page sends no other heartbeat before this one is answered: after a long cell there is no pile of them.
            self.send({"view": view, "beat": content.get("beat")})
            return
        name = content.get("panel", "") if isinstance(content, dict) else None
        if isinstance(name, str) and (panel := self._panels.get(name)) is not None:
            self._obey(panel, content, buffers)
            return
        super()._handle_custom_msg(content, buffers)

    def _tell(self, panel: _Panel, content: dict[str, Any]) -> None:
        with self._guard:
            if self.comm is not None:
                self.send({"panel": panel.name, **content})

    def _obey(self, panel: _Panel, content: dict[str, Any], buffers: Any) -> None:
        """Do what a page asks of a view; what it refuses is said to that page."""
        content.pop("age", None)
        if "stamp" in content:
            content["age"] = self._pulses.age(content["stamp"], self._refresh_loop.now(), time.time())
        with self._guard:
            try:
                if isinstance(changes := content.get("set"), dict):
                    panel.view.set(changes)
                    reply = None
                else:
                    reply = panel.view.receive(content, buffers)
            except Exception as error:
                reply = {"refused": str(error)}, []
        if reply is not None:
            answer, answer_buffers = reply
            self.send({"panel": panel.name, "to": content.get("from"), **answer}, answer_buffers)

    @traitlets.observe("comm")
    def _comm_opened(self, change: dict[str, Any]) -> None:
        read_as_addressed(change["new"])

    def close(self) -> None:
        """Stop refreshing, and remove the views from the pages; the picture stays."""
        refresh_loop = getattr(self, "_refresh_loop", None)
        if refresh_loop is None:  # __init__ refused its arguments
            return
        refresh_loop.discard(self)
        with self._guard:
            if self.comm is not None:
                for panel in self._panels.values():
                    panel.view.close()
            super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # which ipywidgets puts there so that nothing is shown

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        static = self._static()
        # Nobody would draw the live view of a notebook that a program runs, and nbconvert would leave its place blank.
        if self.comm is None or self._refresh_loop.kernel.is_unattended:
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


def _traits(panels: Iterable[_Panel]) -> dict[str, traitlets.TraitType[Any, Any]]:
    return {panel.trait(name): kind().tag(sync=True) for panel in panels for name, kind in PANEL_TRAITS.items()}
