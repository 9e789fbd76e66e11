"""Figures have a common style with a transparent background."""

from __future__ import annotations

import plotly.graph_objects as go

from hftlab.analysis.figure_style import COLOURS, lay_out, new_figure


def test_titles_and_size_are_given() -> None:
    figure = lay_out(go.Figure(), "Spreads", "spread", "share", height=200)
    assert (figure.layout.title.text, figure.layout.height) == ("Spreads", 200)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("spread", "share")


def test_the_page_shows_through_and_the_colours_are_ours() -> None:
    figure = go.Figure()
    assert lay_out(figure, "t", "x", "y") is figure
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert figure.layout.colorway == COLOURS
    assert len(set(COLOURS)) == len(COLOURS)


def test_a_new_figure_has_the_style_and_a_picture() -> None:
    figure = new_figure("Round trips", "time (UTC)", "ms", height=200)
    assert figure.layout == lay_out(go.Figure(), "Round trips", "time (UTC)", "ms", height=200).layout
    assert "Round trips" in figure.picture()
