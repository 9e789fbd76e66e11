"""Price charts: the line is that of the prices, thinned without losing an extreme."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from hftlab.report.price_chart import BOTTOM, LEFT, RIGHT, TOP, price_chart

SECOND = 1_000_000_000
prices = st.lists(st.integers(1, 10**6).map(lambda cents: cents / 100), min_size=1, max_size=1000)


def line(svg: str) -> str:
    return next(path.get("d", "") for path in ElementTree.fromstring(svg) if path.get("class") == "line")


def heights(svg: str) -> list[float]:
    return [float(found) for found in re.findall(r"(?:V|M\S+ )(-?[\d.]+)", line(svg))]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg) if element.tag == "text"]


def test_a_step_for_each_change() -> None:
    """Held until the next price comes, from the lowest at the bottom to the highest at the top."""
    svg = price_chart("AAPL", [0, SECOND, 2 * SECOND, 4 * SECOND], [10.0, 10.0, 12.0, 11.0])
    middle, end = (LEFT + RIGHT) / 2, float(RIGHT)
    quarter = (LEFT + middle) / 2
    drawn = f"M{LEFT} {BOTTOM:.1f}H{quarter:.1f}H{middle:.1f}V{TOP:.1f}H{end:.1f}V{(TOP + BOTTOM) / 2:.1f}H{RIGHT}"
    assert line(svg) == drawn


def test_it_names_the_range_and_the_change() -> None:
    svg = price_chart("A&B", [0, 3600 * SECOND], [100.0, 99.5])
    assert texts(svg) == ["A&B", "99.50  −50.00 bps", "100.00", "99.50", "00:00:00 to 01:00:00 UTC"]
    assert 'class="figure down"' in svg
    assert 'class="figure up"' in price_chart("A", [0, 1], [1.0, 2.0])


@given(prices)
def test_no_extreme_is_lost(values: list[float]) -> None:
    """However many prices there are, the page stays small."""
    svg = price_chart("AAPL", [place * SECOND for place in range(len(values))], values)
    drawn = heights(svg)
    if min(values) < max(values):
        assert (min(drawn), max(drawn)) == (TOP, BOTTOM)
    assert len(svg) < 12_000


def test_one_price_or_none_is_drawn_as_well() -> None:
    assert heights(price_chart("AAPL", [5], [3.0])) == [(TOP + BOTTOM) / 2]
    assert texts(price_chart("AAPL", [], [])) == ["AAPL", "no prices"]
