"""End of a recording that somebody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hftlab.recorder.recording import Recording
from hftlab.session.session import Session

__all__ = ["closed"]


async def closed(
    close: Callable[[], Session], recording: Recording, impatience: Callable[[], Awaitable[object]] | None
) -> Session:
    """Close a recording on a thread; when `impatience` is done before that, its upload is hurried."""
    closing = asyncio.ensure_future(asyncio.to_thread(close))
    waiting = None if impatience is None else asyncio.ensure_future(impatience())
    try:
        await asyncio.wait([closing, *([] if waiting is None else [waiting])], return_when=asyncio.FIRST_COMPLETED)
        if not closing.done():
            recording.hurry()
            await asyncio.wait([closing])
    finally:
        if waiting is not None:
            waiting.cancel()
    return closing.result()
