"""Latencies of a compiled strategy: the draws of hftlab.backtest.latency_models, as compiled loops make them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from hftlab.backtest.delay_kernel import DelayState, draw_delays, new_state
from hftlab.backtest.delay_models import Constant, Draws, RandomDraws
from hftlab.backtest.latency_models import Latencies
from hftlab.backtest.recorded_delays import Recorded
from hftlab.backtest.step_requests import Kind
from hftlab.errors import ArgumentTypeError
from hftlab.kernels.compiling import IntArray, in_place
from hftlab.trading.venue import RequestKind

__all__ = ["StepDelay", "StepDelays", "draw_delay", "request_delay", "step_delays"]

_CONSTANT, _RANDOM, _RECORDED = range(3)
_NEW, _CANCEL = int(Kind.NEW), int(Kind.CANCEL)
_NO_ROWS: Final = np.zeros(1, np.int64)


class StepDelay(NamedTuple):
    """Draws of one delay."""

    kind: int
    time: int
    shape: tuple[float, float, float, float, float, float, float]
    state: DelayState
    at: IntArray  # the time of a draw, and what is drawn
    drawn: IntArray
    rows_at: IntArray  # recorded times and delays
    rows_delay: IntArray


class StepDelays(NamedTuple):
    """Draws of all delays. One model for all requests is one sequence of draws: they share its state."""

    compute: StepDelay
    new: StepDelay
    cancel: StepDelay
    replace: StepDelay
    response: StepDelay


def step_delays(latencies: Latencies) -> StepDelays:
    """Return draws that have not begun for compiled loops. Raises ArgumentTypeError for a model of one's own."""
    made: dict[int, StepDelay] = {}

    def one(draws: Draws) -> StepDelay:
        return made.setdefault(id(draws), _step_delay(draws))

    entry = latencies.entry
    return StepDelays(
        one(latencies.compute),
        one(entry[RequestKind.NEW]),
        one(entry[RequestKind.CANCEL]),
        one(entry[RequestKind.REPLACE]),
        one(latencies.response),
    )


def _step_delay(draws: Draws) -> StepDelay:
    if isinstance(draws, Constant):
        return _delay(_CONSTANT, time=draws.time)
    if isinstance(draws, Recorded):
        return _delay(_RECORDED, rows=(draws.at, draws.latency))
    if isinstance(draws, RandomDraws):
        return _delay(_RANDOM, shape=draws.shape, state=draws.checkpoint())
    raise ArgumentTypeError(
        f"a compiled strategy has latencies of hftlab's own models, not of {type(draws).__name__}: take Constant, "
        "Lognormal, Autocorrelated or Recorded, or a strategy class"
    )


def _delay(
    kind: int,
    *,
    time: int = 0,
    shape: tuple[float, ...] = (0.0,) * 7,
    state: DelayState | None = None,
    rows: tuple[IntArray, IntArray] = (_NO_ROWS, _NO_ROWS),
) -> StepDelay:
    at, delays = (np.array(column, np.int64) for column in rows)
    one = np.zeros(1, np.int64)
    return StepDelay(kind, time, shape, state or new_state(0, 0), one, one.copy(), at, delays)  # type: ignore[arg-type]


@in_place
def request_delay(delays: Any, kind: int, at: int) -> int:
    """Draw how long a request takes that is decided on at a time (ns)."""
    compute = draw_delay(delays.compute, at)
    if kind == _NEW:
        return int(compute + draw_delay(delays.new, at + compute))
    if kind == _CANCEL:
        return int(compute + draw_delay(delays.cancel, at + compute))
    return int(compute + draw_delay(delays.replace, at + compute))


@in_place
def draw_delay(delay: Any, at: int) -> int:
    """Draw the delay (ns) of what begins at a time."""
    if delay.kind == _CONSTANT:
        return int(delay.time)
    if delay.kind == _RECORDED:
        return _between_rows(delay.rows_at, delay.rows_delay, at)
    delay.at[0] = at
    minimum, scale, sigma, correlation, time_constant, lasting, longest = delay.shape
    draw_delays(delay.state, delay.at, delay.drawn, minimum, scale, sigma, correlation, time_constant, lasting, longest)
    return int(delay.drawn[0])


@in_place
def _between_rows(times: IntArray, delays: IntArray, at: int) -> int:
    low, high, last = 0, len(times), len(times) - 1
    while low < high:
        middle = (low + high) // 2
        if times[middle] <= at:
            low = middle + 1
        else:
            high = middle
    left, right = max(low - 1, 0), min(low, last)
    span = times[right] - times[left]
    since = at - times[left] if span > 0 else 0
    return int(delays[left] + np.int64(np.rint((delays[right] - delays[left]) * (since / max(span, 1)))))
