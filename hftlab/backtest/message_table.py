"""Table of recorded market data, read row group by row group into flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from hftlab.backtest.message_columns import Levels, MessageColumns, Prints
from hftlab.kernels.compiling import IntArray
from hftlab.protocol import Side
from hftlab.session.part_file import PartFile
from hftlab.session.session import Session
from hftlab.session.table_ids import TableId
from hftlab.session.times import to_ns

__all__ = ["MessageTable", "Place", "message_columns", "read_only"]


class Place(NamedTuple):
    """A row group: its part among those of the table, and itself among those of the part."""

    part: int
    group: int


class MessageTable:
    """Row groups of a session's table market_data, each verified when it is read."""

    def __init__(self, session: Session) -> None:
        table = TableId.MARKET_DATA
        parts = session.manifest.tables.get(table.folder, ())
        self._parts = [PartFile(session.folder, part, table) for part in parts if part.rows]
        self._open: PartFile | None = None

    def groups(self, first: Place = Place(0, 0)) -> Iterator[tuple[Place, pa.Table]]:  # noqa: B008 - it is immutable
        """Yield the row groups from one on, each with the place behind it. Raises SessionDamaged."""
        for number in range(first.part, len(self._parts)):
            part = self._parts[number]
            if self._open is not None and self._open is not part:
                self._open.close()
            self._open = part
            for group in range(first.group if number == first.part else 0, len(part.groups)):
                is_last = group + 1 == len(part.groups)
                rows = part.read(group, until=len(part.groups))
                yield Place(number + 1, 0) if is_last else Place(number, group + 1), rows


def message_columns(rows: pa.Table) -> MessageColumns:
    """Take the columns out of rows of the table market_data."""
    return MessageColumns(
        message=_numbers(rows["message"]),
        ts_event=_numbers(rows["ts_event"]),
        ts_recv=_numbers(rows["ts_recv"]),
        bids=_levels(rows, "bids"),
        asks=_levels(rows, "asks"),
        bid=_numbers(rows["bid"]),
        bid_size=_numbers(rows["bid_size"]),
        ask=_numbers(rows["ask"]),
        ask_size=_numbers(rows["ask_size"]),
        trades=_trades(rows),
        last=_last_trades(rows),
    )


def _levels(rows: pa.Table, name: str) -> Levels:
    column = _whole(rows[name])
    starts, values = _items(column)
    return Levels(
        read_only(np.asarray(column.is_valid())),
        starts,
        _numbers(values.field("price")),
        _numbers(values.field("size")),
    )


def _trades(rows: pa.Table) -> Prints:
    return _prints(*_items(_whole(rows["trades"])))


def _last_trades(rows: pa.Table) -> Prints:
    column = _whole(rows["last_trade"])
    starts = np.append(0, np.cumsum(np.asarray(column.is_valid()), dtype=np.int64))
    return _prints(read_only(starts), column.drop_null())


def _prints(starts: IntArray, values: Any) -> Prints:
    if not len(values):
        nothing = read_only(np.empty(0, np.float64))
        return Prints(starts, nothing, nothing, nothing.view(np.int64), read_only(np.empty(0, np.bool_)))
    times = pl.DataFrame({"ms": _numbers(values.field("timestamp"))}).select(to_ns(pl.col("ms")))["ms"].to_numpy()
    is_buy = np.asarray(pc.equal(values.field("side"), Side.BUY.value))
    return Prints(
        starts, _numbers(values.field("price")), _numbers(values.field("size")), read_only(times), read_only(is_buy)
    )


def _items(column: Any) -> tuple[IntArray, Any]:
    """Return where the items of each list begin, and all items."""
    starts = np.asarray(column.offsets).astype(np.int64)
    # An absent list may have items that do not count: Arrow leaves them where they are.
    flat = column.flatten()
    lengths = np.diff(starts) * np.asarray(column.is_valid())
    return read_only(np.append(0, np.cumsum(lengths))), flat


def _whole(column: Any) -> Any:
    """Return a column in one piece."""
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column


def _numbers(column: Any) -> npt.NDArray[Any]:
    return read_only(np.asarray(_whole(column)))


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a contiguous view that cannot be written, as Arrow's are: with one memory layout there is one kernel."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
