"""Sources that servers of this process stream: each yields a message once, and so has one server at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from hftlab.calling import awaited
from hftlab.errors import HftlabError
from hftlab.protocol import Message
from hftlab.source import Source, undecorated

__all__ = ["check_unserved", "claim", "release"]

_served: Final[dict[int, tuple[object, Callable[[], str], str, int]]] = {}
"""By the source's id: the source, its server's address, the call that stops that, and the process that serves it, of
which this may be a fork."""


def check_unserved(source: Source[Message] | None) -> None:
    """Raise HftlabError if a server streams the source, or one that it decorates."""
    known = _served.get(id(undecorated(source)))
    if known is None:
        return
    _, url, stop, process = known
    if process == os.getpid():
        raise HftlabError(
            f"{source!r} is streamed by the server at {url()}, and two would each get a part of its messages: "
            f"stop that one first, with {stop}, or make another source"
        )


def claim(source: Source[Message] | None, url: Callable[[], str]) -> None:
    """Note that the server at `url()` streams the source. Raises HftlabError if another one does."""
    check_unserved(source)
    if source is not None:
        first = undecorated(source)
        _served[id(first)] = first, url, awaited("server.stop()"), os.getpid()


def release(source: Source[Message] | None) -> None:
    """Note that the source has no server any more."""
    _served.pop(id(undecorated(source)), None)
