"""Leave one out: a recorded resting order is taken out of its market, and sent as one's own at the same instant.

What became of the recorded order is known, and so is what the fill model says of one's own in its place: the difference
is how right the model's fills are. Everything else is as it was recorded, and no request takes time.

"fifo" plays the recorded orders. Models by size play the price levels alone that these make, as if no more had been
recorded. None of them sees a row of the order that is left out; its executions are trades that name nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
import polars as pl

from hftlab.backtest.blocks import BLOCK_ROWS, Block, Holding
from hftlab.backtest.collapsed_rows import collapse
from hftlab.backtest.event_rows import EventRows, event_holdings
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_differences import SCHEMA as DIFFERENCES
from hftlab.backtest.fill_differences import first_difference
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.left_out_orders import LeftOut, Without, orders_of, without
from hftlab.backtest.queue_models import QueueModel
from hftlab.backtest.stand_in import BlockRows, StandIn, merged
from hftlab.book.book_state import BookState, add_books, copy_state, new_state
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError, EventError, SessionError
from hftlab.events import ADD, ASK, BID, F_MBP, FILL, MODIFY, TRADE, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray
from hftlab.session import Session

__all__ = ["PATIENCE", "LeaveOneOut"]

PATIENCE: Final = 10 * NANOSECONDS
"""Nanoseconds that one's own order waits on where the recorded one was executed to the end."""

_ALL: Final = slice(None)
_SCHEMA: Final = pl.Schema(
    {
        "order_id": pl.UInt64(),
        "symbol": pl.String(),
        "side": pl.String(),
        "price": pl.Int64(),
        "size": pl.Int64(),
        "at": pl.Int64(),
        "until": pl.Int64(),
        "cancelled": pl.Boolean(),
        "ahead": pl.Int64(),
        "filled": pl.List(pl.Struct({"at": pl.Int64(), "size": pl.Int64()})),
        "modelled": pl.List(pl.Struct({"at": pl.Int64(), "size": pl.Int64()})),
    }
)


class _Moment(NamedTuple):
    """Order to leave out, and the markets just before it came: of orders and, where wanted, of levels."""

    order: LeftOut
    market: FillCore
    levels: FillCore | None
    books: BookState | None


