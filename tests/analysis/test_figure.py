"""Figures carry a picture wherever a notebook goes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import plotly.io as pio
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from hftlab.analysis.figure import Figure
from hftlab.analysis.figure_style import lay_out

INTERACTIVE = "application/vnd.plotly.v1+json"


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Show figures as in JupyterLab."""
    monkeypatch.setattr(pio.renderers, "default", "plotly_mimetype")
    InteractiveShell.instance()
    yield
    InteractiveShell.clear_instance()


@pytest.fixture
def figure() -> Any:
    return lay_out(Figure().add_scatter(x=[1, 2], y=[3, 4]), "Mid of AAPL", "time", "USD")


@pytest.mark.usefixtures("notebook")
class TestInANotebook:
    def test_the_picture_is_beside_the_figure(self, figure: Any) -> None:
        bundle = figure._repr_mimebundle_()
        assert set(bundle) == {INTERACTIVE, "image/svg+xml", "text/plain"}
        assert bundle["image/svg+xml"] == figure.picture()
        assert bundle["text/plain"] == "<figure: Mid of AAPL>"
        assert ElementTree.fromstring(bundle["image/svg+xml"]).tag.endswith("svg")

    def test_it_is_displayed_whole(self, figure: Any) -> None:
        with capture_output() as captured:
            figure._ipython_display_()
            figure.show()
            figure.show("plotly_mimetype")
        kinds = [set(output.data) for output in captured.outputs]
        assert kinds == [{INTERACTIVE, "image/svg+xml", "text/plain"}] * 2 + [{INTERACTIVE}]

    def test_a_figure_that_cannot_be_drawn_is_interactive_alone(self) -> None:
        bundle = Figure().add_heatmap(z=[[1]])._repr_mimebundle_()
        assert set(bundle) == {INTERACTIVE}


def test_a_renderer_that_shows_no_data_is_left_alone(figure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pio.renderers, "default", "")
    with capture_output() as captured:
        figure._ipython_display_()
    assert captured.outputs == []
    assert "Mid of AAPL" in captured.stdout


def test_copies_and_pickles_are_figures_too(figure: Any) -> None:
    for other in (copy.deepcopy(figure), pickle.loads(pickle.dumps(figure))):
        assert isinstance(other, Figure)
        assert other.picture() == figure.picture()
