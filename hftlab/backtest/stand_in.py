"""Stand-in: an order of one's own in the place of a recorded one, in the market without that."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.backtest.core import Entry
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.left_out_orders import Ask, LeftOut, Request, Without
from hftlab.backtest.reports import Cause
from hftlab.book.matching import EntryType, InForce
from hftlab.events import EventBatch
from hftlab.kernels.compiling import IntArray

__all__ = ["BlockRows", "StandIn", "merged"]


class BlockRows(MarketRows):
    """Rows of one block in memory, of instruments of which all hold the same."""

    def __init__(self, batch: EventBatch, times: IntArray, holding: Holding) -> None:
        self.instruments = batch.instruments
        self._block, self._holding = Block(batch, times, times), holding

    def holds(self, number: int) -> Holding | None:
        """Return what the rows tell of an instrument's book."""
        return self._holding if number < len(self.instruments) else None

    def block(self, number: int) -> Block | None:
        """Return the one block."""
        return self._block if number == 0 else None


class StandIn:
    """Stand-in for a recorded order, in a market that begins just before that came.

    It is entered at once, and `play()` lets recorded rows happen; what the recorded order was asked for is asked of it
    as well. `market` has the books before, `rows` what came after.
    """

    def __init__(
        self, order: LeftOut, at: int, rows: Without, holding: Holding, model: FillModel, market: FillCore
    ) -> None:
        code = FIFO if model.queue_model is None else int(model.queue_model)
        held = BlockRows(rows.batch, rows.times, holding)
        self._core = FillCore(held, code, model.n or 1.0, market=market)
        self._order, self._numbers, self._played = order, rows.numbers, 0
        self._tick = rows.batch.instruments[order.instrument].tick
        self._entered = 0
        self._enter(order.price, order.lots, at)

    @property
    def ahead(self) -> int:
        """Lots that stand ahead of it now; 0 if it is not in the queue."""
        return self._core.ahead(1) if self._core.open_lots(1) else 0

    def run(self, times: IntArray) -> list[dict[str, int]]:
        """Let all rows happen, and return its fills, those of one time as one.

        `times` are those of all rows of the recording.
        """
        fills = self.take()
        for request in self._order.requests:
            self.play(int(np.searchsorted(self._numbers, request.row)) - self._played)
            self.ask(request, int(times[request.row]))
            fills += self.take()
        self.play(len(self._numbers) - self._played)
        return merged(fills + self.take())

    def play(self, rows: int) -> None:
        """Let so many rows happen."""
        self._core.play_rows(rows)
        self._played += rows

    def take(self) -> list[dict[str, int]]:
        """Return its fills since the last call."""
        reports: npt.NDArray[Any] = self._core.take()
        return [{"at": int(row["time"]), "size": int(row["lots"])} for row in reports[reports["cause"] == Cause.FILLED]]

    def ask(self, request: Request, at: int) -> None:
        """Ask of it what the recorded order was asked for, by as many lots: of its own others may be open."""
        if request.kind == Ask.RELOAD:
            self._enter(request.price, request.lots, at)
            return
        standing = [number for number in range(self._entered, 0, -1) if self._core.open_lots(number)]
        if self._order.was_cancelled and request == self._order.requests[-1]:
            for number in standing:
                self._core.cancel(number, at)
        elif standing:
            by = -request.lots if request.kind == Ask.REDUCE else request.lots
            lots = self._core.open_lots(standing[0]) + by
            if lots > 0:
                self._core.replace(standing[0], lots, request.price // self._tick, at)
            else:
                self._core.cancel(standing[0], at)

    def _enter(self, price: int, lots: int, at: int) -> None:
        self._entered += 1
        self._core.enter(
            Entry(
                number=self._entered,
                instrument=self._order.instrument,
                owner=1,
                side=self._order.side,
                type=int(EntryType.LIMIT),
                in_force=int(InForce.GTC),
                price=price // self._tick,
                lots=lots,
            ),
            at,
        )


def merged(fills: list[dict[str, int]]) -> list[dict[str, int]]:
    """Return fills, oldest first, with those of one time as one: a venue may print them together or one by one."""
    lots: dict[int, int] = {}
    for fill in fills:
        lots[fill["at"]] = lots.get(fill["at"], 0) + fill["size"]
    return [{"at": at, "size": size} for at, size in lots.items()]
