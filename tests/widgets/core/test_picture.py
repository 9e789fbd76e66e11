"""Pictures of widgets: texts that have no room are shortened, and stay inside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from hftlab.widgets import depth_svg, ladder_svg, time_and_sales_svg, watchlist_svg
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.core.picture import shortened
from hftlab.widgets.watchlist.frame import WatchRow

LONG = "AAPL  260320C00175000 of a far away exchange"
PICTURES = {
    "ladder": ladder_svg(
        LONG, [(9_123_456_789.12, 5e12, 1)], [(9_123_456_789.15, 1e12, 1)], trade=(1.0, 999_999.7, "BUY")
    ),
    "depth": depth_svg(LONG, [(9_123_456_789.12, 5e12)], [(9_123_456_789.15, 1e12)]),
    "sales": time_and_sales_svg(LONG, [], Scale(), large=1.0, has_every_trade=False),
    "watchlist": watchlist_svg([WatchRow(LONG, 0, 9_123_456_789.12)], {LONG: Scale()}),
}


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert shortened("short", 5) == "short"
    assert shortened("longer", 5) == "long…"


@pytest.mark.parametrize("svg", PICTURES.values(), ids=PICTURES)
def test_no_text_is_wider_than_its_room(svg: str) -> None:
    """By the width of letters of 0.62 of their height, which is generous for the fonts that are named."""
    root = ElementTree.fromstring(svg)
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        wide = 0.62 * float(text.get("font-size", 0)) * len(text.text or "")
        x = float(text.get("x", 0))
        left = x - {"end": wide, "middle": wide / 2}.get(text.get("text-anchor", ""), 0.0)
        assert left >= 0 and left + wide <= float(root.get("width", 0)), text.text


@pytest.mark.parametrize("svg", PICTURES.values(), ids=PICTURES)
def test_no_number_is_written_with_an_exponent(svg: str) -> None:
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert [text for text in texts if re.search(r"\de[+-]", text)] == []
