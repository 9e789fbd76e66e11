"""One run of a compiled strategy over recorded rows: the compiled loop, and what it asks of Python now and then."""

from __future__ import annotations

import traceback
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.blocks import Block, MarketRows
from hftlab.backtest.compiled import CompiledStrategy
from hftlab.backtest.core import Entry
from hftlab.backtest.delay_models import Constant, Draws
from hftlab.backtest.fill_core import models_of
from hftlab.backtest.fill_kernel import Rows
from hftlab.backtest.fill_rows import block_rows
from hftlab.backtest.fill_state import fitted_to, grow_fill_state, new_fill_state
from hftlab.backtest.latency_models import Latency, in_order
from hftlab.backtest.step_compiling import step_type
from hftlab.backtest.step_delays import step_delays
from hftlab.backtest.step_kernel import DONE, GROW, NEXT_ROWS, NEXT_VIEW, RUN, STOPPED, drive
from hftlab.backtest.step_market import BEST, new_market
from hftlab.backtest.step_orders import grow_orders, new_orders
from hftlab.backtest.step_requests import MOST_REQUESTS
from hftlab.book.book_state import grow
from hftlab.clock import in_words
from hftlab.errors import StepFailed
from hftlab.events import F_LAST
from hftlab.kernels.compiling import IntArray, entry_point

__all__ = ["CompiledRun", "Log", "Settings", "heard_times", "run_compiled"]

_NEVER: Final = 2**63 - 1


class Settings(NamedTuple):
    """Settings of a run: codes of the fill model and of self-trade prevention, see hftlab.backtest.fill_core."""

    model: int
    exponent: float
    latency: Latency
    prevention: int


class Log(NamedTuple):
    """Log of a run: requests and news (see hftlab.backtest.step_requests), and the number of steps.

    `arrived` of the requests have reached the venue.
    """

    requests: npt.NDArray[Any]
    news: npt.NDArray[Any]
    arrived: int
    steps: int


def run_compiled(strategy: CompiledStrategy, rows: MarketRows, span: tuple[int, int], settings: Settings) -> Log:
    """Run a strategy over all rows, from the first time of `span` (ns) to the second.

    Raises StepFailed for what its step raises, or cannot be compiled.
    """
    try:
        run = CompiledRun(strategy, rows, span, settings)
        why = run.go()
    except _NotShared:
        run = CompiledRun(strategy, rows, span, settings, may_share=False)
        why = run.go()
    if why != DONE:
        raise StepFailed(
            strategy.function, None, f"it sends requests at {in_words(run.now)} again and again, and time stands still"
        )
    return run.log()


class _NotShared(Exception):
    """Rows that do not reach the strategy when they are at the venue, in a run that has taken this for granted."""


