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
    silent: float = 0.0
    """Seconds without a heartbeat in which the kernel could have read one."""
    through_cells: bool = False
    """The kernel reads its messages even while a cell runs, so that silence means that it is gone."""


class Visibility:
    """The visible views of one widget: those that said so, and have not been silent for `patience` seconds since."""

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

    def expect(self) -> None:
        """Count a view that is about to appear: its first message stays unread while the cell that shows it runs on."""
        if not self._views:
            self._views[_EXPECTED] = _View()
            self._since_heard = 0.0

    def hear(self, name: str, visible: bool, through_cells: bool) -> None:
        """Take in a page's message about its view `name`; `through_cells`: the kernel reads it even in cells."""
        self._since_heard = 0.0
        self._views.pop(_EXPECTED, None)
        known = self._views.pop(name, None)
        if visible:
            self._views[name] = _View(through_cells=through_cells or (known is not None and known.through_cells))

    def age(self, seconds: float, busy: bool) -> None:
        """Let time pass; a view that has been silent for too long is dropped until it is heard again."""
        self._since_heard += seconds
        for name, view in list(self._views.items()):
            if not busy or view.through_cells:
                view.silent += seconds
            if view.silent > self._patience:
                del self._views[name]
