"""SVG pictures of Plotly figures, drawn without a browser: what a notebook shows where no JavaScript runs."""

from hftlab.analysis.pictures.figure_svg import figure_svg

__all__ = ["figure_svg"]
