"""A figure's picture has its texts, its marks and its ranges."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from hftlab.analysis.figure_style import COLOURS, lay_out
from hftlab.analysis.pictures import figure_svg

SVG = "{http://www.w3.org/2000/svg}"


def drawn(figure: Any) -> ElementTree.Element:
    svg = figure_svg(figure)
    assert svg is not None
    return ElementTree.fromstring(svg)


def texts(figure: Any) -> list[str]:
    return ["".join(element.itertext()) for element in drawn(figure).iter(f"{SVG}text")]


def lines() -> Any:
    figure = go.Figure()
    figure.add_scatter(x=[0, 10], y=[1, 2], name="bids", mode="lines")
    figure.add_scatter(x=[0, 10], y=[3, 4], name="asks", mode="lines")
    return lay_out(figure, "Depth of AAPL", "price, USD", "shares", height=300)


def test_titles_names_and_size() -> None:
    root = drawn(lines())
    assert {"Depth of AAPL", "price, USD", "shares", "bids", "asks", "0", "10"} <= set(texts(lines()))
    assert (root.get("width"), root.get("height")) == ("650", "300")
    assert root.findtext(f"{SVG}title") == "Depth of AAPL"


def test_its_background_is_clear() -> None:
    """So that it stands on a white and on a black page."""
    first = next(drawn(lines()).iter(f"{SVG}rect"))
    assert first.get("fill-opacity") == "0"


def test_traces_have_the_colours_of_the_figure() -> None:
    strokes = [element.get("stroke") for element in drawn(lines()).iter(f"{SVG}path")]
    assert [colour for colour in strokes if colour in COLOURS] == [COLOURS[0], COLOURS[1]] * 2  # and in the legend


def test_a_hidden_trace_is_left_out() -> None:
    figure = lines().update_traces(visible="legendonly", selector={"name": "asks"})
    assert "asks" not in texts(figure)


def test_one_trace_needs_no_legend() -> None:
    figure = lay_out(go.Figure(go.Scatter(x=[1], y=[1], name="alone")), "t", "x", "y")
    assert "alone" not in texts(figure)
    assert "alone" in texts(figure.update_layout(showlegend=True))
    assert "bids" not in texts(lines().update_layout(showlegend=False))


def test_a_long_legend_has_rows() -> None:
    figure = go.Figure([go.Scatter(x=[0, 1], y=[0, 1], name=f"a long name of trace {number}") for number in range(9)])
    lay_out(figure, "t", "x", "y")
    names = [element for element in drawn(figure).iter(f"{SVG}text") if "long" in (element.text or "")]
    assert len({element.get("y") for element in names}) > 1
    assert all(0 < float(element.get("x", 0)) < 650 for element in names)


def test_matching_axes_have_one_range() -> None:
    figure = make_subplots(rows=2, shared_xaxes=True)
    figure.add_scatter(x=[0, 5], y=[1, 2], mode="lines", row=1, col=1)
    figure.add_scatter(x=[5, 10], y=[1, 2], mode="lines", row=2, col=1)
    lay_out(figure, "t", "x", "y")
    paths = [element.get("d", "") for element in drawn(figure).iter(f"{SVG}path") if element.get("stroke") in COLOURS]
    upper, lower = ([float(x) for x in re.findall(r"[ML]([\d.]+)", path)] for path in paths)
    assert upper[1] == lower[0] == pytest.approx((70 + 630) / 2)


def test_bars_lines_and_times_together() -> None:
    start = datetime(2026, 1, 2, 14, 30)
    figure = go.Figure(go.Bar(x=[start, start + timedelta(seconds=10)], y=[1, 2], name="volume"))
    figure.add_scatter(x=[start], y=[None], name="nothing")
    assert "14:30:002026-01-02" in texts(lay_out(figure, "t", "time", "y"))


def test_shapes_and_annotations() -> None:
    figure = lines()
    figure.add_vrect(2, 4, fillcolor=COLOURS[1], opacity=0.2, line_width=0, layer="below")
    figure.add_hline(2.5, line_dash="dot")
    figure.add_annotation(x=5, y=2, text="flash")
    figure.add_annotation(x=1, y=1, xref="paper", yref="paper", text="corner", showarrow=False, xanchor="right")
    svg = figure_svg(figure)
    assert svg is not None
    assert {"flash", "corner"} <= set(texts(figure))
    band = re.search(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*fill-opacity="0.2"', svg)
    assert band is not None
    left, top, width, height = map(float, band.groups())
    assert (left, width) == pytest.approx((70 + 560 * 0.2, 560 * 0.2))
    assert (top, height) == (70, 300 - 70 - 50)
    assert svg.index(band[0]) < svg.index("<clipPath"), "a band of the layer below comes before the lines"


@pytest.mark.parametrize(
    "figure",
    [
        go.Figure(go.Heatmap(z=[[1]])),
        go.Figure([go.Bar(x=[1], y=[1]), go.Bar(x=[1], y=[1])]).update_layout(barmode="stack"),
    ],
)
def test_what_cannot_be_drawn_whole_has_no_picture(figure: Any) -> None:
    assert figure_svg(figure) is None


def test_an_empty_figure() -> None:
    assert "t" in texts(lay_out(go.Figure(), "t", "x", "y"))


def test_two_pictures_in_one_page_do_not_share_names() -> None:
    other = lines().update_layout(title_text="other")
    ids = [re.findall(r'id="([^"]+)"', figure_svg(figure) or "") for figure in (lines(), other)]
    assert len(set(ids[0] + ids[1])) == 2
