"""Heat maps as pictures: cells in their colours, numbers that can be read on them."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from hftlab.analysis.figure_style import lay_out
from hftlab.analysis.pictures import figure_svg
from hftlab.analysis.pictures.heat import colour_at

SCALE = ["#000000", "#808080", "#ffffff"]


def heat(**options: object) -> go.Figure:
    cells = {"x": ["a", "b"], "y": ["c", "d"], "z": [[0, 12345], [None, -0.5]], "zmin": 0, "zmax": 12345}
    figure = go.Figure(go.Heatmap(**cells, colorscale=SCALE, showscale=False, **options))
    lay_out(figure, "title", "x", "y")
    return figure.update_xaxes(type="category").update_yaxes(type="category")


@pytest.mark.parametrize(
    ("value", "colour"),
    [(0, "#000000"), (5, "#808080"), (10, "#ffffff"), (2.5, "#404040"), (99, "#ffffff"), (-1, "#000000")],
)
def test_a_colour_is_between_those_of_the_scale(value: float, colour: str) -> None:
    assert colour_at(SCALE, value, 0, 10) == colour


def test_values_that_are_all_the_same_are_in_the_middle() -> None:
    assert colour_at(SCALE, 3, 3, 3) == "#808080"


def test_cells_that_are_known_have_their_numbers_in_a_colour_that_can_be_read() -> None:
    picture = figure_svg(heat(texttemplate="%{z}", xgap=2, ygap=2))
    assert picture is not None
    assert picture.count('fill="#000000"/>') == 2
    assert "<text" in picture
    for number, ink in (("0", "#ffffff"), ("12,340", "#1f2328"), ("-0.5", "#ffffff")):
        assert f'fill="{ink}">{number}</text>' in picture
    assert ">c</text>" in picture


def test_without_a_template_there_are_no_numbers() -> None:
    assert ">12,340</text>" not in (figure_svg(heat()) or "")


def test_one_with_a_scale_or_on_numbers_has_no_picture() -> None:
    assert figure_svg(heat().update_traces(showscale=True)) is None
    assert figure_svg(heat().update_xaxes(type="linear")) is None
