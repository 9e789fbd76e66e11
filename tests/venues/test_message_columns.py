"""Messages as columns and as bytes, against struct, int.to_bytes and Decimal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.binary_layouts import ByteOrder, Field, Layout, Layouts
from hftlab.venues.message_columns import encode_frame, encode_message, tables

KINDS = ("a8", "z5", "u1", "u2", "u3", "u4", "u6", "u8", "i1", "i3", "i4", "i8", "p4.4", "p8.8", "s4.2", "s8.4")
TEXT = st.text(st.characters(codec="latin-1"), max_size=8)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Layouts, list[tuple[str, dict[str, Any]]]]:
    """Layouts of two types in one of the byte orders, and messages of both."""
    order: ByteOrder = draw(st.sampled_from(["big", "little"]))
    kinds = [draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=8)) for _ in "AB"]
    described = [
        (letter, f"type_{letter}", " ".join(f"f{number}:{kind}" for number, kind in enumerate(some)))
        for letter, some in zip("AB", kinds, strict=True)
    ]
    layouts = Layouts.described(order, "type:a1", described)
    letters = draw(st.lists(st.sampled_from("AB"), max_size=6))
    drawn = [
        (one, {field.name: draw(values(field)) for field in layouts.by_type[one].fields[1:]} | {"type": one})
        for one in letters
    ]
    return layouts, drawn


def values(field: Field) -> st.SearchStrategy[Any]:
    if field.is_text:
        pad = " " if field.kind == "a" else "\0"
        return TEXT.map(lambda text: text[: field.width].rstrip(pad))
    bits = 8 * field.width
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if field.is_signed else st.integers(0, 2**bits - 1)


def as_read(field: Field, value: Any) -> Any:
    if not field.is_price:
        return value
    exact = Decimal(value).scaleb(-field.decimals)
    return exact if field.width > 4 else float(exact)


@given(messages())
def test_fields_come_back_and_so_do_the_bytes(drawn: tuple[Layouts, list[tuple[str, dict[str, Any]]]]) -> None:
    layouts, some = drawn
    parts = [encode_message(layouts.by_type[one], layouts.order, **fields) for one, fields in some]
    data = np.frombuffer(b"\xff".join([b"", *parts]), np.uint8)
    starts = np.cumsum([1, *(len(part) + 1 for part in parts)])[:-1]
    types = np.array([one for one, _ in some], "U1")
    found = tables(layouts, data, starts, types, {"number": np.arange(len(some))})
    assert found.keys() == {one for one, _ in some}
    for letter, frame in found.items():
        layout = layouts.by_type[letter]
        chosen = [number for number, (one, _) in enumerate(some) if one == letter]
        assert frame.to_dicts() == [
            {"number": number} | {field.name: as_read(field, some[number][1][field.name]) for field in layout.fields}
            for number in chosen
        ]
        assert [row.tobytes() for row in encode_frame(layout, layouts.order, frame)] == [parts[one] for one in chosen]


def layout() -> Layout:
    return Layouts.described("little", "type:u1", [("1", "order", "shares:u2 price:s4.4 stock:z4")]).by_type["1"]


def test_numbers_are_those_of_int_to_bytes() -> None:
    expected = b"\x01\x39\x30" + (-12_500).to_bytes(4, "little", signed=True) + b"AB\0\0"
    assert encode_message(layout(), "little", type=1, shares=12_345, price=-12_500, stock="AB") == expected


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("shares", 65_536, "shares is 65536, which does not fit into 2 bytes"),
        ("shares", -1, "shares is -1, which does not fit into 2 bytes"),
        ("price", 214_748.3648, "price is 2147483648, which does not fit into 4 bytes"),
        ("stock", "ABCDE", "stock is b'ABCDE', longer than 4 bytes"),
    ],
)
def test_a_value_that_does_not_fit_raises(column: str, value: Any, message: str) -> None:
    import polars as pl

    row: dict[str, Any] = {"type": 1, "shares": 1, "price": 1.0, "stock": "A", column: value}
    with pytest.raises(ValueError, match=message):
        encode_frame(layout(), "little", pl.DataFrame([row]))


def test_a_field_that_is_missing_or_unknown_raises() -> None:
    import polars as pl

    with pytest.raises(KeyError, match="order needs the field shares"):
        encode_frame(layout(), "little", pl.DataFrame({"type": [1]}))
    with pytest.raises(KeyError, match="order has no field size"):
        encode_message(layout(), "little", size=1)
