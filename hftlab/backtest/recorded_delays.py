"""Delays that were recorded: rows of a time and a delay, with straight lines in between."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any, ClassVar, Self
from zlib import compress, decompress

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.backtest.delay_models import Stateless
from hftlab.backtest.delay_times import LONGEST, delay_text
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.kernels.compiling import IntArray

__all__ = ["Recorded"]


class Recorded(Stateless):
    """Delay as it was recorded: linear between the rows, and that of the first or last row outside of them.

    The rows are a frame (polars, also lazy, or pandas) with the columns `at` and `latency`, or two arrays: times in ns
    since 1970 UTC that never go back, and delays in ns. Columns of datetimes and durations are taken as well. Of rows
    of the same time the last counts. Raises ArgumentError for rows that are empty, out of order, or not delays of 0 to
    a day.
    """

    at: IntArray
    latency: IntArray

    __hash__: ClassVar[None]  # type: ignore[assignment]  # arrays have none

    def __init__(self, at: Any, latency: Any = None) -> None:
        if latency is None:
            at, latency = _columns(at)
        self.at, self.latency = _times(at), _delays(latency)
        _check(self.at, self.latency)
        self.at.flags.writeable = self.latency.flags.writeable = False

    def draw(self, at: int) -> int:
        """Return the delay at a time."""
        return int(self.draws(np.array([at], np.int64))[0])

    def draws(self, at: IntArray) -> IntArray:
        """Return the delay at each of the times."""
        last = len(self.at) - 1
        row = np.searchsorted(self.at, at, "right") - 1
        left, right = np.clip(row, 0, last), np.clip(row + 1, 0, last)
        span = self.at[right] - self.at[left]
        since = np.where(span > 0, at - self.at[left], 0)
        rise = self.latency[right] - self.latency[left]
        delays: IntArray = self.latency[left] + np.rint(rise * (since / np.maximum(span, 1))).astype(np.int64)
        return delays

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values; the rows are one text, compressed."""
        rows = np.concatenate([np.diff(self.at, prepend=0), self.latency]).astype("<i8").tobytes()
        return {"model": "recorded", "rows": len(self.at), "data": b64encode(compress(rows)).decode()}

    @classmethod
    def from_text(cls, rows: int, data: str) -> Self:
        """Return the model of what to_dict() has made of it."""
        both = np.frombuffer(decompress(b64decode(data)), "<i8").astype(np.int64)
        return cls(np.cumsum(both[:rows]), both[rows:])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Recorded):
            return NotImplemented
        return np.array_equal(self.at, other.at) and np.array_equal(self.latency, other.latency)

    def __repr__(self) -> str:
        count = len(self.at)
        return f"<Recorded {count:,} row{'s' * (count != 1)}, median {delay_text(int(np.median(self.latency)))}>"


def _columns(frame: Any) -> tuple[Any, Any]:
    """Return the columns of a frame."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if not hasattr(frame, "columns"):
        raise ArgumentTypeError(
            "recorded latencies are a frame with the columns 'at' and 'latency', or two arrays, "
            f"Recorded(at, latency); got {frame!r}"
        )
    missing = [name for name in ("at", "latency") if name not in frame.columns]
    if missing:
        raise ArgumentError(
            f"recorded latencies have no column {missing[0]!r}, only {', '.join(map(str, frame.columns))}: name the "
            "columns 'at' (ns since 1970) and 'latency' (ns)"
        )
    return frame["at"], frame["latency"]


def _times(values: Any) -> IntArray:
    array = _array(values)
    if array.dtype.kind == "M":
        array = array.astype("M8[ns]")
        if np.isnat(array).any():
            raise ArgumentError("recorded latencies have a row without a time: leave it out")
    elif array.dtype.kind not in "iu":
        raise ArgumentError(
            f"times of recorded latencies are whole nanoseconds since 1970 or datetimes, and none is missing; got "
            f"values of {array.dtype}"
        )
    return array.astype(np.int64)


def _delays(values: Any) -> IntArray:
    array = _array(values)
    if array.dtype.kind == "m":
        array = array.astype("m8[ns]").astype(np.int64)
    if array.dtype.kind == "f" and np.isfinite(array).all():
        array = np.rint(array)
    elif array.dtype.kind not in "iu":
        raise ArgumentError(
            f"recorded latencies are nanoseconds or durations, and none is missing; got values of {array.dtype}"
        )
    return array.astype(np.int64)


def _array(values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ArgumentError(f"recorded latencies are columns; got an array of {array.ndim} dimensions")
    if len(array) == 0:
        raise ArgumentError("recorded latencies have no row: give at least one, or a Constant")
    return array


def _check(at: IntArray, latency: IntArray) -> None:
    if len(at) != len(latency):
        raise ArgumentError(f"recorded latencies have {len(at):,} times and {len(latency):,} delays: one each")
    back = np.flatnonzero(np.diff(at) < 0)
    if len(back):
        raise ArgumentError(
            f"times of recorded latencies go back in row {back[0] + 1}, from {at[back[0]]} to {at[back[0] + 1]}: sort "
            "the rows by their time"
        )
    odd = np.flatnonzero((latency < 0) | (latency > LONGEST))
    if len(odd):
        raise ArgumentError(
            f"{len(odd):,} recorded latencies are not from 0 to a day, first {latency[odd[0]]} ns in row {odd[0]}: "
            "below 0 the two clocks disagree, so take the smallest off all of them"
        )
