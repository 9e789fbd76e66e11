"""Objects that plain calls keep for the whole process: the background loop, servers, clients and recordings by name.

It survives importlib.reload() and %autoreload, so that a cell run again still finds what it has started, and is cleared
in a forked child, which has nothing of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

__all__ = ["kept"]


class Clearable(Protocol):
    """Something that can start afresh, such as a dict."""

    def clear(self) -> None: ...


T = TypeVar("T", bound=Clearable)

# On a module that nobody reloads or takes out of sys.modules.
_KEPT: Final[dict[str, Any]] = vars(sys).setdefault("_hftlab_kept", {})


def kept(name: str, make: Callable[[], T]) -> T:
    """Return what this process keeps under a name, made at the first call."""
    if name not in _KEPT:
        _KEPT[name] = make()
    found: T = _KEPT[name]
    return found


class _ForkHook:
    """Clears everything in a forked child; registered once a process, whatever is reloaded."""

    def __init__(self) -> None:
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_clear)

    def clear(self) -> None:
        """Do nothing: the hook holds in the children of children as well."""


def _clear() -> None:
    for one in _KEPT.values():
        one.clear()


kept("fork hook", _ForkHook)
