"""Leave one out: a recorded resting order is taken out of its market, and sent as one's own at the same instant.

What became of the recorded order is known, and so is what the fill model says of one's own in its place: the difference
is how right the model's fills are. Everything else is as it was recorded, and no request takes time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.backtest.core import Entry
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.reports import Cause
from hftlab.book.matching import EntryType, InForce
from hftlab.errors import ArgumentError, EventError
from hftlab.events import ADD, CANCEL, F_MBP, F_SNAPSHOT, FILL, MODIFY, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray

__all__ = ["LeaveOneOut", "LeftOut"]

_SCHEMA: Final = pl.Schema(
    {
        "order_id": pl.UInt64(),
        "symbol": pl.String(),
        "side": pl.String(),
        "price": pl.Int64(),
        "size": pl.Int64(),
        "at": pl.Int64(),
        "until": pl.Int64(),
        "ahead": pl.Int64(),
        "filled": pl.List(pl.Struct({"at": pl.Int64(), "size": pl.Int64()})),
        "modelled": pl.List(pl.Struct({"at": pl.Int64(), "size": pl.Int64()})),
    }
)


class LeftOut(NamedTuple):
    """Recorded order: its first row, its last, and those in between."""

    order_id: int
    rows: npt.NDArray[np.int64]


class LeaveOneOut:
    """Experiment of leaving recorded orders out of a market one at a time, see the module.

    `batch` has the order-level events of the whole recording, `times` the venue's time of each row (ns, never falling).
    Raises EventError for rows of price levels, which do not say which orders there were.
    """

    def __init__(self, batch: EventBatch, times: IntArray) -> None:
        if (batch.flags & F_MBP).any():
            raise EventError("the events are of price levels (F_MBP): only order-level events have orders to leave out")
        self._batch, self._times = batch, times
        self._orders = _orders_of(batch)

    @property
    def orders(self) -> int:
        """Number of the orders that can be left out: those that came and went within the recording's own rows."""
        return len(self._orders)

    def run(self, models: Sequence[FillModel | str], *, most: int = 2_000, seed: int = 0) -> dict[str, pl.DataFrame]:
        """Leave up to `most` orders out, drawn by `seed`, and return for each model what became of one's own instead.

        Columns: order_id, symbol, side, price (1e-9), size (lots), at, until (ns: when it came and when the recorded
        one ended), ahead (lots before it when it came), filled and modelled: the recorded order's fills and those of
        the model, each a list of {at, size}. The same orders in the same order for every model. Raises ArgumentError.
        """
        if most < 1:
            raise ArgumentError(f"most is the number of orders, above 0; got {most!r}")
        chosen = self._sample(most, seed)
        made = {str(model): FillModel.of(model, has_orders=True) for model in models}
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in made}
        for order, core in self._before_each(chosen):
            facts = self._facts(order)
            for name, model in made.items():
                rows[name].append(facts | self._modelled(order, core, model))
        return {name: pl.DataFrame(found, schema=_SCHEMA) for name, found in rows.items()}

    def _sample(self, most: int, seed: int) -> list[LeftOut]:
        if len(self._orders) <= most:
            return self._orders
        chosen = np.random.default_rng(seed).choice(len(self._orders), most, replace=False)
        return [self._orders[number] for number in np.sort(chosen).tolist()]

    def _before_each(self, orders: Sequence[LeftOut]) -> Iterator[tuple[LeftOut, FillCore]]:
        """Yield each order with a core of the market just before its first row."""
        core, played = FillCore(_Rows(self._batch, self._times), FIFO), 0
        for order in orders:
            first = int(order.rows[0])
            core.play_rows(first - played)
            played = first
            yield order, core

    def _facts(self, order: LeftOut) -> dict[str, Any]:
        batch, first = self._batch, int(order.rows[0])
        fills = order.rows[batch.action[order.rows] == FILL]
        return {
            "order_id": order.order_id,
            "symbol": batch.instruments[batch.instrument_id[first]].wire_symbol,
            "side": chr(batch.side[first]),
            "price": int(batch.price[first]),
            "size": int(batch.size[first]),
            "at": int(self._times[first]),
            "until": int(self._times[order.rows[-1]]),
            "filled": [{"at": int(self._times[row]), "size": int(batch.size[row])} for row in fills.tolist()],
        }

    def _modelled(self, order: LeftOut, core: FillCore, model: FillModel) -> dict[str, Any]:
        """Send an own order in the place of a recorded one, change and cancel it when that one was."""
        batch, times = self._batch, self._times
        first, last = int(order.rows[0]), int(order.rows[-1])
        keep = batch.order_id[first : last + 1] != np.uint64(order.order_id)
        numbers = np.flatnonzero(keep) + first
        own = FillCore(
            _Rows(batch.take(numbers), times[numbers]),
            FIFO if model.queue_model is None else int(model.queue_model),
            model.n or 1.0,
            market=core,
        )
        instrument = int(batch.instrument_id[first])
        tick = batch.instruments[instrument].tick
        own.enter(
            Entry(
                number=1,
                instrument=instrument,
                owner=1,
                side=int(batch.side[first]),
                type=int(EntryType.LIMIT),
                in_force=int(InForce.GTC),
                price=int(batch.price[first]) // tick,
                lots=int(batch.size[first]),
            ),
            int(times[first]),
        )
        ahead, reports = own.ahead(1) if own.open_lots(1) else 0, [own.take()]
        played = 0
        for row in self._requests(order):
            before = int(np.searchsorted(numbers, row))
            own.play_rows(before - played)
            played = before
            reports.append(own.take())
            self._request(own, order, row)
        own.play_rows(len(numbers) - played)
        reports.append(own.take())
        fills = [
            {"at": int(row["time"]), "size": int(row["lots"])}
            for part in reports
            for row in part[part["cause"] == Cause.FILLED]
        ]
        return {"ahead": ahead, "modelled": fills}

    def _requests(self, order: LeftOut) -> list[int]:
        """Return the rows by which the recorded order was changed or cancelled, and not those that book its fills."""
        action, size = self._batch.action, self._batch.size
        found, booked = [], 0
        for row in order.rows[1:].tolist():
            if action[row] == FILL:
                booked += int(size[row])
            elif action[row] == CANCEL and booked and size[row] <= booked:
                booked -= int(size[row])
            else:
                booked = 0
                found.append(row)
        return found

    def _request(self, own: FillCore, order: LeftOut, row: int) -> None:
        """Do to the own order what was done to the recorded one."""
        batch, time = self._batch, int(self._times[row])
        open_lots = own.open_lots(1)
        if not open_lots:
            return
        price = int(batch.price[row]) // batch.instruments[batch.instrument_id[row]].tick
        is_cancel = batch.action[row] == CANCEL
        lots = open_lots - int(batch.size[row]) if is_cancel else int(batch.size[row])
        if lots <= 0 or (is_cancel and row == order.rows[-1]):
            own.cancel(1, time)
        else:
            own.replace(1, lots, price, time)


