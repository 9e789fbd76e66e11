from __future__ import annotations

from xml.etree import ElementTree

import pytest

from hftlab.analysis.pictures.elements import paint, plain, rectangle, stroke, text


@pytest.mark.parametrize(
    ("colour", "opacity", "expected"),
    [
        ("#3d8fd1", 1.0, 'fill="#3d8fd1"'),
        ("#3d8fd1", 0.5, 'fill="#3d8fd1" fill-opacity="0.5"'),
        ("rgb(1, 2, 255)", 1.0, 'fill="#0102ff"'),
        ("rgba(128,136,144,0.5)", 0.5, 'fill="#808890" fill-opacity="0.25"'),
        ("crimson", 1.0, 'fill="crimson"'),
    ],
)
def test_colours(colour: str, opacity: float, expected: str) -> None:
    assert paint("fill", colour, opacity) == expected


def test_plotlys_markup_goes() -> None:
    assert plain("<b>Mid</b> price<br>of A&amp;B < C") == "Mid price\nof A&B < C"
    assert plain("a\x00b") == "a\ufffdb"


def test_every_element_is_well_formed() -> None:
    parts = [
        text(1, 2, 'a < b & "c"<br>d', "#808890", anchor="end", turned=True),
        rectangle(5, 6, 1, 2, "#808890", 0.5),
        stroke("M0 0H5", "#808890", 2, dash="dot"),
        stroke("M0 0H5", "#808890", 2, dash="3px,1px"),
    ]
    root = ElementTree.fromstring(f"<svg>{''.join(parts)}</svg>")
    assert [element.tag for element in root] == ["text", "rect", "path", "path"]
    assert "".join(root[0].itertext()) == 'a < b & "c"d'
    assert [root[1].get(name) for name in ("x", "y", "width", "height")] == ["1.0", "2.0", "4.0", "4.0"]
