"""Order-level events of a data frame in whatever names and units, as an EventBatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.bounds import check_symbol
from hftlab.errors import EventError
from hftlab.events import ASK, BID, F_LAST, NO_SIDE, EventBatch
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

_ACTIONS: Final[dict[str, str]] = {
    **{letter: letter for letter in "ACMRTFN"},
    **dict.fromkeys(("ADD", "NEW", "INSERT", "SUBMIT", "SUBMISSION", "OPEN", "LIMIT", "PLACE"), "A"),
    **dict.fromkeys(("D", "CANCEL", "CANCELED", "CANCELLED", "DELETE", "DELETED", "REMOVE", "DONE"), "C"),
    **dict.fromkeys(("MODIFY", "CHANGE", "CHANGED", "UPDATE", "REPLACE", "AMEND"), "M"),
    **dict.fromkeys(("CLEAR", "RESET"), "R"),
    **dict.fromkeys(("TRADE", "MATCH", "PRINT"), "T"),
    **dict.fromkeys(("FILL", "FILLED", "EXECUTE", "EXECUTED", "EXECUTION"), "F"),
    "NONE": "N",
}
_SIDES: Final[dict[str, str]] = {
    **dict.fromkeys(("B", "BUY", "BID", "BIDS", "BUYER", "1", "TRUE"), "B"),
    **dict.fromkeys(("A", "S", "SELL", "ASK", "ASKS", "OFFER", "SELLER", "-1", "FALSE"), "A"),
    **dict.fromkeys(("N", "NONE", "0", ""), "N"),
}

_TIME_UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_FIRST: Final = 946_684_800
_LAST: Final = 4_102_444_800
"""Seconds of the years 2000 and 2100: an integer within them, and only in one unit, tells its unit."""
_LARGEST: Final = 2**63 - 1
_NO_PRICE: Final = 0


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
    chosen = _chosen(table, dict(columns or {}))
    values = table.select(**chosen)
    if not len(values):
        raise EventError("the frame has no rows: give one with events")
    for name in (one for one in values.columns if one not in ("order_id", "price")):
        if empty := values[name].null_count():
            raise EventError(
                f"column {name} has {empty} empty values, the first in row {_first(values[name].is_null())}: fill or "
                "drop them"
            )
    ts_event = _times("ts_event", values["ts_event"], time_unit)
    action = _letters("action", values["action"], _ACTIONS, actions)
    side = _letters("side", values["side"], _SIDES, sides)
    price = _units("price", values["price"].fill_null(_NO_PRICE), price_unit)
    size = _units("size", values["size"], size_unit)
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
        ts_recv=_times("ts_recv", values["ts_recv"], time_unit) if "ts_recv" in chosen else ts_event,
        sequence=_integers("sequence", values["sequence"]) if "sequence" in chosen else np.arange(1, len(values) + 1),
        instrument_id=numbers,
        order_id=_order_ids(values["order_id"]) if "order_id" in chosen else np.zeros(len(values), np.uint64),
        action=action,
        side=side,
        price=price,
        size=size // lots,
        flags=_integers("flags", values["flags"]) if "flags" in chosen else np.full(len(values), F_LAST, np.uint8),
        instruments=instruments,
    )


def _as_polars(frame: Any) -> pl.DataFrame:
    import polars as pl

    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    try:
        return pl.DataFrame(frame)  # pandas, Arrow, dictionaries
    except (TypeError, ValueError) as error:
        raise EventError(
            f"{type(frame).__name__} is not a table: give a data frame of polars or pandas, an Arrow table, or columns "
            "in a dictionary"
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
        elif (found := _found_name(by_name, aliases)) is not None and found not in columns.values():
            chosen[name] = pl.col(found)
    missing = [name for name in _NEEDED if name not in chosen]
    if missing:
        raise EventError(
            f"the frame has nothing that is {', '.join(missing)} by its name (it has {', '.join(table.columns)}): "
            f"say which, as in columns={{{missing[0]!r}: {table.columns[0]!r}}}, or give an expression of polars"
        )
    return chosen


def _found_name(by_name: Mapping[str, str], aliases: Sequence[str]) -> str | None:
    return next((by_name[alias] for alias in aliases if alias in by_name), None)


# --- values ---


def _times(name: str, values: pl.Series, unit: str | None) -> npt.NDArray[np.int64]:
    """Return times as ns UTC: of a column of times, or of numbers in `unit`."""
    import polars as pl

    if isinstance(values.dtype, pl.Datetime):
        if values.dtype.time_zone is not None:
            values = values.dt.convert_time_zone("UTC")
        return values.dt.epoch("ns").to_numpy()
    if unit is not None and unit not in _TIME_UNITS:
        raise EventError(f"time_unit is {unit!r}: give s, ms, us or ns")
    if values.dtype == pl.String:
        try:
            parsed = values.str.to_datetime(time_unit="ns", time_zone="UTC")
        except pl.exceptions.PolarsError as error:
            raise EventError(f"column {name} has text that is not a time, such as {values[0]!r}: parse it") from error
        return parsed.dt.epoch("ns").to_numpy()
    if not values.dtype.is_numeric():
        raise EventError(f"column {name} is {values.dtype}: give times, or numbers with time_unit=")
    least, most = (float(each) for each in (values.min(), values.max()))  # type: ignore[arg-type]
    scale = _TIME_UNITS[unit] if unit is not None else _scale_of(name, least, most)
    if values.dtype.is_integer():
        return values.cast(pl.Int64).to_numpy() * np.int64(scale)
    whole = np.floor(values.cast(pl.Float64).to_numpy())
    rest = values.cast(pl.Float64).to_numpy() - whole
    times: npt.NDArray[np.int64] = whole.astype(np.int64) * scale + np.rint(rest * scale).astype(np.int64)
    return times


def _scale_of(name: str, least: float, most: float) -> int:
    for scale in _TIME_UNITS.values():
        if least * scale >= _FIRST * 10**9 and most * scale < _LAST * 10**9:
            return scale
    raise EventError(
        f"column {name} has numbers from {least:g} to {most:g}, which are no times since 1970 in s, ms, us or ns: add "
        "the day's beginning with an expression, and give time_unit="
    )


def _letters(
    name: str, values: pl.Series, known: Mapping[str, str], given: Mapping[Any, str] | None
) -> npt.NDArray[np.uint8]:
    """Return each value's letter; those in `given` come before the known ones."""
    import polars as pl

    wanted = "one of A C M R T F N" if name == "action" else "B, A or N"
    own = {_text(key): letter for key, letter in (given or {}).items()}
    if wrong := [letter for letter in own.values() if letter not in set(known.values())]:
        raise EventError(f"{name}s has {wrong[0]!r}: give {wanted} for each of the frame's values")
    if values.dtype.is_float():
        values = values.cast(pl.Int64, strict=False)
    texts = values.cast(pl.String)
    letters: dict[str, int] = {}
    for text in texts.unique().to_list():
        folded = _text(text)
        letter = own.get(folded) or known.get(folded)
        if letter is None:
            row = _first(texts == text)
            raise EventError(
                f"column {name} has {text!r} in row {row}, which is not known: say what it is with "
                f"{name}s={{{text!r}: {next(iter(known.values()))!r}}} ({wanted})"
            )
        letters[text] = ord(letter)
    return texts.replace_strict(letters, return_dtype=pl.UInt8).to_numpy()