class _Rows(MarketRows):
    """Rows of one block in memory."""

    def __init__(self, batch: EventBatch, times: IntArray) -> None:
        self.instruments: tuple[Instrument, ...] = batch.instruments
        self._block = Block(batch, times, times)

    def holds(self, number: int) -> Holding | None:
        """Return what the rows tell of an instrument's book."""
        return "orders" if number < len(self.instruments) else None

    def block(self, number: int) -> Block | None:
        """Return the one block."""
        return self._block if number == 0 else None


def _orders_of(batch: EventBatch) -> list[LeftOut]:
    """Find the orders that were added and have ended in the rows, and whose rows are all the venue's own."""
    of_orders = np.isin(batch.action, np.array([ADD, CANCEL, MODIFY, FILL], np.uint8)) & (batch.order_id != 0)
    rows = np.flatnonzero(of_orders)
    rows = rows[np.argsort(batch.order_id[rows], kind="stable")]
    ids = batch.order_id[rows]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if len(ids) else np.empty(0, np.int64)
    groups = np.split(rows, starts[1:]) if len(ids) else []
    found = [LeftOut(int(batch.order_id[group[0]]), group) for group in groups if _is_whole(batch, group)]
    found.sort(key=lambda one: int(one.rows[0]))
    return found


def _is_whole(batch: EventBatch, rows: npt.NDArray[np.int64]) -> bool:
    """Tell whether an order was added and has ended in its rows, and these are all the venue's own."""
    if batch.action[rows[0]] != ADD or len(rows) == 1 or (batch.flags[rows] & F_SNAPSHOT).any():
        return False
    lots = 0
    for action, size in zip(batch.action[rows].tolist(), batch.size[rows].tolist(), strict=True):
        lots = size if action in (ADD, MODIFY) else lots - size if action == CANCEL else lots
    return lots == 0