class CompiledRun:
    """Run of a compiled strategy. The strategy sees the venue's own books if it gets every row as it happens there."""

    def __init__(
        self,
        strategy: CompiledStrategy,
        rows: MarketRows,
        span: tuple[int, int],
        settings: Settings,
        *,
        may_share: bool = True,
        stop: int = 0,
    ) -> None:
        self._strategy, self._blocks, self._span, self._settings = strategy, rows, span, settings
        self._latencies = settings.latency.start()
        self._is_direct = settings.latency.feed == Constant(0)
        self._state = new_fill_state(rows.instruments)
        self._state.instruments["model"] = models_of(rows, settings.model)
        ticks = [one.tick for one in rows.instruments]
        self._market, self._orders = new_market(ticks), new_orders(ticks)
        self._delays = step_delays(self._latencies)
        self._entry: IntArray = np.zeros(len(Entry._fields), np.int64)
        self._memory = strategy.first_state.copy().view(np.uint8)
        self._parameters = strategy.parameter_values.copy().view(np.uint8)
        run = self._run = np.zeros(1, RUN)
        run["every"], run["on"], run["end"], run["stop"] = strategy.every, strategy.on, span[1], stop
        run["timer"] = span[0] - 1 + strategy.every if strategy.every else _NEVER
        run["exponent"], run["prevention"] = settings.exponent, settings.prevention
        run["last_arrival"] = run["last_report"] = -_NEVER
        run["is_shared"] = may_share and self._is_direct and not strategy.on & BEST
        self._block = self._view_block = -1
        self._heard: int | None = None
        self._compiled: Any = None
        """The loop's machine code, from its first call on."""
        self._next_rows()
        self._next_view()

    @property
    def now(self) -> int:
        """Time (ns) of the last step."""
        return int(self._market.clock[0]["now"])

    def go(self) -> int:
        """Run; returns DONE, STUCK or STOPPED. Raises StepFailed."""
        step = self._strategy.step
        while True:
            try:
                why = self._drive(step)
            except Exception as error:
                raise self._failed(error) from None
            if why == GROW:
                self._grow()
            elif why == NEXT_ROWS:
                self._next_rows()
            elif why == NEXT_VIEW:
                self._next_view()
            else:
                return why

    def _drive(self, step: Any) -> int:
        """Call the compiled loop, whose machine code is the same for all steps: only the step is compiled for each."""
        arguments = (
            self._run,
            self._state,
            self._rows,
            self._view,
            self._market,
            self._orders,
            self._delays,
            self._entry,
            self._memory,
            self._parameters,
        )
        if self._compiled is None:
            self._compiled = entry_point(drive, step_type(), *arguments)
        return int(self._compiled(step, *arguments))

    def log(self) -> Log:
        """Return what the run has left."""
        counts = self._orders.counts[0]
        orders = self._orders
        return Log(
            orders.requests[: counts["requests"]],
            orders.news[: counts["news"]],
            int(counts["arrived"]),
            int(self._market.clock[0]["wakes"]),
        )

    # --- blocks of rows ---

    def _next_rows(self) -> None:
        self._block += 1
        block = self._blocks.block(self._block)
        assert block is not None
        if self._run[0]["is_shared"] and not np.array_equal(block.times, block.arrivals):
            raise _NotShared
        books, self._rows = block_rows(self._state.books, block, block.times)
        self._state = fitted_to(self._state, books)
        self._run["row"] = 0
        self._run["is_last"] = self._blocks.block(self._block + 1) is None
        self._share()

    def _next_view(self) -> None:
        self._view_block += 1
        block = self._blocks.block(self._view_block)
        assert block is not None
        if self._run[0]["is_shared"]:
            self._view = self._rows if self._view_block == self._block else _rows_for_tickers(block)
        else:
            books, self._view = block_rows(self._market.books, block, self._heard_at(block))
            self._market = self._market._replace(books=books)
        self._run["view_row"] = 0
        self._run["is_last_view"] = self._blocks.block(self._view_block + 1) is None

    def _heard_at(self, block: Block) -> IntArray:
        """Return when the strategy gets the rows of a block."""
        if self._is_direct:
            return block.arrivals
        times = heard_times(block, self._latencies.feed, self._heard)
        self._heard = int(times[-1])
        return times

    def _share(self) -> None:
        if self._run[0]["is_shared"]:
            self._market = self._market._replace(books=self._state.books)

    def _grow(self) -> None:
        counts, told = self._orders.counts[0], int(self._state.reports.used[0])
        needed = int(max(counts["requests"] + MOST_REQUESTS, counts["news"] + told))
        if needed > len(self._orders.requests):
            self._orders = grow_orders(self._orders, needed)
            return
        self._state = grow_fill_state(self._state, int(counts["orders"]) + MOST_REQUESTS)
        if self._run[0]["is_shared"]:
            self._share()
        else:
            self._market = self._market._replace(books=grow(self._market.books))

    # --- errors ---

    def _failed(self, error: Exception) -> StepFailed:
        """Return the error of a step that has raised, with the line of the user's that it came from."""
        function = self._strategy.function
        line = _line_in(function, error) or self._line_of_step(int(self._market.clock[0]["wakes"]))
        raised = StepFailed(function, line, f"{type(error).__name__}: {error}, at {in_words(self.now)}")
        raised.__cause__ = error
        return raised

    def _line_of_step(self, number: int) -> int | None:
        """Run again up to a step, and let Python run that one: compiled code does not tell the line of every error."""
        run = CompiledRun(
            self._strategy,
            self._blocks,
            self._span,
            self._settings,
            may_share=bool(self._run[0]["is_shared"]),
            stop=number,
        )
        if run.go() != STOPPED:
            return None
        return run._line_in_python()

    def _line_in_python(self) -> int | None:
        function = self._strategy.function
        state = self._memory.view(self._strategy.first_state.dtype).view(np.recarray)[0]
        parameters = self._parameters.view(self._strategy.parameter_values.dtype).view(np.recarray)[0]
        self._market.clock["now"] = self._run["timer"]
        orders = self._orders._replace(open=self._orders.open.view(np.recarray))
        arguments = (self._market, orders, state, parameters)[: function.__code__.co_argcount]
        try:
            with np.errstate(all="raise"):
                function(*arguments)
        except Exception as error:
            return _line_in(function, error)
        return None


def heard_times(block: Block, feed: Draws, after: int | None) -> IntArray:
    """Return when the rows of a block reach the strategy: those of an event together, and none before `after`."""
    ends = np.flatnonzero(block.batch.flags & F_LAST)
    if not len(ends) or ends[-1] != len(block.times) - 1:
        ends = np.append(ends, len(block.times) - 1)
    at = block.arrivals[ends]
    return np.repeat(in_order(at + feed.draws(at), after), np.diff(ends, prepend=-1))


def _rows_for_tickers(block: Block) -> Rows:
    """Return rows of which only trades are read."""
    batch = block.batch
    none = np.zeros(len(block.times), np.uint32)
    return Rows(
        block.times, batch.instrument_id, batch.order_id.view(np.int64), batch.action, batch.side, batch.price,
        batch.size, batch.flags, none,
    )  # fmt: skip


def _line_in(function: Any, error: Exception) -> int | None:
    """Return the last line of a function's file in an error's traceback."""
    file = function.__code__.co_filename
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == file]
    return lines[-1] if lines else None
