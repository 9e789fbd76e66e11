"""Models of one delay: constant, recorded, lognormal, or lognormal with slow and fast periods.

A model is a description without a state: the same one can serve several parts of a Latency, and several backtests.
`start()` begins a sequence of draws, which the seed and the times asked for determine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any, Final, Protocol, Self, runtime_checkable

import numpy as np

from hftlab.backtest.delay_kernel import DelayState, draw_delays, new_state
from hftlab.backtest.delay_times import LONGEST, TimeLike, delay_ns, delay_text
from hftlab.errors import ArgumentError
from hftlab.kernels.compiling import IntArray

__all__ = ["WIDEST", "Autocorrelated", "Constant", "DelayModel", "Draws", "Lognormal", "RandomDraws", "Stateless"]

WIDEST: Final = 10.0
"""Largest sigma: one draw in six is then more than exp(10), 22,000, times the median."""


class Draws(Protocol):
    """Delays of one part of a backtest, drawn one after the other."""

    def draw(self, at: int) -> int:
        """Return the delay (ns, 0 or more) of what begins at `at`, in ns since 1970 UTC."""
        ...

    def draws(self, at: IntArray) -> IntArray:
        """Return the delays for a column of times: what draw() would return for one after the other."""
        ...

    def checkpoint(self) -> Any:
        """Copy the state, for restore()."""
        ...

    def restore(self, checkpoint: Any) -> None:
        """Go back to a checkpoint of these draws; it can be used any number of times."""
        ...


@runtime_checkable
class DelayModel(Protocol):
    """Model of a delay; a class of one's own with these methods is one as well."""

    def start(self, seed: int, purpose: int) -> Draws:
        """Begin to draw. Another purpose has random numbers of its own, independent of those of the others."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that JSON holds, with its kind as `model`."""
        ...


class Stateless:
    """Base of models whose delays depend on the time alone, so that the model itself makes the draws."""

    def start(self, seed: int, purpose: int) -> Self:  # noqa: ARG002
        """Return the model."""
        return self

    def checkpoint(self) -> None:
        """Return None: there is no state."""

    def restore(self, checkpoint: None) -> None:
        """Do nothing: there is no state."""


