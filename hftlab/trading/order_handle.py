"""Orders as their owner holds them: handles that always show the newest state."""

from __future__ import annotations

from hftlab.clock import in_words
from hftlab.html_table import facts_table
from hftlab.protocol import OrderStatus, OrderType, Side, TimeInForce
from hftlab.trading.blotter import TrackedOrder
from hftlab.trading.order_record import OrderRecord

__all__ = ["OrderHandle"]


class OrderHandle:
    """Live order: each attribute is what the newest ORDER_UPDATE says, and may be read from any thread.

    Prices are in the instrument's currency, quantities in its units, times in nanoseconds UTC. Handles of the same
    order are equal.
    """

    def __init__(self, tracked: TrackedOrder) -> None:
        self.tracked = tracked
        """The blotter's entry, for hftlab itself."""

    @property
    def record(self) -> OrderRecord:
        """The order's state as of now; it does not change any more."""
        return self.tracked.record

    @property
    def client_order_id(self) -> str:
        """The id that the client has given it; a replacement gives it another one."""
        return self.tracked.record.client_order_id

    @property
    def order_id(self) -> str | None:
        """The server's id, which never changes; None before the first ORDER_UPDATE."""
        return self.tracked.record.order_id

    @property
    def symbol(self) -> str:
        """The symbol."""
        return self.tracked.record.symbol

    @property
    def side(self) -> Side:
        """BUY or SELL."""
        return self.tracked.record.side

    @property
    def order_type(self) -> OrderType:
        """MARKET, LIMIT, STOP, STOP_LIMIT or ICEBERG."""
        return self.tracked.record.order_type

    @property
    def status(self) -> OrderStatus:
        """PENDING_NEW, NEW, PARTIALLY_FILLED, FILLED, PENDING_CANCEL, CANCELED, REJECTED or EXPIRED."""
        return self.tracked.record.status

    @property
    def is_final(self) -> bool:
        """True if nothing more happens to it: FILLED, CANCELED, REJECTED or EXPIRED."""
        return self.tracked.record.is_final

    @property
    def quantity(self) -> float:
        """The whole quantity, filled part included."""
        return self.tracked.record.quantity

    @property
    def filled_quantity(self) -> float:
        """The quantity that has been filled."""
        return self.tracked.record.filled_quantity

    @property
    def remaining_quantity(self) -> float:
        """The quantity that is still open; 0 for an order that is final."""
        return self.tracked.record.remaining_quantity

    @property
    def price(self) -> float | None:
        """The limit; None for MARKET and STOP."""
        return self.tracked.record.price

    @property
    def stop_price(self) -> float | None:
        """The price that releases a STOP or STOP_LIMIT."""
        return self.tracked.record.stop_price

    @property
    def display_quantity(self) -> float | None:
        """The part of an ICEBERG that is shown."""
        return self.tracked.record.display_quantity

    @property
    def time_in_force(self) -> TimeInForce | None:
        """DAY, GTC, IOC or FOK; None where the server does not say."""
        return self.tracked.record.time_in_force

    @property
    def average_price(self) -> float | None:
        """The average price of its fills; None before the first."""
        return self.tracked.record.average_price

    @property
    def commission(self) -> float | None:
        """The commission of all its fills, a rebate below 0; None where the server does not say."""
        return self.tracked.record.commission

    @property
    def reason(self) -> str | None:
        """Why the newest update has come, for example why the order, or the last request about it, was refused."""
        return self.tracked.record.reason

    @property
    def created(self) -> int:
        """When this client made it; the time of its first update if another client did."""
        return self.tracked.record.created

    @property
    def updated(self) -> int:
        """The server's time of the newest update."""
        return self.tracked.record.updated

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrderHandle) and other.tracked is self.tracked

    def __hash__(self) -> int:
        return hash(self.tracked)

    def __repr__(self) -> str:
        record = self.record
        return f"<order {record.client_order_id}: {_terms(record)}, {_progress(record)}>"

    def _repr_html_(self) -> str:
        record = self.record
        facts = {
            "order": _terms(record),
            "state": _progress(record),
            "commission": "" if record.commission is None else f"{record.commission:,.12g}",
            "server's id": record.order_id or "",
            "created": in_words(record.created),
        }
        return facts_table(f"Order {record.client_order_id}", {name: text for name, text in facts.items() if text})


def _terms(record: OrderRecord) -> str:
    """Describe what is ordered: "BUY 100 AAPL, LIMIT 175.25, DAY"."""
    prices = [f"{record.price:,.12g}"] if record.price is not None else []
    if record.stop_price is not None:
        prices.append(f"stop {record.stop_price:,.12g}")
    if record.display_quantity is not None:
        prices.append(f"showing {record.display_quantity:,.12g}")
    kind = " ".join([record.order_type, *prices])
    terms = [f"{record.side} {record.quantity:,.12g} {record.symbol}", kind, record.time_in_force or ""]
    return ", ".join(filter(None, terms))


def _progress(record: OrderRecord) -> str:
    """Describe what has become of an order: "PARTIALLY_FILLED, 50 of 100 at 175.05 (reason)"."""
    text = str(record.status)
    if record.filled_quantity:
        text += f", {record.filled_quantity:,.12g} of {record.quantity:,.12g}"
        text += "" if record.average_price is None else f" at {record.average_price:,.12g}"
    return text if record.reason is None else f"{text} ({record.reason})"
