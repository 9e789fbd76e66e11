"""Axes of a figure: from the values of traces to pixels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hftlab.analysis.pictures.ticks import Ticks, date_ticks, linear_ticks, log_ticks

__all__ = ["Axis", "Kind", "Numbers", "kind_of"]

Kind: TypeAlias = Literal["linear", "log", "date", "category"]
Numbers: TypeAlias = npt.NDArray[np.float64]

_PADDING: Final = 0.05
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


class Axis:
    """One axis: its range in its own units (powers of ten, µs since 1970, or places of categories), and its pixels."""

    def __init__(self, layout: Any, kind: Kind, values: Iterable[Any], start: float, end: float) -> None:
        self.layout = layout
        self.kind = kind
        self._start, self._end = start, end
        self._places: dict[Any, int] = {}
        if kind == "category":
            names = layout.categoryarray if layout.categoryarray is not None else dict.fromkeys(values)
            self._places = {name: place for place, name in enumerate(names)}
        self._low, self._high = 0.0, 1.0

    def fit(self, values: Numbers, *, padded: bool, zero: bool) -> None:
        """Take the range of the layout, else that of `values` in the axis's units; `zero` has 0 at an end."""
        if self.kind == "category":
            self._low, self._high = -0.5, max(len(self._places), 1) - 0.5
            return
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        stands = zero and self.kind == "linear"
        if stands:
            low, high = min(low, 0.0), max(high, 0.0)
            stands = low < high  # a line that is 0 everywhere has room on both sides
        room = (high - low or abs(high) or 1.0) * _PADDING if padded or low == high else 0.0
        self._low = low if stands and low == 0 else low - room
        self._high = high if stands and high == 0 else high + room
        if self.layout.range is not None:
            given = self.layout.range if self.kind == "log" else self.numbers(list(self.layout.range))
            self._low, self._high = (
                float(kept) if at is None or not np.isfinite(float(at)) else float(at)
                for at, kept in zip(given, (self._low, self._high), strict=True)
            )

    def numbers(self, values: Any) -> Numbers:
        """Values of a trace in the units of the axis; what is missing, or not above 0 on a logarithm, is NaN."""
        if self.kind == "category":
            return np.array([self._places.get(value, np.nan) for value in values], dtype=float)
        if self.kind == "date":
            times = np.asarray([_moment(value) for value in values], dtype="datetime64[us]")
            return np.where(np.isnat(times), np.nan, times.astype(np.int64))
        found = np.array([np.nan if value is None else value for value in values], dtype=float)
        if self.kind == "log":
            return np.log10(np.where(found > 0, found, np.nan))
        return found

    def pixels(self, numbers: Numbers) -> Numbers:
        """Pixels of numbers in the units of the axis."""
        share = (numbers - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def pixel(self, number: float) -> float:
        return float(self.pixels(np.array([number]))[0])

    @property
    def floor(self) -> float:
        """Number at which areas begin: 0, or the end of the range that is nearest to it."""
        low, high = sorted((self._low, self._high))
        return low if self.kind == "log" else min(max(0.0, low), high)

    @property
    def ends(self) -> tuple[float, float]:
        return self._start, self._end

    def ticks(self) -> list[tuple[float, str]]:
        """Pixels and labels of the ticks, as close to each other as they can be read."""
        low, high = sorted((self._low, self._high))
        length = abs(self._end - self._start)
        is_flat = self._end > self._start  # from left to right
        return [(self.pixel(at), text) for at, text in self._ticks(low, high, length, is_flat)]

    def _ticks(self, low: float, high: float, length: float, is_flat: bool) -> Ticks:
        if self.kind == "category":
            return [(float(place), str(name)) for name, place in self._places.items()]
        if self.layout.tickvals is not None:
            places = self.numbers(self.layout.tickvals)
            named = zip(places, self.layout.ticktext or map(str, self.layout.tickvals), strict=True)
            return [(float(at), text) for at, text in named if low <= at <= high]
        count = max(3, int(length / (80 if is_flat else 32)))
        if self.kind == "date":
            return date_ticks(low, high, max(2, int(length / 95)))
        label = _formatted(self.layout.tickformat)
        return (log_ticks if self.kind == "log" else linear_ticks)(low, high, count, label)


def kind_of(layout: Any, columns: Sequence[Any]) -> Kind:
    """Type of an axis: as its layout says, else by the first value of its traces."""
    if layout.type in ("linear", "log", "date", "category"):
        return layout.type  # type: ignore[no-any-return]
    first = next((value for value in chain.from_iterable(columns) if value is not None), 0)
    if isinstance(first, datetime | np.datetime64):
        return "date"
    if isinstance(first, str):
        return "date" if _DATE.match(first) else "category"
    return "linear"


def _moment(value: Any) -> Any:
    if value is None:
        return np.datetime64("NaT")
    return value.replace(tzinfo=None) if isinstance(value, datetime) else np.datetime64(value)


def _formatted(form: str | None) -> Any:
    """A function for d3's number formats that Python shares, as .2f, ,.0f, .0e and .1%."""
    return (lambda value: format(value, form).replace("e-0", "e-").replace("e+0", "e+")) if form else None
