"""Watch over the readers of some connections: those that have stopped are dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from hftlab.log import get_logger
from hftlab.server.server_socket import ServerSocket

__all__ = ["watch_readers"]

_LOOK: Final = 1 / 16
"""Part of the write deadline between two looks at the readers. A stall is noticed one look late and ended one late; two
more are for what a full system still takes (stall_detector.py) and for a loop that has much to do."""

_log = get_logger("hftlab.server")


async def watch_readers(
    sockets: Iterable[ServerSocket],
    deadline: float,
    abort: Callable[[ServerSocket, str], None],
    is_unpaced: Callable[[], bool],
) -> None:
    """Abort readers that have stopped, until it is cancelled; they are looked at several times within their deadline.

    On the way frames are gathered by the system for as long as nothing paces the stream.
    """
    while True:
        await asyncio.sleep(deadline * _LOOK)
        now = time.monotonic()
        for socket in list(sockets):
            try:
                socket.gather(is_unpaced())
                if socket.has_stopped(now, deadline * (1 - 4 * _LOOK)):
                    abort(socket, "slow consumer")
            except Exception:  # of one, and the others are to be looked at all the same
                _log.exception("a connection cannot be watched", connection=socket.name)
                abort(socket, "not watched")
