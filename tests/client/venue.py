"""A scripted venue: it keeps the orders that come, and says of each what a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.client.servers import Reply, Script, acknowledge, scripted

__all__ = ["QUICK", "ScriptedVenue", "trading_venue"]

QUICK: dict[str, Any] = {"reconnect_interval": 0.01, "max_reconnect_attempts": 1000}
"""A client that comes back as soon as it can."""


class ScriptedVenue:
    """Orders on a Script: they are idempotent by their client order id, and numbered from 1."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.orders: dict[str, dict[str, Any]] = {}
        self.sequence = 0
        self.log: list[Reply] = []
        script.answers |= {
            "NEW_ORDER": self._place,
            "CANCEL_ORDER": self._cancel,
            "REPLACE_ORDER": self._replace,
            "CANCEL_ALL": self._cancel_all,
            "AUTH": self._sign_in,
        }

    def update(self, order: dict[str, Any], kind: str, **changes: Any) -> Reply:
        """Change an order, and make the numbered ORDER_UPDATE that says so."""
        order |= changes
        self.sequence += 1
        self.log.append({"type": "ORDER_UPDATE", "channel": 0, "sequence": self.sequence, "updateType": kind} | order)
        return self.log[-1]

    async def fill(self, name: str, quantity: float, price: float) -> None:
        """Fill a part of an order, and say so."""
        order = self.orders[name]
        filled = order["filledQuantity"] + quantity
        left = order["quantity"] - filled
        changes = {"filledQuantity": filled, "remainingQuantity": left, "averagePrice": price}
        status = "PARTIALLY_FILLED" if left else "FILLED"
        update = self.update(order, "FILL", status=status, commission=filled / 100, **changes)
        await self.say(update | {"lastFillPrice": price, "lastFillQuantity": quantity})

    async def say(self, message: Reply) -> None:
        await self.script.say(**message)

    def _place(self, request: dict[str, Any]) -> list[Reply]:
        name = request["clientOrderId"]
        if name in self.orders:
            return acknowledge(request)
        order = {key: request[key] for key in ("clientOrderId", "symbol", "side", "orderType", "quantity")}
        order |= {"orderId": f"ORD_{len(self.orders) + 1}", "price": request.get("price")}
        self.orders[name] = order | {"filledQuantity": 0.0, "remainingQuantity": order["quantity"]}
        return [*acknowledge(request), self.update(self.orders[name], "NEW", status="NEW")]

    def _cancel(self, request: dict[str, Any]) -> list[Reply]:
        order = self.orders.get(request["clientOrderId"])
        if order is None:
            return [_error(f"there is no order {request['clientOrderId']}")]
        if order["status"] == "CANCELED":
            return acknowledge(request)
        if order["status"] == "FILLED":
            return [*acknowledge(request), self.update(order, "REJECT") | {"reason": "the order is filled"}]
        return [*acknowledge(request), self.update(order, "CANCEL", status="CANCELED", remainingQuantity=0.0)]

    def _replace(self, request: dict[str, Any]) -> list[Reply]:
        new = request["newClientOrderId"]
        if new in self.orders:
            return acknowledge(request)
        order = self.orders[request["clientOrderId"]]
        if request.get("price", 1.0) > 1000.0:
            return [*acknowledge(request), self.update(order, "REJECT") | {"reason": "the price is too high"}]
        self.orders[new] = order
        changes = {key: request[key] for key in ("price", "quantity") if key in request}
        left = changes.get("quantity", order["quantity"]) - order["filledQuantity"]
        return [
            *acknowledge(request),
            self.update(order, "REPLACE", clientOrderId=new, remainingQuantity=left, **changes),
        ]

    def _cancel_all(self, request: dict[str, Any]) -> list[Reply]:
        mine = {id(order): order for order in self.orders.values() if order["status"] == "NEW"}.values()
        wanted = [order for order in mine if request.get("symbol") in (None, order["symbol"])]
        canceled = [self.update(order, "CANCEL", status="CANCELED", remainingQuantity=0.0) for order in wanted]
        return [*acknowledge(request), *canceled]

    def _sign_in(self, request: dict[str, Any]) -> list[Reply]:
        """Sign in: what was missed, then the state of the account."""
        seen = request.get("resumeFrom")
        success = {"type": "AUTH_SUCCESS", "subject": "alice", "privateSequence": self.sequence}
        missed = [] if seen is None else self.log[seen:]
        told = {id(order): order for order in self.orders.values() if order["status"] == "NEW"}.values()
        state = [{"type": "ORDER_UPDATE", "channel": 0, "snapshot": True, "updateType": "NEW"} | one for one in told]
        return [success, *missed, *state, portfolio()]


def portfolio() -> Reply:
    amounts = dict.fromkeys(("marketValue", "unrealizedPnL", "realizedPnL", "dayPnL"), 0.0)
    money = {"totalValue": 1000.0, "cash": 1000.0, "buyingPower": 4000.0}
    return {"type": "PORTFOLIO_UPDATE", "channel": 0, "snapshot": True} | amounts | money


def _error(message: str) -> Reply:
    return {"type": "ERROR", "errorType": "SERVER_ERROR", "message": message, "recoverable": True}


@asynccontextmanager
async def trading_venue() -> AsyncIterator[ScriptedVenue]:
    async with scripted() as script:
        yield ScriptedVenue(script)
