"""Who looks at a widget: the views that said they are on screen, and have not fallen silent since. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["BEAT", "Audience"]

BEAT: Final = 4.0  # seconds between two signs of life of a page
PATIENCE: Final = 13.0  # three beats, and a little
UNHEARD: Final = 300.0

_EXPECTED: Final = ""  # no page's name


@dataclass(slots=True)
class _View:
    silent: float = 0.0
    """Seconds without a sign of life in which the kernel could have heard one."""
    through_cells: bool = False
    """Its messages are heard even while a cell runs, so that silence is silence."""


class Audience:
    def __init__(self, patience: float = PATIENCE, unheard: float = UNHEARD) -> None:
        self._patience = patience
        self._unheard = unheard
        self._views: dict[str, _View] = {}
        self._since_heard = 0.0

    @property
    def watching(self) -> bool:
        return bool(self._views)

    @property
    def doubtful(self) -> bool:
        """True when a busy kernel has heard nothing for so long that sending at full rate is a waste."""
        return self._since_heard > self._unheard

    def expect(self) -> None:
        """A view is about to appear; the cell that shows it may run on, and keep its first message unread."""
        if not self._views:
            self._views[_EXPECTED] = _View()
            self._since_heard = 0.0

    def hear(self, name: str, visible: bool, through_cells: bool) -> None:
        self._since_heard = 0.0
        self._views.pop(_EXPECTED, None)
        known = self._views.pop(name, None)
        if visible:
            self._views[name] = _View(through_cells=through_cells or (known is not None and known.through_cells))

    def age(self, seconds: float, busy: bool) -> None:
        """Let time pass; views whose silence exceeds the patience are dropped until they are heard again."""
        self._since_heard += seconds
        for name, view in list(self._views.items()):
            if not busy or view.through_cells:
                view.silent += seconds
            if view.silent > self._patience:
                del self._views[name]
