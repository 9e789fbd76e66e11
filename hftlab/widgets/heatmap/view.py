"""The view of a live heat map: resting size by time and price, with the trades."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from hftlab.errors import ArgumentError
from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.refresh_loop import REFRESH_LOOP, RefreshLoop
from hftlab.widgets.core.view import Reply, View
from hftlab.widgets.heatmap.column import Column
from hftlab.widgets.heatmap.frame import Terms, pack_columns
from hftlab.widgets.heatmap.picture import heatmap_svg
from hftlab.widgets.heatmap.sampler import BookSampler, sampler_of

__all__ = ["HeatMapView"]

PIECE: Final = 512
"""Columns in one answer to a page, at most."""
NEWEST: Final = 2
"""Columns in a frame: the page asks for others that it has not seen."""
PICTURED: Final = 400
"""Columns of a static picture."""
KEPT: Final = 8
"""Symbols that are sampled on after another one is shown, so that there is no hole on coming back."""


class HeatMapView(View):
    """The books of one symbol of a client over time.

    The settings are `symbol`, and `time`, where the cursor is: in ms since 1970 UTC, None for none.
    """

    page: ClassVar[Path] = Path(__file__).with_name("heatmap.js")

    def __init__(
        self, client: StreamingClient, symbol: str, rate: float = 10, *, refresh_loop: RefreshLoop = REFRESH_LOOP
    ) -> None:
        super().__init__(client, rate, symbol=symbol, time=None)
        self._streaming = client
        self._refresh_loop = refresh_loop
        self._samplers: dict[str, BookSampler] = {}
        self._sampler()

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        if name == "time":
            return checked_time(value)
        return super().checked(name, value)

    def snapshot(self) -> bytes:
        """Pack the newest columns; see pack_columns."""
        sampler = self._sampler()
        with sampler.locked():
            return _packed(sampler, sampler.next - NEWEST, sampler.next)

    def kept(self) -> bytes:
        """Pack all columns, for a page without a kernel."""
        sampler = self._sampler()
        with sampler.locked():
            return _packed(sampler, sampler.first, sampler.next)

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:  # noqa: ARG002
        """Answer {"columns": [start, stop]} with the newest of these columns, as many as an answer holds."""
        start, stop = (int(number) for number in content["columns"])
        sampler = self._sampler()
        with sampler.locked():
            return {"columns": [start, stop]}, [_packed(sampler, max(start, stop - PIECE), stop)]

    def picture(self) -> Picture:
        """Draw the newest columns as a static picture."""
        sampler = self._sampler()
        symbol = self.settings["symbol"]
        with sampler.locked():
            columns = sampler.columns(sampler.next - PICTURED, sampler.next)
            svg = heatmap_svg(symbol, columns, _terms(sampler))
        return Picture(svg, f"{symbol}'s heat map")

    def close(self) -> None:
        """Sample no longer, unless another view does; the picture stays."""
        sampler = self._sampler()
        self._samplers = {sampler.symbol: sampler.detached()}

    def _sampler(self) -> BookSampler:
        symbol = self.settings["symbol"]
        sampler = self._samplers.pop(symbol, None) or sampler_of(self._streaming, symbol, self._refresh_loop)
        self._samplers[symbol] = sampler
        while len(self._samplers) > KEPT:
            del self._samplers[next(iter(self._samplers))]
        return sampler


def checked_time(value: Any) -> float | None:
    """Return a time in ms since 1970 UTC, or None. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ArgumentError(f"time must be a number, in ms since 1970 UTC, or None, got {value!r}")
    return float(value)


def _packed(sampler: BookSampler, start: int, stop: int) -> bytes:
    first = max(start, sampler.first)
    columns: list[Column] = sampler.columns(first, stop)
    return pack_columns(_terms(sampler), first, columns)


def _terms(sampler: BookSampler) -> Terms:
    scale = sampler.scale
    return Terms(
        sampler.epoch,
        sampler.first,
        sampler.next,
        sampler.until,
        sampler.origin,
        scale.tick or math.nan,
        scale.price_decimals,
        scale.size_decimals,
    )
