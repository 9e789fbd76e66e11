"""A bare WebSocket that is signed in and trades; it knows nothing of hftlab but the reference document's messages."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from hftlab.server import Server
from tests.server.conversation import PATIENCE

__all__ = ["PRIVATE", "Message", "Trader", "told", "trader"]

Message = dict[str, Any]
PRIVATE = ("ORDER_UPDATE", "POSITION_UPDATE", "PORTFOLIO_UPDATE")


def told(messages: list[Message]) -> list[Message]:
    """Return messages without the times at which they were sent, which differ from connection to connection."""
    return [{name: value for name, value in message.items() if name != "timestamp"} for message in messages]


class Trader:
    """One connection; `seen` has everything that it was sent, from its welcome on."""

    def __init__(self, connection: ClientConnection, *, packed: bool = False) -> None:
        self.connection, self.seen = connection, list[Message]()
        self.state: list[Message] = []
        """Snapshot of the account that came last at a sign-in."""
        self.missed: list[Message] = []
        """Numbered messages between the last AUTH_SUCCESS and its snapshot."""
        self._packed, self._ids = packed, itertools.count(1)

    async def read(self) -> Message:
        """Take the next message."""
        async with asyncio.timeout(PATIENCE):
            data = await self.connection.recv()
        message: Message = msgspec.msgpack.decode(data) if self._packed else json.loads(data)
        self.seen.append(message)
        return message

    async def until(self, condition: Callable[[Message], object]) -> Message:
        """Read on until a message meets a condition; returns it."""
        while not condition(message := await self.read()):
            pass
        return message

    async def send(self, **fields: Any) -> str:
        """Send one request; returns its id."""
        number = f"q{next(self._ids)}"
        body = {"timestamp": 1, "id": number} | fields
        await self.connection.send(msgspec.msgpack.encode(body) if self._packed else json.dumps(body))
        return number

    async def ask(self, **fields: Any) -> Message:
        """Send one request and return the answer to it."""
        number = await self.send(**fields)
        return await self.until(lambda message: message.get("id") == number)

    async def settle(self) -> None:
        """Read everything that has been sent until now."""
        await self.ask(type="PING")

    # --- the account ---

    async def sign_in(self, token: str, **fields: Any) -> Message:
        """Authenticate and read the account's snapshot, which ends with its portfolio; returns the AUTH_SUCCESS."""
        success = await self.ask(type="AUTH", token=token, **fields)
        assert success["type"] == "AUTH_SUCCESS", success
        place = len(self.seen)
        await self.until(lambda message: message["type"] == "PORTFOLIO_UPDATE" and message.get("snapshot"))
        since = [message for message in self.seen[place:] if message["type"] in (*PRIVATE, "GAP")]
        self.state = [message for message in since if message.get("snapshot")]
        self.missed = [message for message in since if not message.get("snapshot")]
        return success

    async def order(self, client_order_id: str, side: str = "BUY", quantity: float = 10, **fields: Any) -> Message:
        """Send a NEW_ORDER, at the market unless it has a price; returns the answer."""
        kind = "LIMIT" if "price" in fields else "MARKET"
        body = {"symbol": "AAPL", "side": side, "orderType": kind, "quantity": quantity} | fields
        return await self.ask(type="NEW_ORDER", clientOrderId=client_order_id, **body)

    async def ended(self, client_order_id: str) -> Message:
        """Read on until an order is over; returns its last update."""
        over = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
        return await self.until(lambda one: one.get("clientOrderId") == client_order_id and one["status"] in over)

    def updates(self, client_order_id: str) -> list[Message]:
        """Return the numbered updates of an order."""
        return [one for one in self.numbered if one.get("clientOrderId") == client_order_id]

    @property
    def numbered(self) -> list[Message]:
        """Private messages with a sequence, in the order in which they came."""
        return [one for one in self.private if "sequence" in one]

    @property
    def private(self) -> list[Message]:
        """All private messages."""
        return [one for one in self.seen if one["type"] in PRIVATE]


@asynccontextmanager
async def trader(
    server: Server, account: str | None = "alice", *, packed: bool = False, **auth: Any
) -> AsyncIterator[Trader]:
    """A connection that is signed in as an account, with the fields of AUTH that are given."""
    subprotocols = [Subprotocol("hftlab.v1.msgpack")] if packed else None
    async with connect(server.url, subprotocols=subprotocols, max_queue=None) as connection:
        one = Trader(connection, packed=packed)
        await one.read()
        if account is not None:
            await one.sign_in(server.issue_tokens(account).access, **auth)
        yield one
