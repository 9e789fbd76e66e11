"""Blotter of one account at a client: its orders, fills, positions and portfolio."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from hftlab.clock import from_milliseconds
from hftlab.protocol.enums import OrderStatus, UpdateType
from hftlab.protocol.messages import Ack, AuthSuccess, Gap, Message
from hftlab.protocol.order_messages import PRIVATE_CHANNEL, NewOrder, OrderUpdate, PortfolioUpdate, PositionUpdate
from hftlab.trading.order_record import FINAL, FillRecord, OrderRecord

__all__ = ["Blotter", "TrackedOrder"]

_FILL: Final = UpdateType.FILL
_FINISHED: Final = 10_000
_FILLS: Final = 100_000
_NAMES: Final = 100
"""Client order ids that one order keeps: a replaced order has one more each time."""

_UNKNOWN: Final = (
    "the server does not know this order any more: {why} since the connection was lost, and what became of the order "
    "is not known"
)
_OTHER_SERVER: Final = "another exchange runs there"
_FORGOTTEN: Final = "more orders have ended than it keeps"
_WITHDRAWN: Final = "the replay has gone back to a time before this order"


class TrackedOrder:
    """Order of a blotter; its `record` is replaced at each change, never changed, and may be read from any thread."""

    __slots__ = ("began", "ended", "is_from_snapshot", "names", "record", "session")

    def __init__(self, record: OrderRecord, session: int) -> None:
        self.record = record
        self.names: deque[tuple[str, int]] = deque([(record.client_order_id, 0)], maxlen=_NAMES)
        """Its client order ids, the newest last, and the private sequences at which it got them."""
        self.began = 0
        """Private sequence of the first update; of an order that a snapshot has told of, the latest that it can be."""
        self.is_from_snapshot = False
        self.ended: int | None = None
        """Private sequence at which it was final, at the latest; None of one that is not."""
        self.session = session
        """Number of the server session that has mentioned it last."""


class Blotter:
    """Orders, fills, positions and portfolio of one account, from the orders sent and the messages received.

    Every call returns the orders that it has changed. Messages come in the order of their sequence; one that has come
    before changes nothing. All open orders are kept, and the newest 10,000 finished ones and 100,000 fills. One thread
    fills it; any may read it.

    After a reconnection the server tells the account's whole state (see PORTFOLIO_UPDATE). An order that it does not
    mention then is EXPIRED, unless the server has never acknowledged it: that one may still arrive. The same follows
    a GAP by which messages are withdrawn, as a replay has gone back: their fills and orders are forgotten.
    """

    def __init__(self) -> None:
        self.account: str | None = None
        """Account that the server has signed the client in as; None before, and if it does not say."""
        self.portfolio: PortfolioUpdate | None = None
        self._server: str | None = None
        self._session = 0
        self._sequence = 0
        self._is_reconnected = self._is_new_server = self._is_withdrawing = False
        self._told = 0
        """Private sequence of the account at the last sign-in, which its snapshot contains."""
        self._unmentioned: set[TrackedOrder] | None = None
        """Orders that neither the messages missed nor the snapshot have mentioned; None while no snapshot comes."""
        self._clear()

    def _clear(self) -> None:
        self._orders: dict[TrackedOrder, None] = {}
        self._open: dict[TrackedOrder, None] = {}
        self._finished: dict[TrackedOrder, None] = {}
        self._by_name: dict[str, TrackedOrder] = {}
        self._by_order_id: dict[str, TrackedOrder] = {}
        self._replacing: dict[str, TrackedOrder] = {}
        """Client order ids that orders are about to have."""
        self._fills: deque[FillRecord] = deque(maxlen=_FILLS)
        self._fill_sequences: deque[int] = deque(maxlen=_FILLS)
        self._positions: dict[str, PositionUpdate] = {}
        self._unmentioned_positions: set[str] = set()
        self._sequence = 0
        self.portfolio = None

    # --- state ---

    @property
    def orders(self) -> list[TrackedOrder]:
        """All orders, in the order in which they became known."""
        return list(self._orders)

    @property
    def open_orders(self) -> list[TrackedOrder]:
        """Orders that are not final."""
        return list(self._open)

    @property
    def fills(self) -> list[FillRecord]:
        """The newest fills, oldest first."""
        return list(self._fills)

    @property
    def fill_count(self) -> int:
        """Number of the fills that are kept."""
        return len(self._fills)

    def fill(self, index: int) -> FillRecord:
        """Return one of the fills; the newest is at -1. Raises IndexError."""
        return self._fills[index]

    @property
    def positions(self) -> dict[str, PositionUpdate]:
        """The newest POSITION_UPDATE of each symbol."""
        return dict(self._positions)

    def find(self, client_order_id: str) -> TrackedOrder | None:
        """Return the order that has, or had before a replacement, this id; None if there is none."""
        return self._by_name.get(client_order_id)

    def own(self, order: TrackedOrder) -> TrackedOrder | None:
        """Return the entry here of an order that may be one of another client's blotter; None if it is not known."""
        return order if order in self._orders else self.find(order.record.client_order_id)

    def position(self, symbol: str) -> PositionUpdate | None:
        """Return the newest POSITION_UPDATE of a symbol; None if there was none."""
        return self._positions.get(symbol)

    # --- what the client sends ---

    def track(self, request: NewOrder, at: int) -> TrackedOrder:
        """Add an order that is about to be sent at `at` (ns).

        One that is known by its id is returned; if it was refused before the server had taken it, it begins anew.
        """
        known = self._by_name.get(request.client_order_id)
        if known is None or self._is_of_the_past(known):
            return self._add(OrderRecord.of_request(request, at))
        if known.record.is_final and not known.record.is_acknowledged:
            self._change(known, OrderRecord.of_request(request, at))
        return known

    def acknowledge(self, order: TrackedOrder) -> list[TrackedOrder]:
        """Take in the ACK of an order."""
        if order.record.is_acknowledged:
            return []
        order.record = msgspec.structs.replace(order.record, is_acknowledged=True)
        order.session = self._session
        return [order]

    def refuse(self, order: TrackedOrder, reason: str, at: int) -> list[TrackedOrder]:
        """Take in the ERROR that answers an order: it is REJECTED, unless the server has said something of it."""
        if order.record.is_acknowledged:
            return []
        status, kind = OrderStatus.REJECTED, UpdateType.REJECT
        return self._change(
            order,
            msgspec.structs.replace(order.record, status=status, update_type=kind, reason=reason, updated=at),
        )

    def replace(self, order: TrackedOrder, new_client_order_id: str) -> None:
        """Take note that the order is about to have another client order id."""
        self._replacing[new_client_order_id] = order

    def keep(self, new_client_order_id: str) -> None:
        """Take note that the replacement by this id has been refused."""
        self._replacing.pop(new_client_order_id, None)

    # --- what the server sends ---

    def receive(self, message: Message) -> list[TrackedOrder]:
        """Take in a private message, an AUTH_SUCCESS or a welcome; others change nothing."""
        if isinstance(message, OrderUpdate):
            sequence = message.sequence  # None in a backtest
            return [] if sequence is not None and self._has_come(sequence) else self._order(message)
        match message:
            case PositionUpdate() if not self._has_come(message.sequence):
                self._positions[message.symbol] = message
                self._unmentioned_positions.discard(message.symbol)
            case PortfolioUpdate() if not self._has_come(message.sequence):
                self.portfolio = message
                return self._end_snapshot(message) if message.snapshot else []
            case Gap(withdrawn=True) if message.channel == PRIVATE_CHANNEL and not self._has_come(message.sequence):
                return self._withdraw(message.from_sequence)
            case Ack():
                self._welcome(message.session)
            case AuthSuccess():
                self._told = message.private_sequence or 0
                self._signed_in(message.subject)
        return []

    def _welcome(self, session: str | None) -> None:
        if session is None:
            return
        self._is_new_server = session != self._server and self._server is not None
        if self._is_new_server:
            # Sequences and the server's order ids begin anew.
            self._session += 1
            self._sequence = 0
            self._by_order_id.clear()
        self._server, self._is_reconnected, self._unmentioned = session, True, None
        self._is_withdrawing = False

    def _signed_in(self, account: str | None) -> None:
        if account != self.account:
            if self.account is not None:
                self._clear()
            self.account = account
        if self._is_reconnected:  # a renewed sign-in of the same connection misses nothing
            self._is_reconnected = False
            self._unmentioned = {order for order in self.open_orders if order.record.is_acknowledged}
            self._unmentioned_positions = set(self._positions)

    def _has_come(self, sequence: int | None) -> bool:
        if sequence is None:
            return False
        if sequence <= self._sequence:
            return True
        self._sequence = sequence
        return False

    def _order(self, update: OrderUpdate) -> list[TrackedOrder]:
        at = from_milliseconds(update.timestamp if update.ts_event is None else update.ts_event)
        order = self._find(update)
        before = None if order is None else order.record
        if update.update_type is _FILL and (fill := FillRecord.of_update(update, at, before)) is not None:
            self._fills.append(fill)
            self._fill_sequences.append(self._sequence)
        record = OrderRecord.of_update(update, at, before)
        is_first = before is None or before.order_id is None
        if order is None:
            order = self._add(record)
        else:
            order.session = self._session
            if self._unmentioned is not None:
                self._unmentioned.discard(order)
            self._change(order, record)
        if is_first or update.snapshot:
            newest = max(self._sequence, self._told) if update.snapshot else self._sequence
            if is_first:
                order.began, order.is_from_snapshot = newest, update.snapshot
            if update.snapshot and order.ended == self._sequence:
                order.ended = newest
        return [order]

    def _find(self, update: OrderUpdate) -> TrackedOrder | None:
        """Find the order of an update: by the server's id, which does not change, else by the client's."""
        order = self._by_order_id.get(update.order_id)
        if order is not None and not (self._is_withdrawing and self._may_be_another(order, update)):
            return order
        name = update.client_order_id
        order = self._by_name.get(name) or self._replacing.get(name)
        if order is None or self._is_of_the_past(order):
            return None
        is_another = order.record.order_id not in (None, update.order_id) and order.session == self._session
        return None if is_another else order

    def _may_be_another(self, order: TrackedOrder, update: OrderUpdate) -> bool:
        """Tell whether the update's id, which a replay that goes back may give again, is not this order's."""
        is_known = self._unmentioned is None or order not in self._unmentioned
        return not is_known and order.is_from_snapshot and update.client_order_id not in dict(order.names)

    def _is_of_the_past(self, order: TrackedOrder) -> bool:
        """Tell whether an order has ended in an earlier server session, so that its ids may be used again."""
        return order.session != self._session and order.record.is_final

    # --- snapshots ---

    def _end_snapshot(self, message: PortfolioUpdate) -> list[TrackedOrder]:
        """Take in the end of the account's snapshot: what has not been mentioned is not there any more."""
        if self._unmentioned is None:
            return []
        lost, self._unmentioned = self._unmentioned, None
        is_withdrawing, self._is_withdrawing = self._is_withdrawing, False
        for symbol in self._unmentioned_positions:
            if self._positions[symbol].quantity or self._is_new_server or is_withdrawing:
                del self._positions[symbol]
        at = from_milliseconds(message.timestamp)
        changed: list[TrackedOrder] = []
        why = _OTHER_SERVER if self._is_new_server else _FORGOTTEN
        reason = _WITHDRAWN if is_withdrawing else _UNKNOWN.format(why=why)
        for order in [each for each in self._orders if each in lost]:
            changed += self._expire(order, reason, at)
            if is_withdrawing:
                self._forget(order)
        return changed

    def _expire(self, order: TrackedOrder, reason: str, at: int) -> list[TrackedOrder]:
        gone = {"status": OrderStatus.EXPIRED, "update_type": UpdateType.EXPIRE, "reason": reason, "updated": at}
        return self._change(order, msgspec.structs.replace(order.record, **gone))

    def _withdraw(self, sequence: int) -> list[TrackedOrder]:
        """Forget what messages from `sequence` on have said; the account's snapshot tells what holds instead."""
        while self._fill_sequences and self._fill_sequences[-1] >= sequence:
            self._fill_sequences.pop()
            self._fills.pop()
        self._unmentioned = {each for each in self._orders if _may_differ(each, sequence)}
        self._unmentioned_positions = set(self._positions)
        self._is_withdrawing = True
        gone = [one for one in self._orders if one.began >= sequence and not one.is_from_snapshot]
        changed: list[TrackedOrder] = []
        for order in gone:
            changed += self._expire(order, _WITHDRAWN, order.record.updated)
            self._forget(order)
        self._unmentioned.difference_update(gone)
        for order in self._unmentioned:
            while order.names[-1][1] >= sequence and len(order.names) > 1:
                self._forget_name(order, order.names.pop()[0])
            # What the snapshot leaves out is as it was in the beginning.
            order.record = msgspec.structs.replace(order.record, average_price=None, commission=None)
        return changed

    # --- changes ---

    def _add(self, record: OrderRecord) -> TrackedOrder:
        order = TrackedOrder(record, self._session)
        self._orders[order] = None
        self._by_name[record.client_order_id] = order
        self._change(order, record)
        return order

    def _change(self, order: TrackedOrder, record: OrderRecord) -> list[TrackedOrder]:
        name = record.client_order_id
        if name != order.names[-1][0]:
            self._rename(order, name)
        order.record = record
        if record.order_id is not None and order.session == self._session:  # another server gives its ids once more
            self._by_order_id[record.order_id] = order
        if record.status not in FINAL:
            if order not in self._open:
                order.ended = None
                self._finished.pop(order, None)
                self._open[order] = None
        elif order not in self._finished:
            order.ended = self._sequence
            self._open.pop(order, None)
            self._finished[order] = None
            if self._replacing:
                self._replacing = {new: each for new, each in self._replacing.items() if each is not order}
            self._forget_the_oldest()
        return [order]

    def _rename(self, order: TrackedOrder, name: str) -> None:
        self._replacing.pop(name, None)
        if len(order.names) == _NAMES:
            self._forget_name(order, order.names[0][0])
        order.names.append((name, self._sequence))
        self._by_name[name] = order

    def _forget_the_oldest(self) -> None:
        while len(self._finished) > _FINISHED:
            self._forget(next(iter(self._finished)))

    def _forget(self, order: TrackedOrder) -> None:
        """Forget an order that is final."""
        self._orders.pop(order, None)
        self._finished.pop(order, None)
        for name, _ in order.names:
            self._forget_name(order, name)
        number = order.record.order_id
        if number is not None and self._by_order_id.get(number) is order:
            del self._by_order_id[number]

    def _forget_name(self, order: TrackedOrder, name: str) -> None:
        if self._by_name.get(name) is order:
            del self._by_name[name]


def _may_differ(order: TrackedOrder, sequence: int) -> bool:
    """Tell whether an order may have been another one before the private message of that sequence."""
    return order.record.is_acknowledged and (order.ended is None or order.ended >= sequence)