@dataclass(frozen=True, init=False, repr=False)
class Constant(Stateless):
    """Delay that is always the same: nanoseconds, a timedelta, or text such as "250us".

    Raises ArgumentError for what is not from 0 to a day.
    """

    time: int
    """Nanoseconds."""

    def __init__(self, time: TimeLike) -> None:
        object.__setattr__(self, "time", delay_ns("time", time))

    def draw(self, at: int) -> int:  # noqa: ARG002
        """Return the delay."""
        return self.time

    def draws(self, at: IntArray) -> IntArray:
        """Return the delay for each of the times."""
        return np.full(len(at), self.time, np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values."""
        return {"model": "constant", "time": self.time}

    def __repr__(self) -> str:
        return f"Constant({delay_text(self.time)!r})"


@dataclass(frozen=True, init=False, repr=False)
class Lognormal:
    """Delay with a long tail: minimum + (median - minimum) * exp(sigma * z), with z normal and new for each draw.

    Half of the delays are above `median`, and one in six above minimum + (median - minimum) * exp(sigma); none is below
    `minimum`, and none above a day. Times are nanoseconds, timedeltas, or text such as "1.5ms". Raises ArgumentError
    for a minimum above the median, and for a sigma that is not from 0 to 10.
    """

    median: int
    sigma: float
    minimum: int

    def __init__(self, median: TimeLike, sigma: float, minimum: TimeLike = 0) -> None:
        _set_shape(self, median, sigma, minimum)

    def start(self, seed: int, purpose: int) -> Draws:
        """Begin to draw."""
        return RandomDraws(self.median, self.sigma, self.minimum, (0.0, 0, 1.0), new_state(seed, purpose))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values."""
        return {"model": "lognormal", "median": self.median, "sigma": self.sigma, "minimum": self.minimum}

    def __repr__(self) -> str:
        return f"Lognormal({_shape_text(self)})"


@dataclass(frozen=True, init=False, repr=False)
class Autocorrelated:
    """Lognormal delay whose slow periods cluster: the logarithm of what is above the minimum has a memory.

    - With a `correlation` it is an AR(1) process of the draws: each has that correlation with the one before it.
    - With a `time_constant` it is one of time: the correlation of two draws is exp(-t / time_constant), where t is the
      time between them, whatever was drawn meanwhile.
    - With both it is correlation * exp(-t / time_constant): a part of each delay lasts, and the rest is its own.

    The correlation is from 0 to below 1. The distribution of the delays, and the other arguments, are those of
    Lognormal. Raises ArgumentError as that does, and without one of the two.
    """

    median: int
    sigma: float
    minimum: int
    correlation: float | None
    time_constant: int | None
    """Nanoseconds."""

    def __init__(
        self,
        median: TimeLike,
        sigma: float,
        minimum: TimeLike = 0,
        *,
        correlation: float | None = None,
        time_constant: TimeLike | None = None,
    ) -> None:
        _set_shape(self, median, sigma, minimum)
        if correlation is None and time_constant is None:
            raise ArgumentError(
                "an autocorrelated latency has a correlation=, such as 0.9 with the last one, a time_constant=, such "
                "as '2s', or both; got neither"
            )
        if correlation is not None:
            correlation = _number("correlation", correlation, "from 0 to below 1", 0.0, np.nextafter(1.0, 0.0))
        if time_constant is not None:
            time_constant = delay_ns("time_constant", time_constant)
            if time_constant == 0:
                raise ArgumentError("time_constant is 0: without a memory a latency is a Lognormal(median, sigma)")
        object.__setattr__(self, "correlation", correlation)
        object.__setattr__(self, "time_constant", time_constant)

    def start(self, seed: int, purpose: int) -> Draws:
        """Begin to draw."""
        correlation = 1.0 if self.correlation is None else self.correlation
        memory = (correlation, 0, 1.0) if self.time_constant is None else (0.0, self.time_constant, correlation)
        return RandomDraws(self.median, self.sigma, self.minimum, memory, new_state(seed, purpose))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values."""
        shape = {"median": self.median, "sigma": self.sigma, "minimum": self.minimum}
        return {"model": "autocorrelated", **shape, **self._memory()}

    def _memory(self) -> Mapping[str, Any]:
        names = ("correlation", "time_constant")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def __repr__(self) -> str:
        memory = [] if self.correlation is None else [f"correlation={self.correlation:g}"]
        memory += [] if self.time_constant is None else [f"time_constant={delay_text(self.time_constant)!r}"]
        return f"Autocorrelated({', '.join([_shape_text(self), *memory])})"


class RandomDraws:
    """Lognormal draws with or without a memory."""

    def __init__(
        self, median: int, sigma: float, minimum: int, memory: tuple[float, int, float], state: DelayState
    ) -> None:
        correlation, time_constant, lasting = memory
        shape = float(minimum), float(median - minimum), sigma
        self.shape = *shape, correlation, float(time_constant), lasting, float(LONGEST)
        self._state = state
        self._at, self._delay = np.zeros(1, np.int64), np.zeros(1, np.int64)

    def draw(self, at: int) -> int:
        self._at[0] = at
        draw_delays(self._state, self._at, self._delay, *self.shape)
        return int(self._delay[0])

    def draws(self, at: IntArray) -> IntArray:
        delays = np.empty(len(at), np.int64)
        draw_delays(self._state, np.ascontiguousarray(at, np.int64), delays, *self.shape)
        return delays

    def checkpoint(self) -> DelayState:
        return _copied(self._state)

    def restore(self, checkpoint: DelayState) -> None:
        self._state = _copied(checkpoint)


def _copied(state: DelayState) -> DelayState:
    return DelayState(state.streams.copy(), state.last.copy(), state.last_time.copy())


def _set_shape(model: Lognormal | Autocorrelated, median: TimeLike, sigma: float, minimum: TimeLike) -> None:
    middle, least = delay_ns("median", median), delay_ns("minimum", minimum)
    if least > middle:
        raise ArgumentError(
            f"minimum is {minimum!r}, above the median of {median!r}: half of all latencies are below the median"
        )
    object.__setattr__(model, "median", middle)
    object.__setattr__(model, "sigma", _number("sigma", sigma, f"from 0 to {WIDEST:g}", 0.0, WIDEST))
    object.__setattr__(model, "minimum", least)


def _number(name: str, value: object, kind: str, least: float, most: float) -> float:
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        if isfinite(number) and least <= number <= most:
            return number
    raise ArgumentError(f"{name} is {value!r}: it is a number {kind}")


def _shape_text(model: Lognormal | Autocorrelated) -> str:
    least = f", minimum={delay_text(model.minimum)!r}" if model.minimum else ""
    return f"{delay_text(model.median)!r}, {model.sigma:g}{least}"
