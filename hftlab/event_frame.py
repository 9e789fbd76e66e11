"""Order-level events of a data frame in whatever names and units, as an EventBatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.bounds import check_symbol
from hftlab.errors import EventError
from hftlab.events import F_LAST, EventBatch
from hftlab.frame_columns import (
    ACTIONS,
    SIDES,
    first_line,
    first_row,
    integers_of,
    letters_of,
    mapping_of,
    order_ids_of,
    times_of,
    units_of,
)
from hftlab.instruments import UNIT, Instrument, Venue, find_instrument
from hftlab.nearest import nearest

if TYPE_CHECKING:
    import polars as pl

__all__ = ["batch_of_frame"]

_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "ts_event": ("ts_event", "timestamp", "time", "datetime", "exchange_time", "exch_ts", "event_time", "ts"),
    "ts_recv": ("ts_recv", "receive_time", "received", "local_timestamp", "local_ts", "recv_time"),
    "sequence": ("sequence", "seq", "seq_num", "sequence_number", "update_id"),
    "symbol": ("symbol", "ticker", "instrument", "stock", "security"),
    "order_id": ("order_id", "orderid", "oid", "order", "order_ref", "order_reference_number", "id"),
    "action": ("action", "event_type", "event", "type", "message_type", "update_type"),
    "side": ("side", "direction", "buy_sell", "buy_sell_indicator", "is_buy"),
    "price": ("price", "px"),
    "size": ("size", "quantity", "qty", "volume", "amount", "shares"),
    "flags": ("flags",),
}
"""Names by which a column is found where `columns` does not tell, the likeliest first; case does not matter."""

_NEEDED: Final = ("ts_event", "action", "side", "price", "size")


def batch_of_frame(
    frame: Any,
    columns: Mapping[str, Any] | None = None,
    *,
    instrument: Instrument | Sequence[Instrument] | str | None = None,
    actions: Mapping[Any, str] | None = None,
    sides: Mapping[Any, str] | None = None,
    time_unit: str | None = None,
    price_unit: float = 1,
    size_unit: float = 1,
) -> EventBatch:
    """Build a batch of a frame; see EventBatch.from_frame()."""
    import polars as pl

    table = _as_polars(frame)
    chosen = _chosen(table, mapping_of("columns", columns))
    try:
        values = table.select(**chosen)
    except pl.exceptions.PolarsError as error:
        raise EventError(f"an expression in columns cannot be computed ({first_line(error)}): mend it") from error
    if not len(values):
        raise EventError("the frame has no rows: give one with events")
    for name in (one for one in values.columns if one not in ("order_id", "price")):
        if empty := values[name].null_count():
            row = first_row(values[name].is_null())
            raise EventError(f"column {name} has {empty} empty values, the first in row {row}: fill or drop them")
    ts_event = times_of("ts_event", values["ts_event"], time_unit)
    action = letters_of("action", values["action"], ACTIONS, actions)
    side = letters_of("side", values["side"], SIDES, sides)
    price = units_of("price", values["price"], price_unit)
    size = units_of("size", values["size"], size_unit)
    symbols = values["symbol"].cast(pl.String) if "symbol" in chosen else None
    instruments, numbers = _instruments(symbols, instrument, len(values), price, size)
    lots = np.array([one.lot for one in instruments], np.int64)[numbers]
    if (size % lots).any():
        row = int(np.argmax(size % lots != 0))
        one = instruments[numbers[row]]
        raise EventError(
            f"column size has {size[row] / UNIT:g} in row {row}, which is not a multiple of the lot of {one.symbol} "
            f"({one.lot / UNIT:g}): give an instrument with a finer lot"
        )
    return EventBatch(
        ts_event=ts_event,
        ts_recv=times_of("ts_recv", values["ts_recv"], time_unit) if "ts_recv" in chosen else ts_event,
        sequence=integers_of("sequence", values["sequence"]) if "sequence" in chosen else np.arange(1, len(values) + 1),
        instrument_id=numbers,
        order_id=order_ids_of(values["order_id"]) if "order_id" in chosen else np.zeros(len(values), np.uint64),
        action=action,
        side=side,
        price=price,
        size=size // lots,
        flags=integers_of("flags", values["flags"]) if "flags" in chosen else np.full(len(values), F_LAST, np.uint8),
        instruments=instruments,
    )


def _as_polars(frame: Any) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa

    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    try:
        return pl.DataFrame(frame)  # pandas, Arrow, dictionaries
    except (TypeError, ValueError, pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise EventError(
            f"{type(frame).__name__} is not a table that can be read ({first_line(error)}): give a data frame of "
            "polars or pandas, an Arrow table, or columns in a dictionary, each with a name and a type of its own"
        ) from error


def _chosen(table: pl.DataFrame, columns: dict[str, Any]) -> dict[str, pl.Expr]:
    """Return an expression for each of our columns that the frame has, or that `columns` gives."""
    import polars as pl

    for name in columns:
        if name not in _ALIASES:
            near = nearest(name, _ALIASES)
            hint = f" (nearest: {near!r})" if near else ""
            raise EventError(f"columns has {name!r}{hint}: give some of {', '.join(_ALIASES)}, each with its source")
    by_name = {one.casefold(): one for one in reversed(table.columns)}
    taken = {source for source in columns.values() if isinstance(source, str)}
    chosen: dict[str, pl.Expr] = {}
    for name, aliases in _ALIASES.items():
        given = columns.get(name)
        if isinstance(given, pl.Expr):
            chosen[name] = given
        elif given is not None:
            if given not in table.columns:
                near = nearest(str(given), table.columns)
                hint = f" (nearest: {near!r})" if near else ""
                raise EventError(f"the frame has no column {given!r}{hint}: it has {', '.join(table.columns)}")
            chosen[name] = pl.col(given)
        elif (found := _found_name(by_name, aliases)) is not None and found not in taken:
            chosen[name] = pl.col(found)
    missing = [name for name in _NEEDED if name not in chosen]
    if missing:
        example = {missing[0]: next(iter(table.columns), "when")}
        raise EventError(
            f"the frame has nothing that is {', '.join(missing)} by its name (it has {', '.join(table.columns)}): "
            f"say which, as in columns={example}, or give an expression of polars"
        )
    return chosen


def _found_name(by_name: Mapping[str, str], aliases: Sequence[str]) -> str | None:
    return next((by_name[alias] for alias in aliases if alias in by_name), None)


# --- instruments ---


def _instruments(
    symbols: pl.Series | None,
    given: Instrument | Sequence[Instrument] | str | None,
    count: int,
    price: npt.NDArray[np.int64],
    size: npt.NDArray[np.int64],
) -> tuple[tuple[Instrument, ...], npt.NDArray[np.int32]]:
    """Return the instruments, and each row's number among them."""
    import polars as pl

    known = _known(given)
    if symbols is None:
        if given is None:
            raise EventError(
                "the frame has no symbols: name its instrument, as in instrument='AAPL', or say in which column they "
                "are, as in columns={'symbol': ...}"
            )
        if len(known) > 1:
            raise EventError(f"{len(known)} instruments are given, but the frame has no column of symbols: name it")
        symbols = pl.Series([given if isinstance(given, str) else known[0].wire_symbol], dtype=pl.String)
        symbols = symbols.new_from_index(0, count)
    elif isinstance(given, str):
        raise EventError(f"the frame has its own symbols: leave out instrument={given!r}, or give Instruments")
    by_symbol = {one.wire_symbol: one for one in known} | {one.symbol: one for one in known}
    names = symbols.unique(maintain_order=True).to_list()
    codes = symbols.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int32)
    instruments = tuple(
        by_symbol.get(name) or _found(name, price[codes == number], size[codes == number])
        for number, name in enumerate(names)
    )
    return instruments, codes


def _known(given: Any) -> list[Instrument]:
    """Return the instruments that are given. Raises EventError for anything else."""
    if given is None or isinstance(given, str):
        return []
    known = [given] if isinstance(given, Instrument) else list(given) if isinstance(given, list | tuple) else []
    if not known or not all(isinstance(one, Instrument) for one in known):
        raise EventError(f"instrument is {given!r}: give a symbol such as 'AAPL', an Instrument, or a list of them")
    return known


def _found(symbol: str, price: npt.NDArray[np.int64], size: npt.NDArray[np.int64]) -> Instrument:
    """Return the known instrument of a symbol if its numbers fit, else one with the steps that they have."""
    try:
        check_symbol(symbol)
    except ValueError as error:
        raise EventError(f"column symbol: {error}") from error
    tick, lot = int(np.gcd.reduce(price)), int(np.gcd.reduce(size))
    listed = find_instrument(symbol)
    if listed is not None and tick % listed.tick == 0 and lot % listed.lot == 0:
        return listed
    venue = Venue("unknown", "") if listed is None else listed.venue
    return Instrument(symbol, venue, tick or 1, lot or 1, "" if listed is None else listed.currency)
