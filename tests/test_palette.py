"""One palette: what the browser draws with is what Python draws with."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

import hftlab
import hftlab.widgets
from hftlab.analysis import figure_style
from hftlab.palette import DARK, LIGHT, SERIES, Role, to_javascript
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


@pytest.mark.parametrize(("paper", "colour"), list(product((LIGHT["paper"], DARK["paper"]), SERIES)))
def test_lines_of_figures_can_be_seen_on_white_and_on_black(paper: str, colour: str) -> None:
    """At least 3 : 1, as WCAG 2.2 asks of graphics."""
    assert contrast(colour, paper) >= 3
