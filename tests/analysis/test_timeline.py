"""The timeline against a loop over the same rows."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.analysis import timeline

START, END = 1_000, 1_999

rows = st.lists(
    st.tuples(st.integers(900, 2_100), st.sampled_from("AB"), st.integers(1, 50), st.integers(0, 1_000)), max_size=40
)


def by_hand(rows: list[tuple[int, str, int, int]], bins: int) -> list[tuple[int, int, float, float]]:
    width = -(-(END - START + 1) // bins)
    found: dict[int, tuple[float, float]] = {}
    before: float | None = None
    for at, symbol, price, total in rows:
        if symbol == "A" and START <= at <= END:
            last = found.get((at - START) // width)
            opening = last[1] if last else total if before is None else before
            found[(at - START) // width] = (price, opening)
            before = total
    totals = {(at - START) // width: total for at, symbol, _, total in rows if symbol == "A" and START <= at <= END}
    return [
        (place, START + place * width, price, max(0.0, totals[place] - opening))
        for place, (price, opening) in sorted(found.items())
    ]


@given(rows, st.integers(1, 30))
def test_last_price_and_traded_volume_of_each_bin(rows: list[tuple[int, str, int, int]], bins: int) -> None:
    rows.sort(key=lambda row: row[0])
    schema = {"ts_recv": pl.Int64, "symbol": pl.String, "price": pl.Float64, "volume": pl.Float64}
    frame = pl.LazyFrame(rows, schema=schema, orient="row")
    found = timeline(frame, "A", START, END, bins=bins).collect()
    assert list(found.iter_rows()) == by_hand(rows, bins)


def test_bins_are_at_least_one() -> None:
    with pytest.raises(ValueError, match="bins must be at least 1"):
        timeline(pl.LazyFrame(), "A", 0, 1, bins=0)
