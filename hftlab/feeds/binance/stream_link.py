"""Link to some of Binance's streams: a connection that overlaps replaces one before the venue ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from hftlab.errors import ConnectionFailed
from hftlab.feeds.arrivals import Arrival, Frame
from hftlab.feeds.binance.handover import Handover
from hftlab.feeds.binance.streams import Subscription
from hftlab.feeds.stream_link import LinkCounts, LinkTerms, StreamLink
from hftlab.feeds.stream_socket import StreamSocket

__all__ = ["BinanceLink"]

_STREAM: Final = b'{"stream"'
_SHUTDOWN: Final = b'"serverShutdown"'
_HEAD: Final = 200
"""Bytes in which the name of an event is."""


class _Reply(msgspec.Struct):
    """Answer to a request; `id` is missing of anything else."""

    id: int | str | None = None
    error: msgspec.Raw = msgspec.Raw(b"")
    code: int | None = None
    msg: str | None = None


_reply: Final = msgspec.json.Decoder(_Reply)


class BinanceLink(StreamLink):
    """Link to the streams of a subscription; two connections overlap when one is renewed."""

    def __init__(
        self,
        url: str,
        subscription: Subscription,
        terms: LinkTerms,
        counts: LinkCounts,
        tell: Callable[[Arrival], None],
    ) -> None:
        super().__init__(url, subscription.symbols, terms, counts, tell)
        self.subscription = subscription
        self._handover: Handover[StreamSocket] = Handover()
        self._replies: dict[StreamSocket, asyncio.Queue[_Reply]] = {}
        """Answers to the requests of connections that wait for some."""

    def _retired(self, socket: StreamSocket) -> Iterable[Frame]:
        return self._handover.retire(socket)

    def _address(self) -> str:
        # A path without streams is not documented: the first one is in the address, and is asked for once more.
        return f"{self._url}?streams={self.subscription.streams[0]}"

    async def _subscribe(self, socket: StreamSocket) -> None:
        self._handover.begin(socket)
        self._replies[socket] = asyncio.Queue()
        try:
            for number, request in self.subscription.requests():
                if number > 1:
                    await asyncio.sleep(1 / self._terms.requests_per_second)
                socket.say(request)
                await self._granted(socket, number)
        finally:
            del self._replies[socket]

    async def _granted(self, socket: StreamSocket, number: int) -> None:
        while True:
            said = await self._answer(socket, self._replies[socket])
            error = bytes(said.error)
            if error or said.code is not None:
                what = error.decode(errors="replace") if error else f"{said.msg}"
                raise ConnectionFailed(f"{self._url} refuses the streams ({what}): check symbols and market")
            if said.id == number:
                return

    def _take(self, socket: StreamSocket, payload: bytes, at: int) -> None:
        head = payload[:_HEAD]
        if _SHUTDOWN in head:
            self._renew.set()
            return
        if not head.startswith(_STREAM):
            try:
                reply = _reply.decode(payload)
            except msgspec.DecodeError:
                reply = _Reply()
            if reply.id is not None or bytes(reply.error) or reply.code is not None:
                if socket in self._replies:
                    self._replies[socket].put_nowait(reply)
                return
        if not socket.has_left:
            self._pass_on(self._handover.receive(socket, payload, at))
