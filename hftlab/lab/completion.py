"""TAB completion inside of strings: symbols, data types, sessions, tables and terms of orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from hftlab.lab.client import LabClient
from hftlab.protocol.enums import DataType, OrderType, SelfTradePrevention, TimeInForce
from hftlab.session import Catalogue, Session
from hftlab.session.manifest import MANIFEST
from hftlab.session.session import SCHEMAS

__all__ = ["Matcher", "sessions_below"]

_ARGUMENT: Final = re.compile(r"(\w+)\s*=\s*(?:[\[({][^\])}]*)?$")
"""The argument whose value, or list of values, the string is."""
_CALL: Final = re.compile(r"(?:([\w.]+)\.)?(\w+)\(\s*(?:[\[({][^\])}]*|[^()]*,\s*)?$")
"""The call whose positional argument the string is, and what it is called on."""
_ENDS_A_STRING: Final = re.compile(r"[\"'\\]")
_REPLAY: Final = re.compile(r"^%%replay\s+(?P<typed>[^\s\"']*)$")

_OF_SYMBOLS: Final = frozenset(
    [
        *("subscribe", "unsubscribe", "latest", "book", "buy", "sell", "cancel_all", "book_at", "slice"),
        *("ladder", "heatmap", "depth_chart", "time_and_sales", "watchlist", "transport"),
    ]
)
"""Methods whose positional texts are symbols."""
_OF_SESSIONS: Final = frozenset(["open_session", "sample", "recover"])
_VALUES: Final[Mapping[str, Iterable[str]]] = {
    "data_types": [str(one) for one in DataType],
    "order_type": [str(one) for one in OrderType],
    "time_in_force": [str(one) for one in TimeInForce],
    "self_trade_prevention": [str(one) for one in SelfTradePrevention],
    "encoding": ["json", "msgpack"],
    "drop_policy": ["oldest", "newest", "disconnect"],
}
"""Values of arguments."""
_MOST: Final = 200
_DEPTH: Final = 3
"""Folders below the working directory in which sessions are looked for."""


class Matcher:
    """Completes texts of hftlab's calls in a notebook, whose variables are in `namespace`."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        # A function and not a method: IPython tells matchers apart by their attributes.
        self.match: Callable[[CompletionContext], SimpleMatcherResult] = context_matcher(
            identifier="hftlab", priority=200
        )(lambda context: self._match(context))

    def complete(self, text: str) -> tuple[str, list[str]]:
        """Return what has been typed of the string at the end of `text`, and how it may go on."""
        replay = _REPLAY.match(text)
        if replay is not None:
            return replay["typed"], _beginning(replay["typed"], self._sessions(replay["typed"]))
        string = _open_string(text)
        if string is None:
            return "", []
        before, typed = string
        return typed, _beginning(typed, self._candidates(before, typed))

    def _match(self, context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")
        text = "\n".join([*lines[: context.cursor_line], lines[context.cursor_line][: context.cursor_position]])
        typed, found = self.complete(text)
        completions = [SimpleCompletion(text=one, type="text") for one in found[:_MOST]]
        return {
            "completions": completions,
            "matched_fragment": typed,
            "suppress": bool(completions),  # what is a symbol is not a file as well
        }

    def _candidates(self, before: str, typed: str) -> Iterable[str]:
        argument = _ARGUMENT.search(before)
        if argument is not None:
            name = argument[1]
            if name in ("symbol", "symbols"):
                owner = _CALL.search(before[: before.rfind("(") + 1]) if "(" in before else None
                return self._symbols(None if owner is None else owner[1])
            return self._sessions(typed) if name == "session" else _VALUES.get(name, ())
        call = _CALL.search(before)
        if call is None:
            return ()
        owner_name, method = call[1], call[2]
        if method in _OF_SYMBOLS:
            return self._symbols(owner_name)
        if method in _OF_SESSIONS:
            return self._sessions(typed)
        return SCHEMAS if method == "table" and isinstance(self._value(owner_name), Session) else ()

    def _value(self, name: str | None) -> Any:
        """Return the value of a dotted name, as far as it is stored: nothing is called for a completion."""
        first, *rest = (name or "").split(".")
        value = self._namespace.get(first)
        for part in rest:
            value = getattr(value, part, None) if isinstance(value, LabClient) else None
        return value

    def _symbols(self, owner: str | None) -> list[str]:
        """Return the symbols of what a method is called on, else those of all clients and sessions in variables."""
        own = _symbols_of(self._value(None if owner is None else owner.removesuffix(".trading")))
        if own:
            return own
        found: dict[str, None] = {}
        for value in list(self._namespace.values()):
            found.update(dict.fromkeys(_symbols_of(value)))
        return list(found)

    def _sessions(self, typed: str) -> list[str]:
        variables = [name for name, value in list(self._namespace.items()) if isinstance(value, Session)]
        folder = typed.rpartition("/")[0]
        return [*sessions_below(Path(folder)), *(name for name in variables if not name.startswith("_"))]


def sessions_below(folder: Path) -> list[str]:
    """Find the folders of sessions in a folder and a little below it, as they would be typed."""
    found: list[str] = []
    level = [folder]
    for _ in range(_DEPTH):
        below: list[Path] = []
        for each in level[:_MOST]:
            try:
                below += [path for path in sorted(each.iterdir()) if path.is_dir() and not path.name.startswith(".")]
            except OSError:
                continue
        found += [path.as_posix() for path in below if (path / MANIFEST).is_file()]
        level = [path for path in below if not (path / MANIFEST).is_file()]
    return found


def _symbols_of(value: Any) -> list[str]:
    if isinstance(value, LabClient):
        return value.offered_symbols or value.symbols
    if isinstance(value, Session):
        return list(value.manifest.symbols)
    return value.symbols if isinstance(value, Catalogue) else []


def _beginning(typed: str, candidates: Iterable[str]) -> list[str]:
    # A server names its symbols: none may end the string and go on as code.
    return [one for one in candidates if one.startswith(typed) and not _ENDS_A_STRING.search(one)]


def _open_string(text: str) -> tuple[str, str] | None:
    """Split text into what stands before the string that is open at its end, and what has been typed of it."""
    quote, start = "", 0
    for place, letter in enumerate(text):
        if quote:
            if letter in (quote, "\n"):
                quote = ""
        elif letter in "\"'":
            quote, start = letter, place
    return (text[:start], text[start + 1 :]) if quote else None
