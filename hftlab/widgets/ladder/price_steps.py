"""Price steps: the rows of a ladder, each of one or several ticks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hftlab.widgets.core.interfaces import Level

__all__ = ["ROUNDING", "Row", "buyers_step", "rows_of", "sellers_step", "tick_number"]

Row = tuple[float, int]
"""(size, orders) at one price step."""

ROUNDING: Final = 1e-6
"""Part of a tick by which a price may be off its grid through binary fractions."""


def tick_number(price: float, tick: float) -> int:
    """Return the number of ticks from 0 to `price`; a price between two ticks counts as the lower one."""
    return int((price / tick + ROUNDING) // 1)


def sellers_step(ticks: int, group: int) -> int:
    """Return the step of a bid, or of a trade at a bid: downwards, so that no bid looks better than it is."""
    return ticks // group


def buyers_step(ticks: int, group: int) -> int:
    """Return the step of an ask, or of a trade at an ask: upwards."""
    return -(-ticks // group)


def rows_of(levels: Iterable[Level], tick: float, group: int, *, upwards: bool) -> dict[int, Row]:
    """Sum levels (price, size, orders) up by price step of `group` ticks; asks go `upwards`, bids downwards."""
    step_of = buyers_step if upwards else sellers_step
    rows: dict[int, Row] = {}
    for price, size, orders in levels:
        step = step_of(tick_number(price, tick), group)
        before = rows.get(step, (0.0, 0))
        rows[step] = (before[0] + size, before[1] + orders)
    return rows