def _text(value: Any) -> str:
    return str(value).strip().upper()


def _units(name: str, values: pl.Series, unit: float) -> npt.NDArray[np.int64]:
    """Return numbers as integers of 1e-9, rounded to the nearest, after multiplication by `unit`."""
    import polars as pl

    if values.dtype == pl.String:
        values = values.cast(pl.Decimal(38, 9), strict=True)
    if not values.dtype.is_numeric():
        raise EventError(f"column {name} is {values.dtype}: give numbers")
    scale = round(unit * UNIT)
    if scale < 1 or scale != unit * UNIT:
        raise EventError(f"{name}_unit is {unit!r}: give a positive multiple of 1e-9")
    if isinstance(values.dtype, pl.Decimal):
        exact = [int(value * scale) for value in values.to_list()]
        if any(abs(value) > _LARGEST for value in exact):
            raise EventError(f"column {name} has numbers beyond {_LARGEST / UNIT:g}")
        units = np.array(exact, np.int64)
    else:
        doubles = values.cast(pl.Float64).to_numpy() * scale
        if not np.isfinite(doubles).all() or (np.abs(doubles) >= _LARGEST).any():
            row = int(np.argmax(~(np.abs(doubles) < _LARGEST)))
            raise EventError(
                f"column {name} has {doubles[row] / scale:g} in row {row}: give numbers up to {_LARGEST / UNIT:g}"
            )
        units = values.cast(pl.Int64).to_numpy() * scale if values.dtype.is_integer() else np.rint(doubles)
        units = units.astype(np.int64)
    if name == "size" and (units < 0).any():
        row = int(np.argmax(units < 0))
        raise EventError(f"column size has {values[row]} in row {row}: give 0 or more, and the side in its own column")
    return units


def _integers(name: str, values: pl.Series) -> npt.NDArray[Any]:
    if not values.dtype.is_integer():
        raise EventError(f"column {name} is {values.dtype}: give integers")
    return values.to_numpy()


def _order_ids(values: pl.Series) -> npt.NDArray[np.uint64]:
    """Return order ids as numbers; texts that are none are numbered as they come, from 1."""
    import polars as pl

    if values.dtype.is_integer():
        if (values < 0).any():
            raise EventError(f"column order_id has {values.min()!r}: give numbers of 0 or more, or texts")
        return values.cast(pl.UInt64).fill_null(0).to_numpy()
    if values.dtype != pl.String:
        raise EventError(f"column order_id is {values.dtype}: give integers or texts")
    numbers = values.cast(pl.UInt64, strict=False)
    if numbers.null_count() == values.null_count():
        return numbers.fill_null(0).to_numpy()
    codes = values.cast(pl.Enum(values.drop_nulls().unique(maintain_order=True))).to_physical().cast(pl.UInt64)
    return (codes + 1).fill_null(0).to_numpy()


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

    known = [] if given is None or isinstance(given, str) else [given] if isinstance(given, Instrument) else list(given)
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


def _first(mask: pl.Series) -> int:
    return int(mask.fill_null(False).arg_max() or 0)


assert {ASK, BID, NO_SIDE} == {ord(letter) for letter in _SIDES.values()}
