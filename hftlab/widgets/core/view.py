"""The base of what widgets show: a view reads a client, packs frames for the page, and obeys the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

from hftlab.bounds import LARGEST_AMOUNT
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import nearest
from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.link import Link
from hftlab.widgets.core.picture import Picture

__all__ = ["MAX_RATE", "Reply", "View", "checked_number", "quoted", "symbol_notice"]

MAX_RATE: Final = 30.0
"""Updates a second, at most."""

Reply: TypeAlias = tuple[dict[str, Any], list[bytes]]
"""Answer of a view to its page: JSON content and binary buffers."""


class View:
    """Content of one panel. A widget of its own holds one, a dashboard several.

    `settings` travel to the page as JSON, and are changed by `set()` only: by Python, by the page (a message
    {"set": {...}}), and by the other views of the same Link. `rate` is in updates a second.

    snapshot(), notice() and picture() are called on the refresh thread; set() and receive() also on others, one at a
    time with them.
    """

    page: ClassVar[Path]
    """The view's JavaScript module, which exports a class that takes (panel, el), and a default made by mount()."""

    def __init__(self, client: Client, rate: float, **settings: Any) -> None:
        if not 0 < checked_number("rate", rate) <= MAX_RATE:
            raise ArgumentError(f"rate must be above 0 and at most {MAX_RATE:g} per second, got {rate!r}")
        self.client = client
        self.rate = rate
        self.settings: dict[str, Any] = settings
        self.link: Link | None = None
        self.changed: Callable[[], None] = _nobody
        """Called after set(): the widget refreshes at once."""
        self.tell: Callable[[dict[str, Any]], None] = _nobody
        """Sends JSON content to all pages of the view, as `hear()` of the page takes it."""

    def snapshot(self) -> bytes:
        """Pack the current state for the page."""
        raise NotImplementedError

    def picture(self) -> Picture:
        """Draw the current state as a static picture."""
        raise NotImplementedError

    def notice(self) -> str:
        """Say why there is nothing to see, and what to do about it; empty when all is well."""
        symbol = self.settings.get("symbol")
        return symbol_notice(self.client, symbol) if isinstance(symbol, str) else ""

    @property
    def ages(self) -> bool:
        """True if a frame that does not change means that data is missing."""
        return True

    def set(self, changes: Mapping[str, Any]) -> None:
        """Change settings; those that a Link shares also change in its other views. Raises ValueError."""
        known = {name: self.checked(name, value) for name, value in changes.items() if name in self.settings}
        if any(self.settings[name] != value for name, value in known.items()):
            self.settings = {**self.settings, **known}
            self.changed()
        if self.link is not None:
            self.link.tell(self, changes)

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting as it is kept. Raises ValueError."""
        kept = self.settings[name]
        if kept is not None and type(value) is not type(kept) and not (_is_number(kept) and _is_number(value)):
            raise ArgumentError(f"{name} must be {_kind(kept)}, got {value!r}")
        # JSON for the page has neither inf nor nan, and its numbers are floats.
        if _is_number(value) and not -LARGEST_AMOUNT <= value <= LARGEST_AMOUNT:
            raise ArgumentError(f"{name} must be at most {LARGEST_AMOUNT:g}, got {value!r:.40}")
        return value

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:  # noqa: ARG002
        """Take in a message of the page, other than {"set": ...}; the reply goes to that page. Raises ValueError.

        A message that the page sent with a `stamp` has an `age` in seconds; see Pulses.age.
        """
        return None

    def kept(self) -> bytes:
        """Pack what a page without a kernel needs besides, such as the whole history: to_html() stores it."""
        return b""

    def close(self) -> None:
        """End what the view has started; called once, with its widget."""


def symbol_notice(client: Client, symbol: str) -> str:
    """Say that a symbol is unknown or not subscribed to, with the nearest name; empty when it is."""
    if symbol in client.symbols:
        return ""
    offered = list(client.offered_symbols)
    if offered and symbol not in offered:
        near = nearest(symbol, offered)
        return f"the server has no {symbol}" + (f": did you mean {near}?" if near else "")
    return f"{symbol} is not subscribed to: client.subscribe([{quoted(symbol)}])"


def quoted(symbol: str) -> str:
    """Write a symbol as a text in code to paste, with what would end the text escaped: JSON's texts are Python's."""
    return json.dumps(symbol, ensure_ascii=False)


def checked_number(name: str, value: Any) -> Any:
    """Return a number as it is, of whatever size. Raises ArgumentTypeError for anything else."""
    if not _is_number(value):
        raise ArgumentTypeError(f"{name} must be a number, got {value!r}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: object) -> str:
    names: Iterable[tuple[type, str]] = ((bool, "True or False"), (str, "a text"), (dict, "a dict"), (list, "a list"))
    return next((name for kind, name in names if isinstance(value, kind)), "a number")


def _nobody(*_: object) -> None:
    """Stand in until a widget shows the view."""
