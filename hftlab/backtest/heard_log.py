"""Log of a run of which only the account's messages are known, as over the wire."""

from __future__ import annotations

from typing import Any, Final

from hftlab.backtest.run_log import RunLog, SentRequest, answers_request
from hftlab.clock import from_milliseconds
from hftlab.protocol.enums import Liquidity, OrderStatus, UpdateType
from hftlab.protocol.order_messages import CancelOrder, NewOrder, OrderUpdate, ReplaceOrder
from hftlab.trading.venue import VenueUpdate
from hftlab.trading.wire import to_units

__all__ = ["HeardLog"]

_MICROSECOND: Final = 1000
_KINDS: Final = {NewOrder: "NEW", CancelOrder: "CANCEL", ReplaceOrder: "REPLACE"}
_CHANGES: Final = ("CANCEL", "REPLACE")


class HeardLog(RunLog):
    """Log of one run over the wire: fills and outcomes are those that the server tells of.

    The venue's times are known where the server tells them (`tsEvent`), to the microsecond; else they are those at
    which the strategy heard of it. When requests arrive, and what stands ahead of orders, is not known.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[str, str] = {}
        """Client order id -> the first one of the same order."""
        self._waiting: dict[str, list[SentRequest]] = {}
        """First client order id -> rows of the requests that have no outcome yet."""

    def send(self, account: str, request: Any, at: int) -> None:
        """Note a request that the strategy sends."""
        super().send(account, request, at)
        kind = next((name for of, name in _KINDS.items() if isinstance(request, of)), None)
        if kind is None:
            return
        if isinstance(request, NewOrder):
            self._names[request.client_order_id] = request.client_order_id
        name = self._names.setdefault(request.client_order_id, request.client_order_id)
        if isinstance(request, ReplaceOrder):
            self._names.setdefault(request.new_client_order_id, name)
        row = SentRequest(name, kind, at, None)
        self._requests.append(row)
        self._waiting.setdefault(name, []).append(row)

    def hear(self, update: OrderUpdate, at: int) -> None:
        """Note an update that the strategy hears of."""
        super().hear(update, at)
        order = self._by_order_id.get(update.order_id)
        if order is None or update.snapshot:
            return
        if update.update_type is UpdateType.FILL:
            self._fill(update, at)
        elif update.status is OrderStatus.REJECTED:
            self._settle(order.name, ("NEW",), "REJECTED")
        elif update.update_type is UpdateType.REJECT:
            self._settle(order.name, _CHANGES, "REJECTED")
        elif update.status not in (OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL) and answers_request(
            update.update_type, update.reason
        ):
            self._settle(order.name, (update.update_type.value,), "DONE")

    def _settle(self, name: str, kinds: tuple[str, ...], outcome: str) -> None:
        """Note the outcome of the oldest request of such a kind."""
        rows = self._waiting.get(name, [])
        row = next((one for one in rows if one.kind in kinds), None)
        if row is not None:
            row.outcome = outcome
            rows.remove(row)

    def _fill(self, update: OrderUpdate, at: int) -> None:
        happened = at if update.ts_event is None else from_milliseconds(update.ts_event)
        self.update(
            VenueUpdate(
                at=at if 0 <= at - happened < _MICROSECOND else happened,
                reported=at,
                account="",
                order_id=update.order_id,
                kind=UpdateType.FILL,
                quantity=to_units(update.last_fill_quantity or 0.0),
                price=to_units(update.last_fill_price or 0.0),
                liquidity=update.last_liquidity or Liquidity.TAKER,
                reason=update.reason,
            )
        )
