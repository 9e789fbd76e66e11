"""Records a server over the network, with a client of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike
from typing import Final

from hftlab.client import Client
from hftlab.errors import SessionError, SubscriptionFailed
from hftlab.nearest import describe_unknown
from hftlab.protocol import DataType
from hftlab.recorder.closing import closed
from hftlab.recorder.recording import Recording
from hftlab.recorder.taps import describe, tap
from hftlab.session.object_path import is_object_uri
from hftlab.session.session import Session

__all__ = ["record_url"]

_EVERYTHING: Final = (DataType.QUOTES, DataType.TRADES, DataType.ORDER_BOOK, DataType.STATISTICS)

_NAMED: Final = 20
"""Symbols that an error names."""
_INTERVAL: Final = 0.5
"""Seconds between two reports of progress."""


async def record_url(
    url: str,
    folder: PathLike[str] | str,
    stop: Awaitable[object],
    symbols: Sequence[str] | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
    impatience: Callable[[], Awaitable[object]] | None = None,
) -> Session:
    """Record every change of `symbols` (default: all that the server offers) until `stop` is done.

    The recording also ends when the server's replay ends, the connection is lost for good or the disk fails. Without
    any market data no session is made or replaced. `progress` is called with the messages received so far, twice a
    second, and `impatience` at the end: when it is done, an upload that cannot be finished is given up. Raises
    ConnectionFailed, SubscriptionFailed, SessionExists, and SessionError if the disk has failed or no market data came.
    """
    async with Client(url) as client:
        wanted = symbols or client.offered_symbols
        if not wanted:
            raise SubscriptionFailed(
                f"{url} does not list its symbols: name them with symbols=[...] (on the command line --symbols)"
            )
        _check(wanted, client)
        begin = partial(Recording, folder, source=describe(client), overwrite=overwrite, keep_empty=False)
        recording = await asyncio.to_thread(begin) if is_object_uri(folder) else begin()
        detach = tap(client, recording)
        try:
            await client.subscribe(wanted, data_types=_EVERYTHING, frequency=0)
            await _first(stop, _ended(client, recording), *([] if progress is None else [_telling(client, progress)]))
        except BaseException:
            detach()
            with suppress(SessionError):  # the reason why nothing came is the one to report
                await closed(recording.close, recording, impatience)
            raise
        detach()
        return await closed(recording.close, recording, impatience)


def _check(wanted: Sequence[str], client: Client) -> None:
    """Raise SubscriptionFailed for an unknown symbol, before a folder is made or an old session is replaced."""
    offered = client.offered_symbols
    known = set(offered)
    unknown = [symbol for symbol in dict.fromkeys(wanted) if symbol not in known]
    if offered and unknown:
        told = describe_unknown(unknown, offered)
        names = "symbols as the server does" if "nearest" in told else f"some of {_some(offered)}"
        raise SubscriptionFailed(
            f"{client.url} does not have {told}: name {names}, or none to record all of its {len(offered):,}",
            context={"field": "symbols", "unknown": unknown},
        )


def _some(symbols: Sequence[str]) -> str:
    """Name symbols, but not very many of them."""
    more = f" and {len(symbols) - _NAMED:,} more" if len(symbols) > _NAMED else ""
    return ", ".join(symbols[:_NAMED]) + more


async def _ended(client: Client, recording: Recording) -> None:
    async for _ in client:
        if client.replay_ended or recording.failure is not None:
            return


async def _telling(client: Client, progress: Callable[[int], object]) -> None:
    while True:
        await asyncio.sleep(_INTERVAL)
        progress(client.metrics.messages_received)


async def _first(*awaitables: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
