"""Message structs become polars schemas."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest

from hftlab.protocol import PortfolioUpdate, Side
from hftlab.session.schema import defaults, snake_names, wire_schema


class Leg(msgspec.Struct, rename="camel"):
    is_open: bool
    sides: list[Side]


class Trip(msgspec.Struct, rename="camel"):
    trip_id: int
    best_price: float | None = None
    legs: list[Leg] | None = None
    currency: str = "USD"


def test_every_kind_of_field_has_a_column_type() -> None:
    """An optional field has the type of its value, and an enum is text."""
    leg = pl.Struct({"isOpen": pl.Boolean, "sides": pl.List(pl.String)})
    assert wire_schema(Trip) == {
        "tripId": pl.Int64,
        "bestPrice": pl.Float64,
        "legs": pl.List(leg),
        "currency": pl.String,
    }


def test_names_lead_from_the_wire_to_python() -> None:
    assert snake_names(Trip) == {
        "tripId": "trip_id",
        "bestPrice": "best_price",
        "legs": "legs",
        "currency": "currency",
    }
    assert snake_names(PortfolioUpdate)["unrealizedPnL"] == "unrealized_pnl"


def test_defaults_are_those_that_are_not_none() -> None:
    assert defaults(Trip) == {"currency": "USD"}


def test_a_field_without_a_column_type_is_an_error() -> None:
    class Odd(msgspec.Struct):
        values: dict[str, int]

    with pytest.raises(TypeError, match="no column type"):
        wire_schema(Odd)
