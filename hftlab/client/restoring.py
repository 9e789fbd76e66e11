"""What a connection has to have subscribed to: asked for until the server has it, or says that it will not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from hftlab.client.link import Link
from hftlab.client.receiver import Receiver
from hftlab.client.reporter import Reporter
from hftlab.errors import NetworkError, SubscriptionFailed, WireError
from hftlab.protocol import Subscribe
from hftlab.protocol.subscribing.resync import combined
from hftlab.transport.recovery import Action

__all__ = ["Restorer"]


class Restorer:
    """Of one connection. What its server does not have is left out from then on; the next connection asks for it."""

    def __init__(self, link: Link, receiver: Receiver, reporter: Reporter) -> None:
        self._link, self._receiver, self._reporter = link, receiver, reporter
        self._unknown: set[str] = set()
        """Symbols that the server has said it does not have."""

    async def restore(self, requests: Iterable[Subscribe]) -> None:
        """Send requests, in as few as possible. What is refused is told as an error; raises NetworkError."""
        limits = self._receiver.limits
        for request in combined(requests, None if limits is None else limits.max_symbols):
            await self._insist(request)

    async def held(self) -> None:
        """Wait until the server may be asked."""
        while (seconds := self._reporter.held_for()) > 0:
            await asyncio.sleep(seconds)

    def has(self, symbols: Iterable[str]) -> None:
        """The server has accepted these."""
        self._unknown.difference_update(symbols)

    async def _insist(self, request: Subscribe) -> None:
        """Ask until the server has taken it, or refused it for another reason than that it is too much."""
        while wanted := [symbol for symbol in request.symbols if symbol not in self._unknown]:
            await self.held()
            try:
                await self._link.exchange(msgspec.structs.replace(request, symbols=wanted))
                return
            except NetworkError as exc:
                # What has been subscribed to would be missing in silence: a new connection asks for all of it.
                self._link.abort(str(exc))
                raise
            except WireError as exc:
                action = self._reporter.fail(exc).action
                unknown = _unknown(exc).intersection(wanted)
                self._unknown |= unknown
                if not unknown and action is not Action.BACKOFF:
                    return


def _unknown(error: WireError) -> set[str]:
    """The symbols that a refusal names as unknown."""
    named = (error.context or {}).get("unknown") if isinstance(error, SubscriptionFailed) else None
    return {symbol for symbol in named if isinstance(symbol, str)} if isinstance(named, list) else set()
