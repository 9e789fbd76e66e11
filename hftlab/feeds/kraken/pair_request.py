"""Request for the pairs that Kraken lists, on a connection of its own."""

from __future__ import annotations

import asyncio

from hftlab.errors import ConnectionFailed
from hftlab.feeds.kraken.requests import subscribe
from hftlab.feeds.stream_socket import StreamSocket, open_stream
from hftlab.venues.kraken.frames import BAD_FRAME, Answer, Pair, decode_frame

__all__ = ["request_pairs"]


async def request_pairs(url: str, timeout: float) -> list[Pair]:
    """Return the pairs of the snapshot of the channel `instrument`. Raises ConnectionFailed."""
    come: asyncio.Queue[list[Pair] | str] = asyncio.Queue()

    def take(socket: StreamSocket, payload: bytes, at: int) -> None:  # noqa: ARG001
        try:
            frame = decode_frame(payload)
            if isinstance(frame, Answer):
                if not frame.success:
                    come.put_nowait(frame.error or "it does not say why")
            elif frame.channel == "instrument" and frame.is_snapshot:
                come.put_nowait(frame.pairs())
        except BAD_FRAME as error:
            come.put_nowait(str(error))

    socket = await open_stream(url, take, timeout)
    ended = asyncio.ensure_future(socket.ended.wait())
    pairs = asyncio.ensure_future(come.get())
    try:
        socket.say(subscribe(1, "instrument"))
        await asyncio.wait((pairs, ended), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not pairs.done():
            reason = socket.end_reason if ended.done() else f"no answer in {timeout:g} s"
            raise ConnectionFailed(f"{url} has not told its instruments ({reason}): check url; it is tried again")
        found = pairs.result()
        if isinstance(found, str):
            raise ConnectionFailed(f"{url} does not tell its instruments ({found}): check url; it is tried again")
        return found
    finally:
        pairs.cancel()
        ended.cancel()
        socket.leave()
