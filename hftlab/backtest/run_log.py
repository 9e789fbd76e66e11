"""Log of a run: what was asked for and what became of it, and the tables that are made of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import msgspec
import polars as pl

from hftlab.backtest.decimal_grid import HIGHEST_PRICE
from hftlab.backtest.result_tables import RAW
from hftlab.instruments import UNIT
from hftlab.protocol.enums import UpdateType
from hftlab.protocol.messages import MarketData
from hftlab.protocol.order_messages import NewOrder, OrderUpdate, ReplaceOrder
from hftlab.simulator.entry_reasons import REQUESTED
from hftlab.trading.venue import Cancel, New, Replace, VenueRequest, VenueUpdate
from hftlab.trading.wire import optional_units, to_units

__all__ = ["RunLog", "SentRequest", "answers_request"]

_HIGHEST: Final = HIGHEST_PRICE / UNIT
_ENDS: Final = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
_KINDS: Final = {New: "NEW", Cancel: "CANCEL", Replace: "REPLACE"}


class SentRequest(msgspec.Struct, gc=False):
    """Record of one request of a run: a row of the table of requests, by the venue's order id."""

    order_id: str
    kind: str
    sent: int
    arrived: int | None
    outcome: str | None = None


class _Order:
    """Record of one order of a run."""

    __slots__ = ("account", "arrived", "created", "ended", "latest", "name", "order_id", "refusal", "request")

    def __init__(self, account: str, request: NewOrder, created: int) -> None:
        self.account, self.request, self.created = account, request, created
        self.name = request.client_order_id
        self.order_id: str | None = None
        self.arrived: int | None = None
        self.ended: int | None = None
        self.latest: OrderUpdate | None = None
        self.refusal: str | None = None


