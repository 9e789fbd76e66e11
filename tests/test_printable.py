"""No control character of a file reaches the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import CaptureError, HftlabError, MessageParseError, PortInUse
from hftlab.printable import printable


@given(st.text(st.characters()))
def test_what_comes_out_prints(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize("text", ["", "AAPL", "BTC/USD at 100.5 €", "币安人生USDT"])
def test_text_that_prints_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("character", "escaped"),
    [("\x1b", r"\x1b"), ("\x07", r"\x07"), ("\n", r"\n"), ("\x9b", r"\x9b"), ("\x7f", r"\x7f"), ("\u202e", r"\u202e")],
    ids=ascii,
)
def test_controls_are_escaped(character: str, escaped: str) -> None:
    assert unicodedata.category(character).startswith("C")
    assert printable(f"a{character}b") == f"a{escaped}b"


@pytest.mark.parametrize(
    "error",
    [
        HftlabError("\x1b[31m"),
        CaptureError("\x1b[31m", path="x"),
        MessageParseError("\x1b[31m"),
        PortInUse("\x1b[31m", 1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_hftlab_prints(error: HftlabError) -> None:
    assert r"\x1b[31m" in str(error)
    assert str(error).isprintable()
