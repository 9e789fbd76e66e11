"""`backtest`: events a second of a market maker, as a compiled strategy and as a class, against hftbacktest.

The market maker has two quotes about the middle and moves both of them every 100 ms. Events, latencies and the queue
model (risk-averse) are the same for all. The market is made with a seed; a capture of Binance, whose path the variable
HFTLAB_BENCH_CAPTURE names, can take its place.

Times are those of the processor, after compilation, from the first event to the last. All have the events in memory,
as what they were converted to beforehand, and each run builds its books: hftbacktest has its own array, the compiled
strategy the rows of the market, and the class these rows and the messages that a strategy is told of. None makes tables
of what came of it. How fast the class is with all of hl.backtest(), from the session's files to the result's tables, is
told beside (`class_from_files_events_per_s`) and not part of the ratio. hftbacktest has two kinds of books: the faster
counts. The ratio is the least of the compiled strategy's over 1 and the class's over 0.1.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from hftlab.backtest import Latency, Strategy, compiled, run_backtest
from hftlab.backtest.compiled_run import Settings, run_compiled
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.market_rows import Block, Holding, MarketRows, market_rows
from hftlab.backtest.recorded_run import run_recorded
from hftlab.bench.backtest_market import level_market, record_levels
from hftlab.bench.backtest_peer import Peer
from hftlab.bench.result import Result
from hftlab.book.matching.entries import Prevention
from hftlab.ingest import import_capture
from hftlab.instruments import UNIT
from hftlab.session import Session
from hftlab.source import Timed
from hftlab.trading.account import AccountTerms

__all__ = ["run"]

_COMPILED, _CLASS = 1.0, 0.1
_EVERY: Final = 100_000_000
_LATENCY: Final = 5_000_000
_SECONDS: Final = 360
_ROUNDS: Final = 5
_DISTANCE: Final = 20
_LOTS: Final = 10
_CAPTURE: Final = "HFTLAB_BENCH_CAPTURE"
_BOTH_WAYS: Final = Latency(entry=_LATENCY, response=_LATENCY)
_TERMS: Final = AccountTerms(cash=1e9, commissions=None)


@compiled(every=_EVERY / 1e9, state={"step": 0, "bid": 0, "ask": 0}, parameters={"distance": _DISTANCE, "lots": _LOTS})
def maker(market: Any, orders: Any, state: Any, parameters: Any) -> None:
    """Two quotes about the middle that move at each step."""
    state.step += 1
    middle = (market.bid() + market.ask()) // 2
    bid = middle - parameters.distance - state.step % 2
    ask = middle + parameters.distance + state.step % 2
    if not orders.replace(state.bid, parameters.lots, bid):
        state.bid = orders.buy(parameters.lots, bid, post_only=True)
    if not orders.replace(state.ask, parameters.lots, ask):
        state.ask = orders.sell(parameters.lots, ask, post_only=True)


class Maker(Strategy):
    """The same as a strategy class."""

    every = _EVERY
    wake = "timer"

    def __init__(self, tick: float, size: float) -> None:
        self._tick, self._size, self._step = tick, size, 0
        self._bid: Any = None
        self._ask: Any = None

    def on_timer(self, at: int) -> None:  # noqa: ARG002
        """Move both quotes."""
        self._step += 1
        symbol = self.market.symbols[0]
        quote = self.market.latest(symbol)
        if quote is None:
            return
        middle = round((quote.bid + quote.ask) / self._tick) // 2
        bid, ask = middle - _DISTANCE - self._step % 2, middle + _DISTANCE + self._step % 2
        self._bid = self._move(self._bid, self.trading.buy, symbol, bid * self._tick)
        self._ask = self._move(self._ask, self.trading.sell, symbol, ask * self._tick)

    def _move(self, order: Any, send: Any, symbol: str, price: float) -> Any:
        price = round(price, 9)
        if order is None or order.record.is_final:
            return send(symbol, self._size, price=price, post_only=True)
        order.replace(price=price)
        return order


def run() -> Result:
    """Alternate rounds of all, and take the medians of their times. Raises HftlabError without hftbacktest."""
    with tempfile.TemporaryDirectory(prefix="hftlab-bench-") as folder:
        session = _session(Path(folder))
        events = session.to_hftbacktest()
        rows = _InMemory(market_rows(session))
        instrument = rows.instruments[0]
        peer = Peer(events, instrument, every=_EVERY, latency=_LATENCY)

        def made() -> Maker:
            return Maker(instrument.tick / UNIT, _LOTS * instrument.lot / UNIT)

        work: dict[str, Any] = {
            "hftbacktest_map": lambda: peer.run(is_array=False, distance=_DISTANCE, lots=_LOTS),
            "hftbacktest_array": lambda: peer.run(is_array=True, distance=_DISTANCE, lots=_LOTS),
            "compiled": lambda: _compiled(session, rows),
            "class": lambda: _class(made(), rows, _Messages(session)),
            "class_from_files": lambda: _class_from_files(made(), session),
        }
        times: dict[str, list[float]] = {name: [] for name in work}
        requests: dict[str, int] = {}
        # The first round compiles or loads the kernels and is not counted.
        for number in range(_ROUNDS + 1):
            for name, call in work.items():
                taken, requests[name] = call()
                if number:
                    times[name].append(taken)
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min(medians["hftbacktest_map"], medians["hftbacktest_array"])
    compiled, of_class = best / medians["compiled"], best / medians["class"]
    ratio = min(compiled / _COMPILED, of_class / _CLASS)
    figures: dict[str, Any] = {
        "compiled_ratio": compiled,
        "class_ratio": of_class,
        **{f"{name}_events_per_s": len(events) / taken for name, taken in medians.items()},
        "events": len(events),
        "steps": int((events["local_ts"][-1] - events["local_ts"][0]) // _EVERY),
        **{f"{name}_requests": count for name, count in requests.items()},
        "hftbacktest_version": peer.version,
    }
    return Result("backtest", ratio, 1.0, ratio >= 1.0, figures)


class _InMemory(MarketRows):
    """Rows of a market, all in memory."""

    def __init__(self, rows: MarketRows) -> None:
        self.instruments, self._rows = rows.instruments, rows
        self._blocks: list[Block] = []
        while (block := rows.block(len(self._blocks))) is not None:
            self._blocks.append(block)

    def holds(self, number: int) -> Holding | None:
        """Return what the rows tell of an instrument's book."""
        return self._rows.holds(number)

    def block(self, number: int) -> Block | None:
        """Return a block by its number; None behind the last."""
        return self._blocks[number] if number < len(self._blocks) else None


