"""Static pictures in a page that is narrower than they are: whole, in their proportions, inline and as images."""

from __future__ import annotations

import base64
from typing import Any

import plotly.graph_objects as go
import pytest

from hftlab.analysis.pictures import figure_svg
from hftlab.widgets import ladder_svg
from hftlab.widgets.dashboard.picture import dashboard_svg

pytestmark = [pytest.mark.browser]

LADDER = ladder_svg("AAPL", [(1.0, 2.0, 1)], [(1.1, 2.0, 1)])
FIGURE = figure_svg(go.Figure(go.Scatter(x=[0, 1], y=[0, 1]))) or ""
DASHBOARD = dashboard_svg([(700, [LADDER, LADDER]), (500, [LADDER])])
RECTANGLES = "each => each.map((one) => one.getBoundingClientRect().toJSON())"


@pytest.mark.parametrize("svg", [LADDER, FIGURE, DASHBOARD], ids=["widget", "figure", "dashboard"])
def test_a_narrow_page_shows_the_whole_picture(browser: Any, svg: str) -> None:
    image = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    boxes = []
    for width in (1400, 320):
        page = browser.new_page(viewport={"width": width, "height": 700})
        page.set_content(f'<div>{svg}</div><img src="{image}" style="max-width: 100%">')
        boxes.append(page.eval_on_selector_all("div > svg, img", RECTANGLES))
        page.close()
    wide, narrow = boxes
    assert all(each["right"] <= 320 for each in narrow)
    ratios = [each["width"] / each["height"] for each in wide + narrow]
    assert ratios == pytest.approx(ratios[:1] * 4, rel=0.01)


def test_the_pictures_of_a_dashboard_stay_where_they_are(browser: Any) -> None:
    """The style that fits a picture to its page is not that of its parts, which would fill the whole."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_content(DASHBOARD)
    first, second, third = page.eval_on_selector_all("svg > svg", RECTANGLES)
    page.close()
    assert first["bottom"] < second["top"]
    assert first["right"] < third["left"]
    assert third["width"] == pytest.approx(first["width"] * 5 / 7, rel=0.01)
    assert DASHBOARD.count("max-width") == 1
