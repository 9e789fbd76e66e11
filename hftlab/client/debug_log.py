"""Log of a client's connection, kept in memory (the reference document's WebSocketDebugLogger)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from hftlab.clock import to_milliseconds, wall_time
from hftlab.errors import ArgumentError

__all__ = ["DebugLog", "Level", "WebSocketDebugLogger"]

Level: TypeAlias = Literal["DEBUG", "INFO", "WARN", "ERROR"]
_LEVELS: Final[dict[str, int]] = {name: place for place, name in enumerate(get_args(Level))}
_SIZE: Final = 1000


class DebugLog(msgspec.Struct, frozen=True, omit_defaults=True):
    """Entry of the log; `timestamp` is in milliseconds since 1970, `stack` is the traceback of an error."""

    timestamp: float
    level: str
    message: str
    data: Mapping[str, Any] | None = None
    stack: str | None = None


class WebSocketDebugLogger:
    """Log that keeps the newest `size` entries of `level` and above."""

    def __init__(self, level: Level = "INFO", size: int = _SIZE) -> None:
        self.level: Level = level
        self._logs: deque[DebugLog] = deque(maxlen=size)

    def log(
        self, level: Level, message: str, data: Mapping[str, Any] | None = None, *, stack: str | None = None
    ) -> None:
        """Add an entry; `data` holds values for programs, `stack` the traceback of an error."""
        if _rank(level) >= _rank(self.level):
            now = to_milliseconds(wall_time())
            self._logs.append(DebugLog(now, level, message, data, stack))

    def logs(self, level: Level | None = None, limit: int = 100) -> list[DebugLog]:
        """Return the newest `limit` entries, oldest first; only those of exactly `level` if one is given."""
        kept = [log for log in self._logs.copy() if level is None or _rank(log.level) == _rank(level)]
        return kept[max(len(kept) - limit, 0) :]

    def export(self) -> str:
        """Return all entries as a JSON list."""
        encoded = msgspec.json.encode(list(self._logs.copy()), enc_hook=str)
        return msgspec.json.format(encoded, indent=2).decode()

    def __len__(self) -> int:
        return len(self._logs)

    def __repr__(self) -> str:
        levels = Counter(log.level for log in self._logs.copy())
        counts = ", ".join(f"{levels[name]} {name}" for name in _LEVELS if levels[name])
        return f"<hftlab debug log: {counts or 'empty'}>"


def _rank(level: str) -> int:
    if level not in _LEVELS:
        raise ArgumentError(f"unknown level {level!r}: choose among {', '.join(_LEVELS)}")
    return _LEVELS[level]
