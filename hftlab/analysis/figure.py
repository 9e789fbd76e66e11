"""The figures of hftlab: Plotly's, with a picture for where no JavaScript runs."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from hftlab.analysis.pictures import figure_svg

__all__ = ["Figure"]

_INTERACTIVE: Final = "application/vnd.plotly.v1+json"


class Figure(go.Figure):  # type: ignore[misc]
    """Plotly figure that carries an SVG picture of itself in notebooks.

    JupyterLab, Notebook and VS Code show the interactive figure; GitHub, nbconvert and everything else that reads the
    saved notebook shows the picture. It is drawn in Python: neither a browser nor kaleido is needed.
    """

    def picture(self) -> str | None:
        """The figure as an SVG document; None if it has other traces than lines, markers and bars."""
        return figure_svg(self)

    def show(self, *args: Any, **options: Any) -> None:
        """Display the figure; arguments are those of Plotly's `show`."""
        if args or options:
            super().show(*args, **options)
        else:
            self._ipython_display_()

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(*args, **options)
        if _INTERACTIVE in bundle and (svg := self.picture()) is not None:
            bundle.setdefault("image/svg+xml", svg)
            bundle.setdefault("text/plain", f"<figure: {self.layout.title.text or 'untitled'}>")
        return bundle

    def _ipython_display_(self) -> None:
        import plotly.io as pio
        from IPython.display import display

        bundle = self._repr_mimebundle_() if pio.renderers.render_on_display and pio.renderers.default else {}
        if bundle:
            display(bundle, raw=True)  # type: ignore[no-untyped-call]
        else:  # a renderer that opens a browser, or none
            super()._ipython_display_()