class LeaveOneOut:
    """Experiment of leaving recorded orders out of a market one at a time, see the module.

    `batch` has the order-level events of the whole recording; of() takes those of a session. `times` is the venue's
    time of each row (ns, never falling), None the running maximum of min(ts_event, ts_recv). Where the recorded order
    was executed to the end, one's own waits on for `patience` ns, for nobody would have cancelled it then.

    Raises EventError for rows of price levels, which do not say which orders there were.
    """

    def __init__(self, batch: EventBatch, times: IntArray | None = None, *, patience: int = PATIENCE) -> None:
        if (batch.flags & F_MBP).any():
            raise EventError("the events are of price levels (F_MBP): only order-level events have orders to leave out")
        if times is None:
            times = np.maximum.accumulate(np.minimum(batch.ts_event, batch.ts_recv)) if len(batch) else batch.ts_event
        self._batch, self._times, self._patience = batch, times, patience
        self._orders = orders_of(batch)
        self._by_id = {(one.instrument, one.order_id): one for one in self._orders}

    @classmethod
    def of(cls, session: Session) -> Self:
        """Return the experiment on a session's order-level events. Raises SessionError if it has none."""
        instruments = tuple(Instrument.from_dict(one) for one in session.manifest.source.get("instruments", ()))
        holdings = {number: held for number, held in event_holdings(session).items() if held == "orders"}
        if not holdings:
            raise SessionError(
                f"{session.folder} has no order-level events (L3): only these tell what became of an order",
                path=session.folder,
            )
        rows = EventRows(session, instruments, holdings)
        blocks: list[Block] = []
        while (block := rows.block(len(blocks))) is not None:
            blocks.append(block)
        batch = EventBatch.concat([block.batch for block in blocks])
        return cls(batch, np.concatenate([block.times for block in blocks]))

    @property
    def orders(self) -> int:
        """Number of the orders that can be left out: those that came and went within the recording's own rows."""
        return len(self._orders)

    def run(
        self, models: Sequence[FillModel | str], *, most: int = 2_000, seed: int = 0, part: slice = _ALL
    ) -> dict[str, pl.DataFrame]:
        """Leave up to `most` orders out, drawn by `seed`, and return for each model what became of one's own instead.

        `part` takes some of those that were drawn, such as every second.

        Columns: order_id, symbol, side, price (1e-9), size (lots), at, until (ns: when it came and when the recorded
        one ended), cancelled (whether it was, else it was executed to the end), ahead (lots before it when it came),
        filled and modelled: the recorded order's fills and those of the model, each a list of {at, size} with what
        was filled at one time as one. The same orders in the same order for every model. Raises ArgumentError.
        """
        if most < 1:
            raise ArgumentError(f"most is the number of orders, above 0; got {most!r}")
        made = {str(model): FillModel.of(model, has_orders=True) for model in models}
        if any(model.impact for model in made.values()):
            raise ArgumentError("impact=True is not for leaving orders out: the market answers, and nobody knows how")
        by_size = {name: model for name, model in made.items() if model.queue_model is not None}
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in made}
        for moment in self._before_each(self._sample(most, seed)[part], with_levels=bool(by_size)):
            order, facts = moment.order, self._facts(moment.order)
            rest = self._without(order)
            fifo = self._stand_in(order, rest, "orders", FillModel("fifo"), moment.market)
            facts["ahead"], fills = fifo.ahead, fifo.run(self._times)
            modelled = dict.fromkeys(made, fills)
            if by_size:
                modelled |= self._by_size(moment, rest, by_size)
            for name, found in modelled.items():
                rows[name].append(facts | {"modelled": found})
        return {name: pl.DataFrame(found, schema=_SCHEMA) for name, found in rows.items()}

    def differences(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return why "fifo" filled orders otherwise than they were: a row for each that it did, of a table of run().

        Columns: order_id, symbol, at (ns: where the two part), reason, ahead (lots that stood ahead of it then), filled
        and modelled (lots then). The reasons are those of hftlab.backtest.fill_differences.Reason.
        """
        unlike = table.filter(pl.col("filled") != pl.col("modelled"))
        numbers = {one.wire_symbol: number for number, one in enumerate(self._batch.instruments)}
        keys = [(numbers[symbol], order) for symbol, order in unlike.select("symbol", "order_id").iter_rows()]
        found = []
        for moment in self._before_each([self._by_id[key] for key in keys], with_levels=False):
            order = moment.order
            rest = self._without(order)
            stand_in = self._stand_in(order, rest, "orders", FillModel("fifo"), moment.market)
            facts = self._facts(order)
            found.append(
                {"order_id": order.order_id, "symbol": facts["symbol"]}
                | first_difference(order, self._batch, self._times, rest, stand_in)
            )
        return pl.DataFrame(found, schema=DIFFERENCES)

    def _sample(self, most: int, seed: int) -> list[LeftOut]:
        if len(self._orders) <= most:
            return self._orders
        chosen = np.random.default_rng(seed).choice(len(self._orders), most, replace=False)
        return [self._orders[number] for number in np.sort(chosen).tolist()]

    def _before_each(self, orders: Sequence[LeftOut], *, with_levels: bool) -> Iterator[_Moment]:
        """Yield each order, by when they came, with the markets just before its first row."""
        market, played = FillCore(BlockRows(self._batch, self._times, "orders"), FIFO), 0
        levels = _Levels(self._batch, self._times) if with_levels else None
        for order in orders:
            first = int(order.rows[0])
            market.play_rows(first - played)
            played = first
            if levels is None:
                yield _Moment(order, market, None, None)
            else:
                levels.play(first)
                yield _Moment(order, market, levels.market, levels.books)

    def _facts(self, order: LeftOut) -> dict[str, Any]:
        batch, times, rows = self._batch, self._times, order.rows
        fills = rows[batch.action[rows] == FILL]
        return {
            "order_id": order.order_id,
            "symbol": batch.instruments[order.instrument].wire_symbol,
            "side": chr(order.side),
            "price": order.price,
            "size": order.size,
            "at": int(times[rows[0]]),
            "until": int(times[rows[-1]]),
            "cancelled": order.was_cancelled,
            "filled": merged([{"at": int(times[row]), "size": int(batch.size[row])} for row in fills.tolist()]),
        }

    def _without(self, order: LeftOut) -> Without:
        last = int(order.rows[-1])
        if not order.was_cancelled:
            last = int(np.searchsorted(self._times, self._times[last] + self._patience, side="right")) - 1
        return without(self._batch, self._times, order, last + 1)

    def _stand_in(self, order: LeftOut, rest: Without, holding: Holding, model: FillModel, market: FillCore) -> StandIn:
        return StandIn(order, int(self._times[order.rows[0]]), rest, holding, model, market)

    def _by_size(self, moment: _Moment, rest: Without, models: dict[str, FillModel]) -> dict[str, list[dict[str, int]]]:
        """Return what models by size say of an order."""
        order = moment.order
        assert moment.levels is not None and moment.books is not None, "asked for with the moment"
        if not self._could_fill(moment, rest):
            return {name: [] for name in models}
        batch, sources, _ = collapse(rest.batch, copy_state(moment.books))
        levels = Without(batch, rest.times[sources], rest.numbers[sources])
        return {
            name: self._stand_in(order, levels, "levels", model, moment.levels).run(self._times)
            for name, model in models.items()
        }

    def _could_fill(self, moment: _Moment, rest: Without) -> bool:
        """Tell whether anything traded at the order's price or beyond, or came to it from the other side.

        Nothing fills what it is not true of, by any model, and it is not true of most.
        """
        order, batch = moment.order, rest.batch
        sign = 1 if order.side == BID else -1
        limit = max(sign * price for price in (order.price, *(one.price for one in order.requests)))
        best = moment.market.best(order.instrument)[1 if order.side == BID else 0]
        if best is not None and sign * best * batch.instruments[order.instrument].tick <= limit:
            return True
        reaches = (batch.instrument_id == order.instrument) & ((sign * batch.price <= limit) | (batch.side == ord("N")))
        adds = np.isin(batch.action, (ADD, MODIFY)) & (batch.side == (ASK if order.side == BID else BID))
        return bool((reaches & (adds | (batch.action == TRADE))).any())


class _Levels:
    """Market of price levels that orders make, and the orders' books, up to a row."""

    def __init__(self, batch: EventBatch, times: IntArray) -> None:
        self._batch, self._row, self._played = batch, 0, 0
        self.books = add_books(new_state(), len(batch.instruments))
        collapsed, self._sources, _ = collapse(batch, copy_state(self.books))
        rows = BlockRows(collapsed, times[self._sources], "levels")
        self.market = FillCore(rows, int(QueueModel.RISK_AVERSE))

    def play(self, row: int) -> None:
        """Go on to just before a row."""
        while self._row < row:
            end = min(row, self._row + BLOCK_ROWS)
            _, _, self.books = collapse(self._batch[self._row : end], self.books)
            self._row = end
        before = int(np.searchsorted(self._sources, row))
        self.market.play_rows(before - self._played)
        self._played = before