class RunLog:
    """Log of one run: requests as they are sent and arrive, updates as they happen and are heard, and quotes.

    An order is known by the client order id that it was sent with, also after a replacement.
    """

    def __init__(self) -> None:
        self._orders: list[_Order] = []
        self._by_name: dict[str, _Order] = {}
        self._by_order_id: dict[str, _Order] = {}
        self._open: dict[str, None] = {}
        """Ids of the orders that have not ended, in the order in which they became known."""
        self._requests: list[SentRequest] = []
        self._fills: list[VenueUpdate] = []
        self._quotes: list[tuple[int, str, float | None, float | None]] = []
        self._queue: list[tuple[int, str, int]] = []
        self._newest: _Order | None = None
        """The order that was sent last: its request reaches the venue within the same call."""
        self._sent: defaultdict[str, list[SentRequest]] = defaultdict(list)
        """Requests that have no outcome yet, by kind and the venue's order id, the oldest first."""

    # --- what happens ---

    def send(self, account: str, request: Any, at: int) -> None:
        """Note a request that the strategy sends."""
        if isinstance(request, NewOrder):
            known = self._by_name.get(request.client_order_id)
            if known is None or known.name != request.client_order_id:  # a refused replacement leaves its name free
                order = self._newest = _Order(account, request, at)
                self._orders.append(order)
                self._by_name[order.name] = order
            elif known.refusal is not None:  # nobody has taken it: it may come once more
                known.request, known.created, known.refusal, known.ended = request, at, None, None
                self._newest = known
        elif isinstance(request, ReplaceOrder) and request.client_order_id in self._by_name:
            self._by_name.setdefault(request.new_client_order_id, self._by_name[request.client_order_id])

    def arrive(self, request: VenueRequest, sent: int, arrival: int) -> None:
        """Note when a request reaches the venue."""
        kind = _KINDS[type(request)]
        row = SentRequest(request.order_id, kind, sent, arrival)
        self._requests.append(row)
        self._sent[kind + request.order_id].append(row)
        if kind == "NEW" and self._newest is not None:
            order, self._newest = self._newest, None
            order.arrived = arrival
            self._know(order, request.order_id)

    def update(self, update: VenueUpdate) -> None:
        """Note an update as it happens at the venue."""
        kind = update.kind
        if kind is UpdateType.FILL:
            self._fills.append(update)
            return
        if not answers_request(kind, update.reason):
            return
        asked = update.request if kind is UpdateType.REJECT and update.request is not None else kind
        if rows := self._sent.get(asked + update.order_id):  # an order's requests arrive as they were sent
            row = rows.pop(0)
            if not rows:
                del self._sent[asked + update.order_id]
            row.outcome = "REJECTED" if kind is UpdateType.REJECT else "DONE"

    def hear(self, update: OrderUpdate, at: int) -> None:
        """Note an update that the strategy hears of."""
        order = self._by_order_id.get(update.order_id)
        if order is None:
            order = self._by_name.get(update.client_order_id)
            if order is None:
                return
            self._know(order, update.order_id)
        order.latest = update
        if update.status in _ENDS and order.ended is None:  # later updates refuse requests about it
            order.ended = at
            self._open.pop(update.order_id, None)

    def refuse(self, client_order_id: str, reason: str, at: int) -> None:
        """Note that a new order was not taken; it may have the name of one that was, which goes on."""
        order = self._by_name[client_order_id]
        if order.order_id is None:
            order.refusal, order.ended = reason, at

    def _know(self, order: _Order, order_id: str) -> None:
        order.order_id = order_id
        self._by_order_id[order_id] = order
        self._open[order_id] = None

    def quote(self, message: MarketData, at: int) -> None:
        """Note the best prices of a message; one beyond what orders may have is that of an empty side."""
        for one in message.symbols:
            bid = one.bid if one.bid_size and one.bid <= _HIGHEST else None
            ask = one.ask if one.ask_size and one.ask <= _HIGHEST else None
            self._quotes.append((at, one.symbol, bid, ask))

    def stand(self, order_id: str, ahead: int, at: int) -> None:
        """Note the quantity (1e-9) ahead of a resting order."""
        self._queue.append((at, order_id, ahead))

    @property
    def open_order_ids(self) -> list[str]:
        """Ids of the orders that have not ended, as the strategy knows."""
        return list(self._open)

    # --- tables ---

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the tables with the columns of hftlab.backtest.result_tables.RAW."""
        return {
            "orders": _table("orders", [_order_row(order) for order in self._orders]),
            "fills": _table("fills", [self._fill_row(row) for row in self._fills]),
            "requests": _table("requests", [self._named(row) for row in self._requests]),
            "quotes": _table("quotes", [_quote_row(*quote) for quote in self._quotes]),
            "queue": _table(
                "queue",
                [{"at": at, "client_order_id": self._name(name), "ahead": ahead} for at, name, ahead in self._queue],
            ),
        }

    def _name(self, order_id: str) -> str:
        order = self._by_order_id.get(order_id)
        return order_id if order is None else order.name

    def _named(self, row: SentRequest) -> dict[str, Any]:
        return {**msgspec.structs.asdict(row), "client_order_id": self._name(row.order_id)}

    def _fill_row(self, update: VenueUpdate) -> dict[str, Any]:
        request = self._by_order_id[update.order_id].request
        return {
            "at": update.at,
            "heard": update.at if update.reported is None else update.reported,
            "client_order_id": self._name(update.order_id),
            "symbol": request.symbol,
            "side": request.side,
            "price": update.price,
            "quantity": update.quantity,
            "liquidity": update.liquidity,
            "why": update.reason,
            "ahead": update.ahead,
        }


def answers_request(kind: UpdateType, reason: str | None) -> bool:
    """Tell whether an update answers a request: the venue also cancels and reduces orders of its own accord."""
    if kind is UpdateType.CANCEL:
        return reason in (None, REQUESTED)
    return kind is not UpdateType.REPLACE or reason is None


def _quote_row(at: int, symbol: str, bid: float | None, ask: float | None) -> dict[str, Any]:
    return {"at": at, "symbol": symbol, "bid": optional_units(bid), "ask": optional_units(ask)}


def _order_row(order: _Order) -> dict[str, Any]:
    request, latest = order.request, order.latest
    row = {
        "client_order_id": order.name,
        "order_id": order.order_id,
        "account": order.account,
        "symbol": request.symbol,
        "side": request.side,
        "order_type": request.order_type,
        "time_in_force": request.time_in_force,
        "price": optional_units(request.price),
        "quantity": to_units(request.quantity),
        "created": order.created,
        "arrived": order.arrived,
        "ended": order.ended,
        "status": "PENDING_NEW",
        "filled_quantity": 0,
        "average_price": None,
        "commission": 0,
        "reason": None,
    }
    if latest is None:
        return row if order.refusal is None else row | {"status": "REJECTED", "reason": order.refusal}
    return row | {
        "price": optional_units(latest.price),
        "quantity": to_units(latest.quantity),
        "status": latest.status,
        "filled_quantity": to_units(latest.filled_quantity),
        "average_price": latest.average_price,
        "commission": to_units(latest.commission or 0.0),
        "reason": latest.reason,
    }


def _table(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=RAW[name])
