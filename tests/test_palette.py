"""One palette: what the browser draws with is what Python draws with."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path
from typing import get_args

import pytest

import hftlab
import hftlab.widgets
from hftlab.analysis import figure_style
from hftlab.palette import DARK, HEAT_DARK, HEAT_LIGHT, LIGHT, SERIES, Role, to_javascript
from hftlab.widgets import Ladder, LatencyPanel, ladder_svg

PALETTE_JS = Path(hftlab.widgets.__file__).parent / "core" / "palette.js"

COLOUR_LITERAL = re.compile(
    r"(?<![\w&])#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![\w;])|\b(?:rgb|hsl)a?\(", re.IGNORECASE
)
"""A colour as style sheets write it (CSS Color 4): #rrggbb and its short and translucent forms, rgba() or hsla()."""


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2, "contrast ratio")."""
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_browsers_file_is_generated_from_pythons() -> None:
    """Else run `python -m hftlab.palette > hftlab/widgets/core/palette.js`."""
    assert PALETTE_JS.read_text(encoding="utf-8") == to_javascript()


def test_the_module_writes_it() -> None:
    done = subprocess.run([sys.executable, "-m", "hftlab.palette"], capture_output=True, text=True, check=True)
    assert done.stdout == to_javascript()


@pytest.mark.parametrize("widget", [Ladder, LatencyPanel])
def test_the_widgets_draw_with_it(widget: type[Ladder | LatencyPanel]) -> None:
    """And have no colour of their own."""
    source = widget._esm.replace(to_javascript().replace("export ", ""), "")
    assert source != widget._esm
    assert {colour for colour in (*LIGHT.values(), *DARK.values()) if colour in source} == set()


def test_no_other_file_defines_a_colour() -> None:
    """Take colours from the palette, and add what it lacks there."""
    package = Path(hftlab.__file__).parent
    homes = {package / "palette.py", PALETTE_JS}
    files = {path for kind in ("*.py", "*.js", "*.css") for path in package.rglob(kind)} - homes
    assert len(files) > 100
    found = {
        f"{path.relative_to(package)}: {colour}"
        for path in files
        for colour in COLOUR_LITERAL.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "literal", ['"#3d8fd1"', "'#FFF'", "#1f232880", "rgba(0, 0, 0, 0)", "rgb(1,2,3)", "hsl(0 0% 0%)", "HSLA(1,2%,3%,1)"]
)
def test_a_colour_literal_is_found(literal: str) -> None:
    assert COLOUR_LITERAL.search(literal)


@pytest.mark.parametrize("text", ["polars#21739", "#rrggbb", "/^#(..)(..)(..)$/", "item #123456789", "&#8594;"])
def test_other_texts_are_no_colours(text: str) -> None:
    assert not COLOUR_LITERAL.search(text)


def test_pictures_and_figures_draw_with_it() -> None:
    svg = ladder_svg("AAPL", [(1.0, 1.0, 1)], [(2.0, 1.0, 1)])
    assert LIGHT["bid"] in svg
    assert DARK["bid"] in svg
    assert figure_style.COLOURS == SERIES


def test_both_themes_have_every_role() -> None:
    assert set(LIGHT) == set(DARK) == set(get_args(Role))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_can_be_read(theme: dict[Role, str]) -> None:
    """At least 4.5 : 1, as WCAG 2.2 asks of small text."""
    for role in ("ink", "muted", "bid", "ask", "warn", "good"):
        assert contrast(theme[role], theme["paper"]) >= 4.5, role
    assert contrast(theme["warn"], theme["tint"]) >= 4.5


def lightness(luminance: float) -> float:
    """CIE 1976 L* of a relative luminance."""
    return 116 * luminance ** (1 / 3) - 16 if luminance > 216 / 24389 else luminance * 24389 / 27


def seen_without_cones(colour: str, matrix: tuple[tuple[float, ...], ...]) -> float:
    """The luminance that somebody sees who lacks a kind of cones."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    seen = [max(0.0, sum(one * other for one, other in zip(row, linear, strict=True))) for row in matrix]
    return 0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2]


COLOUR_BLIND = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""Of linear RGB, for a whole loss (Machado, Oliveira and Fernandes, 2009, table 1)."""


@pytest.mark.parametrize(("paper", "heat"), [(LIGHT, HEAT_LIGHT), (DARK, HEAT_DARK)], ids=["light", "dark"])
def test_amounts_go_away_from_the_paper_in_even_steps(paper: dict[Role, str], heat: tuple[str, ...]) -> None:
    values = [lightness(luminance(colour)) for colour in heat]
    steps = [after - before for before, after in pairwise(values)]
    assert abs(values[0] - lightness(luminance(paper["paper"]))) < 6
    assert abs(values[-1] - values[0]) > 70
    assert max(map(abs, steps)) - min(map(abs, steps)) < 1.5
    for matrix in COLOUR_BLIND.values():
        seen = [seen_without_cones(colour, matrix) for colour in heat]
        assert seen in (sorted(seen), sorted(seen, reverse=True))


@pytest.mark.parametrize(("paper", "colour"), list(product((LIGHT["paper"], DARK["paper"]), SERIES)))
def test_lines_of_figures_can_be_seen_on_white_and_on_black(paper: str, colour: str) -> None:
    """At least 3 : 1, as WCAG 2.2 asks of graphics."""
    assert contrast(colour, paper) >= 3
