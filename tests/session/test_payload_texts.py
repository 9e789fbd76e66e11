"""Any payload is a text in a table, and comes back byte for byte."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hftlab.session.payload_texts import BASE64, payload_texts, texts_payloads


def frame(payloads: list[bytes]) -> pl.DataFrame:
    return pl.DataFrame(payload_texts(payloads))


def test_text_stays_as_it_is_and_other_bytes_are_base64() -> None:
    rows = frame(["é🚀".encode(), b"\xff", b"a\0b", b""])
    assert rows.rows() == [("é🚀", None), ("/w==", BASE64), ("YQBi", BASE64), ("", None)]
    assert frame([]).schema == {"payload": pl.String, "encoding": pl.String}


@given(st.lists(st.binary() | st.text().map(str.encode)))
def test_payloads_come_back(payloads: list[bytes]) -> None:
    assert texts_payloads(frame(payloads)) == payloads
