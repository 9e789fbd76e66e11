"""Views of a client's account: its orders, positions and fills, which always show the newest state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import msgspec

from hftlab.clock import from_milliseconds, in_words
from hftlab.errors import NameNotFound
from hftlab.html_table import rows_table
from hftlab.nearest import describe_unknown, meant
from hftlab.protocol import PositionSide, PositionUpdate
from hftlab.trading.blotter import Blotter, TrackedOrder
from hftlab.trading.order_handle import OrderHandle
from hftlab.trading.order_record import FillRecord, OrderRecord

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Fills", "Orders", "Positions", "counted"]

OrderT = TypeVar("OrderT", bound=OrderHandle)
OtherT = TypeVar("OtherT", bound=OrderHandle)

_SHOWN: Final = 50
"""Rows of a table in a notebook; to_polars() has all."""

_ORDER_COLUMNS: Final = {
    **dict.fromkeys(("client_order_id", "order_id", "symbol", "side", "order_type", "status"), "String"),
    **dict.fromkeys(("quantity", "filled_quantity", "remaining_quantity", "price", "stop_price"), "Float64"),
    **dict.fromkeys(("display_quantity", "average_price", "commission"), "Float64"),
    **dict.fromkeys(("time_in_force", "reason"), "String"),
    **dict.fromkeys(("created", "updated"), "Int64"),
}
_FILL_COLUMNS: Final = {
    "time": "Int64",
    **dict.fromkeys(("client_order_id", "order_id", "symbol", "side"), "String"),
    **dict.fromkeys(("price", "quantity", "commission"), "Float64"),
}
_POSITION_COLUMNS: Final = {
    **dict.fromkeys(("symbol", "side"), "String"),
    **dict.fromkeys(("quantity", "average_price", "current_price", "market_value"), "Float64"),
    **dict.fromkeys(("unrealized_pnl", "realized_pnl", "day_pnl"), "Float64"),
    "currency": "String",
    "time": "Int64",
}


class Orders(Sequence[OrderT], Generic[OrderT]):
    """Orders of an account, in the order in which they became known; each is live, and so is the sequence.

    `orders[-1]` is the newest, `orders["my-order-1"]` the one with that client order id (KeyError if there is none).
    """

    def __init__(self, blotter: Blotter, handle: Callable[[TrackedOrder], OrderT], *, only_open: bool = False) -> None:
        self._blotter, self._handle, self._only_open = blotter, handle, only_open
        self._what = "open order" if only_open else "order"

    def of(self, handle: Callable[[TrackedOrder], OtherT]) -> Orders[OtherT]:
        """Return the same orders as handles of another kind."""
        return Orders(self._blotter, handle, only_open=self._only_open)

    def _tracked(self) -> list[TrackedOrder]:
        return self._blotter.open_orders if self._only_open else self._blotter.orders

    def _records(self) -> list[OrderRecord]:
        return [order.record for order in self._tracked()]

    @overload
    def __getitem__(self, index: int | str) -> OrderT: ...
    @overload
    def __getitem__(self, index: slice) -> list[OrderT]: ...
    def __getitem__(self, index: int | str | slice) -> OrderT | list[OrderT]:
        if isinstance(index, str):
            found = self._blotter.find(index)
            if found is None or (self._only_open and found.record.is_final):
                raise NameNotFound(f"no {self._what} has the client order id {index!r}")
            return self._handle(found)
        if isinstance(index, slice):
            return [self._handle(order) for order in self._tracked()[index]]
        return self._handle(self._tracked()[index])

    def __len__(self) -> int:
        return len(self._tracked())

    def __iter__(self) -> Iterator[OrderT]:
        return iter([self._handle(order) for order in self._tracked()])

    def __contains__(self, order: object) -> bool:
        """Tell whether an order is among these; also by a client order id."""
        if isinstance(order, str):
            found = self._blotter.find(order)
            return found is not None and not (self._only_open and found.record.is_final)
        return order in list(self)

    def _ipython_key_completions_(self) -> list[str]:
        return [record.client_order_id for record in reversed(self._records())]

    def to_polars(self) -> pl.DataFrame:
        """Make a table, a row an order.

        Strings client_order_id, order_id, symbol, side, order_type, status, time_in_force and reason; Float64 quantity,
        filled_quantity, remaining_quantity, price, stop_price, display_quantity, average_price and commission; Int64
        created and updated (ns UTC). What is not known is null.
        """
        return _frame(self._records(), _ORDER_COLUMNS)

    def __repr__(self) -> str:
        return _listed(self._what, list(map(repr, self)))

    def _repr_html_(self) -> str:
        heads = ("id", "symbol", "side", "quantity", "type", "price", "status", "filled", "average price", "reason")
        rows = [
            (
                *(one.client_order_id, one.symbol, one.side, _text(one.quantity), one.order_type, _text(one.price)),
                *(one.status, _text(one.filled_quantity), _text(one.average_price), one.reason or ""),
            )
            for one in self._records()
        ]
        return _table(self._what, heads, rows)


class Fills(Sequence[FillRecord]):
    """Fills of an account, oldest first; live."""

    def __init__(self, blotter: Blotter) -> None:
        self._blotter = blotter

    @overload
    def __getitem__(self, index: int) -> FillRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[FillRecord]: ...
    def __getitem__(self, index: int | slice) -> FillRecord | list[FillRecord]:
        return self._blotter.fills[index] if isinstance(index, slice) else self._blotter.fill(index)

    def __len__(self) -> int:
        return self._blotter.fill_count

    def __iter__(self) -> Iterator[FillRecord]:
        return iter(self._blotter.fills)

    def to_polars(self) -> pl.DataFrame:
        """Make a table, a row a fill.

        Int64 time (ns UTC, the server's); strings client_order_id, order_id, symbol and side; Float64 price, quantity
        and commission (of that fill; null where the server does not say).
        """
        return _frame(self._blotter.fills, _FILL_COLUMNS)

    def __repr__(self) -> str:
        return _listed("fill", [f"{one.side} {one.quantity:g} {one.symbol} at {one.price:,.12g}" for one in self])

    def _repr_html_(self) -> str:
        heads = ("time", "symbol", "side", "quantity", "price", "commission", "order")
        rows = [
            (
                *(in_words(one.time), one.symbol, one.side, _text(one.quantity), _text(one.price)),
                *(_text(one.commission), one.client_order_id),
            )
            for one in self
        ]
        return _table("fill", heads, rows)


class Positions(Mapping[str, PositionUpdate]):
    """Positions of an account by symbol, live: the newest POSITION_UPDATE of each.

    A symbol that has not been traded is FLAT, with a quantity of 0, and neither counted nor listed. A symbol that the
    server does not have is a KeyError that names the nearest one.
    """

    def __init__(self, blotter: Blotter, offered: Callable[[], Sequence[str]]) -> None:
        self._blotter, self._offered = blotter, offered

    def __getitem__(self, symbol: str) -> PositionUpdate:
        position = self._blotter.position(symbol)
        if position is not None:
            return position
        offered = self._offered()
        if not isinstance(symbol, str) or (offered and symbol not in offered):
            raise NameNotFound(f"the server does not have {describe_unknown([str(symbol)], offered)}").advise(
                instead=meant([str(symbol)], offered)
            )
        return _flat(symbol)

    def __iter__(self) -> Iterator[str]:
        return iter(self._blotter.positions)

    def __len__(self) -> int:
        return len(self._blotter.positions)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._blotter.positions

    def _ipython_key_completions_(self) -> list[str]:
        return list(dict.fromkeys([*self._blotter.positions, *self._offered()]))

    def to_polars(self) -> pl.DataFrame:
        """Make a table, a row a position.

        Strings symbol, side (LONG, SHORT, FLAT) and currency; Float64 quantity (negative for a short position),
        average_price, current_price, market_value, unrealized_pnl, realized_pnl (net of commissions) and day_pnl, in
        `currency`, that of the symbol's prices (null where the server does not say); Int64 time (ns UTC, the server's).
        """
        return _frame(self._rows(), _POSITION_COLUMNS)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            msgspec.structs.asdict(one) | {"time": from_milliseconds(one.timestamp)}
            for one in self._blotter.positions.values()
        ]

    def __repr__(self) -> str:
        shown = [f"{one.symbol} {one.quantity:,.12g}" for one in self._blotter.positions.values()]
        return _listed("position", shown)

    def _repr_html_(self) -> str:
        heads = ("symbol", "side", "quantity", "average price", "price", "value", "unrealized", "realized", "day")
        rows = [
            (
                *(one.symbol, one.side, _text(one.quantity), _text(one.average_price), _text(one.current_price)),
                *(_money(one.market_value), _money(one.unrealized_pnl), _money(one.realized_pnl), _money(one.day_pnl)),
            )
            for one in self._blotter.positions.values()
        ]
        return _table("position", heads, rows)


def _flat(symbol: str) -> PositionUpdate:
    return PositionUpdate(
        timestamp=1.0,
        symbol=symbol,
        quantity=0.0,
        average_price=0.0,
        current_price=0.0,
        market_value=0.0,
        unrealized_pnl=0.0,
        realized_pnl=0.0,
        day_pnl=0.0,
        side=PositionSide.FLAT,
    )


def _frame(rows: Sequence[Any], columns: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    schema = {name: getattr(pl, kind) for name, kind in columns.items()}
    read = dict.__getitem__ if rows and isinstance(rows[0], dict) else getattr
    return pl.DataFrame({name: [_plain(read(row, name)) for row in rows] for name in columns}, schema=schema)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value  # a member of an enumeration is its text


def counted(number: int, what: str) -> str:
    """Write a number of things that have a plural: "1 order", "2 orders"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _listed(what: str, items: Sequence[str]) -> str:
    lines = [f"  {item}" for item in items[-_SHOWN:]]
    more = len(items) - len(lines)
    return "\n".join([f"<{counted(len(items), what)}>", *([f"  ... {more:,} earlier ones"] if more else []), *lines])


def _table(what: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    shown = f", the newest {_SHOWN}" if len(rows) > _SHOWN else ""
    return rows_table(counted(len(rows), what) + shown, heads if rows else (), rows[-_SHOWN:])


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:,.12g}"


def _money(value: float) -> str:
    return f"{value:,.2f}"
