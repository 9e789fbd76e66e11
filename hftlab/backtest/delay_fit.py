"""Fits models of one delay to a sample of it, and says what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from hftlab.backtest.delay_models import WIDEST, Autocorrelated, Constant, DelayModel, Lognormal
from hftlab.backtest.delay_times import delay_text
from hftlab.backtest.recorded_delays import Recorded
from hftlab.errors import ArgumentError
from hftlab.html_table import rows_table
from hftlab.kernels.compiling import IntArray
from hftlab.nearest import meant

if TYPE_CHECKING:
    from hftlab.session import Session

__all__ = ["FEWEST", "FitKind", "FitReport", "PartReport", "Sample", "check_kind", "fit_delay", "report_on"]

FitKind: TypeAlias = Literal["constant", "recorded", "lognormal", "autocorrelated"]

FEWEST: Final = 20
"""Delays that a distribution is fitted to at least."""

_TAIL: Final = 0.05
_ONE_SIGMA: Final = 0.8413447460685429
"""Share of a normal distribution that is below one standard deviation above its mean."""
_FARTHEST: Final = 4.0
"""Standard deviations beyond which a delay counts as that far: one odd message must not decide a correlation."""
_PERIODS: Final = 8
"""A correlation is looked at over an eighth of the sample at most: beyond there are too few periods to tell."""
_GROUPS: Final = 4
_PAIRS: Final = 1_000
_ALL: Final = 0.995
"""Correlation from which on all of a delay is said to last."""
_STEPS: Final = 60
_NARROWINGS: Final = 20
_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0

FloatArray = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """Delays that were observed, oldest first."""

    at: IntArray
    """Times at which a backtest asks for them, ns since 1970 UTC."""
    latency: IntArray
    """Nanoseconds, 0 or more."""
    begun: IntArray
    """Times at which they began. Those at which they ended are close together where the delays differ: by them, a
    correlation is not what it is."""
    clock_shift: int = 0
    """Nanoseconds that were added to each, because of clocks that disagree."""


@dataclass(frozen=True)
class PartReport:
    """Fit of one part of a latency; times are ns."""

    count: int
    median: int
    p99: int
    correlation: float
    """Correlation of each delay with the one before it, of the logarithms of what is above the minimum."""
    clock_shift: int
    note: str = ""


@dataclass(frozen=True)
class FitReport:
    """Report of a fitted latency: the session, and the fit of each part."""

    session: str
    kind: str
    started: int | None
    ended: int | None
    messages: int
    parts: Mapping[str, PartReport]

    def is_of(self, session: Session) -> bool:
        """Return whether a session is the one of the fit, wherever its folder is by now."""
        manifest = session.manifest
        return (self.started, self.ended, self.messages) == (manifest.started, manifest.ended, manifest.messages)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the report that to_dict() has made a dict of."""
        parts = {name: PartReport(**part) for name, part in values["parts"].items()}
        return cls(**{**values, "parts": parts})

    def table(self) -> str:
        """Return the report as an HTML table."""
        return rows_table(f"Latency of {self.session}, {self.kind}", _HEADS, self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                name,
                f"{part.count:,}",
                delay_text(part.median),
                delay_text(part.p99),
                f"{part.correlation:.2f}",
                delay_text(part.clock_shift),
                part.note,
            )
            for name, part in self.parts.items()
        ]

    def __str__(self) -> str:
        rows = [_HEADS, *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join([f"fitted on {self.session} ({self.kind}):", *(line.rstrip() for line in lines)])


_HEADS: Final = ("part", "n", "median", "p99", "correlation", "clock shift", "note")


def check_kind(kind: str) -> None:
    """Check the kind of model that is to be fitted. Raises ArgumentError."""
    if kind not in get_args(FitKind):
        kinds = get_args(FitKind)
        raise ArgumentError(f"kind is {kind!r}: it is one of {', '.join(kinds)}").advise(
            instead=meant([str(kind)], kinds)
        )


def fit_delay(sample: Sample, kind: FitKind) -> DelayModel:
    """Return the model of a kind that fits a sample, which has at least FEWEST rows for a distribution.

    A lognormal's minimum is the one that makes the logarithms symmetric about their median at the 5 % tails, 0 if none
    does; its sigma is half the distance of the quantiles one standard deviation to both sides, so that a few odd
    messages do not matter. Of an autocorrelated one the correlations are nearest to those of the sample.
    """
    latency = sample.latency.astype(np.float64)
    if kind == "constant":
        return Constant(round(float(np.median(latency))))
    if kind == "recorded":
        return Recorded(sample.at, sample.latency)
    shape = _shape(latency)
    if kind == "lognormal" or shape.sigma == 0.0:
        return Lognormal(*shape)
    return Autocorrelated(*shape, **_memory(sample.begun, _deviations(latency, shape)))


def report_on(sample: Sample, note: str = "") -> PartReport:
    """Return what is to be said of a sample."""
    latency = sample.latency.astype(np.float64)
    z = _deviations(latency, _shape(latency))
    square = float(np.mean(z * z))
    return PartReport(
        len(latency),
        round(float(np.median(latency))),
        round(float(np.quantile(latency, 0.99))),
        float(np.mean(z[1:] * z[:-1])) / square if len(z) > 1 and square > 0 else 0.0,
        sample.clock_shift,
        note,
    )


class _Shape(NamedTuple):
    median: int
    sigma: float
    minimum: int


def _shape(latency: FloatArray) -> _Shape:
    low, high = np.quantile(latency, [_TAIL, 1.0 - _TAIL])
    median = float(np.median(latency))
    skew = low + high - 2.0 * median
    # (low - minimum) * (high - minimum) = (median - minimum)^2
    minimum = math.floor((low * high - median * median) / skew) if skew > 0.0 else 0
    minimum = max(min(minimum, int(latency.min())), 0)
    below, above = np.quantile(latency, [1.0 - _ONE_SIGMA, _ONE_SIGMA]) - minimum
    sigma = (math.log(max(above, 1.0)) - math.log(max(below, 1.0))) / 2.0
    return _Shape(round(median), min(sigma, WIDEST), minimum)


def _deviations(latency: FloatArray, shape: _Shape) -> FloatArray:
    """Return the delays as numbers that are standard normal if they are lognormal."""
    if shape.sigma == 0.0:
        return np.zeros(len(latency))
    logs = np.log(np.maximum(latency - shape.minimum, 1.0))
    z: FloatArray = (logs - math.log(max(shape.median - shape.minimum, 1))) / shape.sigma
    return np.clip(z, -_FARTHEST, _FARTHEST)


def _memory(begun: IntArray, z: FloatArray) -> dict[str, Any]:
    """Return the correlation and time constant of Autocorrelated that are nearest to the correlations of a sample.

    These are looked at 1, 2, 4, ... messages apart, by the time in between. A likelihood would look at the shortest
    times alone, at which the clocks' ticks and the gathering of messages hide what lasts.
    """
    found, gaps = _correlations(begun, z)
    most = max(gap.max() for gap in gaps)
    if most <= 0.0:  # all came at one moment, of which nothing is learnt about time
        return {"time_constant": 1}

    def fading(log_time: float) -> FloatArray:
        rate = math.exp(-log_time)
        return np.array([np.mean(np.exp(-rate * gap)) for gap in gaps])

    def lasting(curve: FloatArray) -> float:
        square = float(curve @ curve)
        return min(max(float(found @ curve) / square, 0.0), 1.0) if square > 0.0 else 0.0

    def error(log_time: float) -> float:
        curve = fading(log_time)
        return float(np.sum((found - lasting(curve) * curve) ** 2))

    grid = np.linspace(0.0, math.log(100.0 * most), _STEPS)
    best = int(np.argmin([error(log_time) for log_time in grid]))
    log_time = _lowest(error, grid[max(best - 1, 0)], grid[min(best + 1, _STEPS - 1)])
    correlation = lasting(fading(log_time))
    memory = {"time_constant": max(round(math.exp(log_time)), 1)}
    return memory if correlation > _ALL else memory | {"correlation": correlation}


def _correlations(begun: IntArray, z: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
    """Return the correlations of pairs of messages, in groups, and the times (ns) between some pairs of each group.

    Each group is measured by its own variance: in bursts messages are close together and slow.
    """
    time = (begun - begun[0]).astype(np.float64)
    found, gaps = [], []
    for octave in range((len(z) // _PERIODS).bit_length()):
        lag = 1 << octave
        first, second, apart = z[:-lag], z[lag:], np.abs(time[lag:] - time[:-lag])
        for pairs in np.array_split(np.argsort(apart, kind="stable"), _GROUPS):
            one, other = first[pairs], second[pairs]
            scale = math.sqrt(float(one @ one) * float(other @ other))
            found.append(float(one @ other) / scale if scale > 0.0 else 0.0)
            gaps.append(apart[pairs[:: len(pairs) // _PAIRS + 1]])
    return np.array(found), gaps


def _lowest(error: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one minimum has it, by golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = error(left), error(right)
    for _ in range(_NARROWINGS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = error(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = error(right)
    return (low + high) / 2.0
