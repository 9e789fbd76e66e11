"""Sources that this process reads: each yields a message once, and so has one server or recording at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from hftlab.calling import awaited
from hftlab.errors import HftlabError
from hftlab.protocol import Message
from hftlab.source import Source, undecorated

__all__ = ["check_unserved", "claim", "claim_for", "release"]

_served: Final[dict[int, tuple[object, Callable[[], str], str, int]]] = {}
"""By the source's id: the source, who reads it, the call that stops that, and the process of that, of which this may
be a fork."""


def check_unserved(source: Source[Message] | None) -> None:
    """Raise HftlabError if a server or a recording reads the source, or one that it decorates."""
    known = _served.get(id(undecorated(source)))
    if known is None:
        return
    _, reader, stop, process = known
    if process == os.getpid():
        raise HftlabError(
            f"{source!r} is streamed by {reader()}, and two would each get a part of its messages: "
            f"stop that one first, with {stop}, or make another source"
        )


def claim(source: Source[Message] | None, url: Callable[[], str]) -> None:
    """Note that the server at `url()` streams the source. Raises HftlabError if another one does."""
    claim_for(source, lambda: f"the server at {url()}", awaited("server.stop()"))


def claim_for(source: Source[Message] | None, reader: Callable[[], str], stop: str) -> None:
    """Note that `reader()` reads the source until the call `stop`. Raises HftlabError if another one does."""
    check_unserved(source)
    if source is not None:
        first = undecorated(source)
        _served[id(first)] = first, reader, stop, os.getpid()


def release(source: Source[Message] | None) -> None:
    """Note that the source has no server any more."""
    _served.pop(id(undecorated(source)), None)
