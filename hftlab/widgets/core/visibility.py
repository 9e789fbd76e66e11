"""The views of a widget that are on screen, by what their pages say. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["BEAT", "Visibility"]

BEAT: Final = 4.0
"""Seconds between two heartbeats of a page."""
PATIENCE: Final = 13.0
"""Seconds of silence after which a view is gone: three heartbeats and a little."""
UNHEARD: Final = 300.0
"""Seconds without a message of any page after which a busy kernel's widgets slow down."""

_EXPECTED: Final = ""
"""Stands for the view that is about to appear; no page has this name."""


@dataclass(slots=True)
class _View:
    heard_in_cells: bool | None = None
    """True if the kernel reads its messages while a cell runs; None before the first one."""
    silent: float = 0.0
    """Seconds without a heartbeat in which the kernel could have read one."""


class Visibility:
    """The visible views of one widget: those that said so, and have not been silent for `patience` seconds since.

    Only a kernel that is free can take silence for absence. While it is busy it cannot know, also where it heard the
    page in a cell before: what is read in cells is the frontend's and the kernel's to decide, and may change.
    """

    def __init__(self, patience: float = PATIENCE, unheard: float = UNHEARD) -> None:
        self._patience = patience
        self._unheard = unheard
        self._views: dict[str, _View] = {}
        self._since_heard = 0.0

    @property
    def is_visible(self) -> bool:
        """True while at least one view is on screen, or expected there."""
        return bool(self._views)

    @property
    def is_doubtful(self) -> bool:
        """True when a busy kernel has read nothing for so long that sending at full rate is a waste."""
        return self._since_heard > self._unheard

    @property
    def hears_in_cells(self) -> bool | None:
        """True if all visible views are heard while a cell runs; None when no visible view was heard yet."""
        heard = [view.heard_in_cells for view in self._views.values() if view.heard_in_cells is not None]
        return all(heard) if heard else None

    def expect(self) -> None:
        """Count a view that is about to appear: its first message stays unread while the cell that shows it runs on."""
        if not self._views:
            self._views[_EXPECTED] = _View()
            self._since_heard = 0.0

    def hear(self, name: str, visible: bool, in_cells: bool) -> None:
        """Take in a page's message about its view `name`; `in_cells`: it is heard also while a cell runs."""
        self._since_heard = 0.0
        self._views.pop(_EXPECTED, None)
        self._views.pop(name, None)
        if visible:
            self._views[name] = _View(in_cells)

    def age(self, seconds: float, busy: bool) -> None:
        """Let time pass; a view that has been silent for too long is dropped until it is heard again."""
        self._since_heard += seconds
        if busy:
            return
        for name, view in list(self._views.items()):
            view.silent += seconds
            if view.silent > self._patience:
                del self._views[name]