class _Messages:
    """Messages of a session's market, all in memory; each run takes them from the first on."""

    def __init__(self, session: Session) -> None:
        replay = session.replay(float("inf"))
        self.symbols, self.span = replay.symbols, replay.span
        self._messages = replay.take(session.manifest.messages)
        self._taken = 0

    def next_time(self) -> int | None:
        """Return when the next message is due; None after the last."""
        return self._messages[self._taken].at if self._taken < len(self._messages) else None

    def take(self, count: int) -> list[Timed[Any]]:
        """Take the next messages; fewer at the end."""
        first, self._taken = self._taken, self._taken + count
        return self._messages[first : self._taken]


def _session(folder: Path) -> Session:
    capture = os.environ.get(_CAPTURE)
    if capture is None:
        return record_levels(level_market(_SECONDS, seed=7), folder, pace=_EVERY)
    return import_capture("binance", Path(capture), folder / "session", pace=_EVERY).session


def _compiled(session: Session, rows: MarketRows) -> tuple[float, int]:
    span = session.manifest.started or 0, session.manifest.ended or 0
    model = FillModel("risk_averse").queue_model
    assert model is not None
    start = time.process_time()
    log = run_compiled(maker, rows, span, Settings(int(model), 1.0, _BOTH_WAYS, int(Prevention.CANCEL_NEWEST)))
    return time.process_time() - start, len(log.requests)


def _class(strategy: Strategy, rows: MarketRows, messages: _Messages) -> tuple[float, int]:
    start = time.process_time()
    log = run_recorded(strategy, rows, messages, model=FillModel("risk_averse"), latency=_BOTH_WAYS, terms=_TERMS)
    return time.process_time() - start, log.tables()["requests"].height


def _class_from_files(strategy: Strategy, session: Session) -> tuple[float, int]:
    start = time.process_time()
    result = run_backtest(strategy, session, fill="risk_averse", latency=_BOTH_WAYS, terms=_TERMS)
    return time.process_time() - start, result.requests.collect().height
