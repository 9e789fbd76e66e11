"""Requests of trading, sent until they are answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, TypeAlias

from hftlab.client.commands import Commands
from hftlab.client.link import Link
from hftlab.client.supervisor import Supervisor
from hftlab.errors import AuthenticationFailed, NetworkError, RateLimitExceeded, ServerError, WireError
from hftlab.protocol import CancelAll, CancelOrder, NewOrder, ReplaceOrder

__all__ = ["UNSENT", "OrderRequest", "OrderRequests", "Sent", "may_be_placed"]

OrderRequest: TypeAlias = NewOrder | ReplaceOrder | CancelOrder | CancelAll
"""Messages that ask for something about orders."""

UNSENT: Final = 1.0
"""Timestamp of a message that has not been sent: the protocol stamps it then."""


@dataclass(slots=True)
class Sent:
    """A request that has been sent over `link`, or waits there to be, as number `number`."""

    message: OrderRequest
    link: Link
    number: str


class OrderRequests:
    """Requests of trading over the connections of a client: each is sent again, as it is, until it is answered.

    That does nothing twice, because the server knows an order by its client order id.
    """

    def __init__(self, url: str, supervisor: Supervisor, commands: Commands) -> None:
        self._url, self._supervisor, self._commands = url, supervisor, commands

    def check_connected(self) -> None:
        """Raise NetworkError if there is no connection, and HftlabError in a forked child."""
        self._commands.connected()

    def send(self, message: OrderRequest) -> Sent:
        """Send a request at once; answered() has to be awaited then.

        Raises NetworkError without a connection, RateLimitExceeded for an order while the server wants a pause.
        """
        link = self._commands.connected()
        return Sent(message, link, link.ask(message))

    async def ask(self, message: OrderRequest, seconds: float | None) -> None:
        """Send a request and wait for its answer; a cancellation waits for a connection if there is none.

        Raises what send() and answered() do.
        """
        if self._supervisor.link is None and isinstance(message, CancelOrder | CancelAll):
            seconds = await self._connected_within(message, seconds)
        await self.answered(self.send(message), seconds)

    async def answered(self, sent: Sent, seconds: float | None) -> None:
        """Wait for the answer to a request; after the loss of a connection it is sent again over the next one.

        Raises the error that the server answers with, and NetworkError without an answer.
        """
        was_sent = False
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        await sent.link.answer(sent.number)
                        return
                    except WireError as exc:
                        if not isinstance(exc, NetworkError) or _is_servers(exc):
                            if was_sent and not _is_about(sent.message, exc):
                                raise self._unanswered(sent.message, exc) from exc
                            if isinstance(exc, ServerError) and isinstance(sent.message, NewOrder):
                                self._commands.suggest(exc, [sent.message.symbol])
                            raise
                    was_sent = sent.message.timestamp != UNSENT
                    await self._send_again(sent)
        except TimeoutError:
            raise self._unanswered(sent.message, f"there was no answer within {seconds:g} s") from None

    async def _connected_within(self, message: OrderRequest, seconds: float | None) -> float | None:
        """Wait for a connection; returns what is left of the seconds. Raises NetworkError."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(seconds):
                await self._supervisor.wait_connected()
        except TimeoutError:
            raise self._unanswered(message, f"there was no connection within {seconds:g} s") from None
        return None if seconds is None else max(seconds - (loop.time() - started), 0.0)

    async def _send_again(self, sent: Sent) -> None:
        """Send a request once more, over the next connection if its own has ended. Raises NetworkError."""
        try:
            while sent.link.protocol.end is not None:
                sent.link = await self._supervisor.wait_another(sent.link)
            sent.number = sent.link.ask(sent.message)
        except WireError as exc:
            raise self._unanswered(sent.message, exc) from exc

    def _unanswered(self, message: OrderRequest, why: object) -> NetworkError:
        if message.timestamp == UNSENT:
            return NetworkError(f"{message.type} was not sent to {self._url}: {why}")
        name = "" if isinstance(message, CancelAll) else f" of {message.client_order_id}"
        return NetworkError(
            f"{self._url} has not acknowledged {message.type}{name} ({why}), and whether it has taken it is not known "
            "yet: client.trading.orders shows it once the client is connected again; the same client_order_id may be "
            "sent again without a second effect"
        )


def may_be_placed(message: OrderRequest, error: WireError) -> bool:
    """Tell whether the server may have taken a request that has ended with an error all the same."""
    return isinstance(error, NetworkError) and not _is_servers(error) and message.timestamp != UNSENT


def _is_servers(error: WireError) -> bool:
    """Tell whether an error has come from the server, rather than from this client."""
    return error.timestamp is not None


def _is_about(message: OrderRequest, error: WireError) -> bool:
    """Tell whether an error that answers a request sent once more says that the first one had no effect either."""
    return not isinstance(message, NewOrder) or not isinstance(error, RateLimitExceeded | AuthenticationFailed)
