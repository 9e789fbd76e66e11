"""Columns of a data frame in whatever types, units and words, as those of an EventBatch.

Each function takes the name of the column for its EventError, which says the first row that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import EventError
from hftlab.events import ASK, BID, NO_SIDE
from hftlab.instruments import UNIT

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "ACTIONS",
    "SIDES",
    "first_line",
    "first_row",
    "integers_of",
    "letters_of",
    "mapping_of",
    "order_ids_of",
    "times_of",
    "units_of",
]

ACTIONS: Final[dict[str, str]] = {
    **{letter: letter for letter in "ACMRTFN"},
    **dict.fromkeys(("ADD", "NEW", "INSERT", "SUBMIT", "SUBMISSION", "OPEN", "LIMIT", "PLACE"), "A"),
    **dict.fromkeys(("D", "CANCEL", "CANCELED", "CANCELLED", "DELETE", "DELETED", "REMOVE", "DONE"), "C"),
    **dict.fromkeys(("MODIFY", "CHANGE", "CHANGED", "UPDATE", "REPLACE", "AMEND"), "M"),
    **dict.fromkeys(("CLEAR", "RESET"), "R"),
    **dict.fromkeys(("TRADE", "MATCH", "PRINT"), "T"),
    **dict.fromkeys(("FILL", "FILLED", "EXECUTE", "EXECUTED", "EXECUTION"), "F"),
    "NONE": "N",
}
SIDES: Final[dict[str, str]] = {
    **dict.fromkeys(("B", "BUY", "BID", "BIDS", "BUYER", "1", "TRUE"), "B"),
    **dict.fromkeys(("A", "S", "SELL", "ASK", "ASKS", "OFFER", "SELLER", "-1", "FALSE"), "A"),
    **dict.fromkeys(("N", "NONE", "0", ""), "N"),
}

_TIME_UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_FIRST: Final = 946_684_800
_LAST: Final = 4_102_444_800
"""Seconds of the years 2000 and 2100: an integer within them, and only in one unit, tells its unit."""
_LARGEST: Final = 2**63 - 1
_END: Final = "int64 ns since 1970, which end in 2262"
_EXAMPLES: Final = {
    "columns": 'columns={"ts_event": "time"}',
    "actions": 'actions={1: "A", 3: "C"}',
    "sides": 'sides={"long": "B"}',
}


def first_line(error: Exception) -> str:
    """Return the first line of an error of another library."""
    return str(error).partition("\n")[0].rstrip(".")


def mapping_of(name: str, given: Any) -> dict[Any, Any]:
    """Return the argument `name` as a dictionary, empty for None. Raises EventError for anything but a mapping."""
    if given is not None and not isinstance(given, Mapping):
        raise EventError(f"{name} is {type(given).__name__}: give a dictionary, as in {_EXAMPLES[name]}")
    return dict(given or {})


def times_of(name: str, values: pl.Series, unit: str | None) -> npt.NDArray[np.int64]:
    """Return times as ns UTC: of a column of times, or of numbers in `unit`."""
    import polars as pl

    if isinstance(values.dtype, pl.Datetime):
        if values.dtype.time_zone is not None:
            values = values.dt.convert_time_zone("UTC")
        outside = values.dt.epoch("ms").abs() >= _LARGEST // 10**6
        if outside.any():
            raise EventError(
                f"column {name} has {values[first_row(outside)]} in row {first_row(outside)}, beyond {_END}"
            )
        return values.dt.epoch("ns").to_numpy()
    if unit is not None and unit not in _TIME_UNITS:
        raise EventError(f"time_unit is {unit!r}: give s, ms, us or ns")
    if values.dtype == pl.String:
        parsed = _parsed(values)
        if parsed.null_count():
            row = first_row(parsed.is_null())
            raise EventError(
                f"column {name} has {values[row]!r} in row {row}, which is not a time in ISO 8601 as the others are: "
                "parse it, or give numbers"
            )
        return parsed.dt.epoch("ns").to_numpy()
    if not values.dtype.is_numeric():
        raise EventError(f"column {name} is {values.dtype}: give times, or numbers with time_unit=")
    if values.dtype.is_float() and not values.is_finite().all():
        row = first_row(~values.is_finite())
        raise EventError(f"column {name} has {values[row]} in row {row}: give times only")
    least, most = (float(each) for each in (values.min(), values.max()))  # type: ignore[arg-type]
    scale = _TIME_UNITS[unit] if unit is not None else _scale_of(name, least, most)
    if most * scale >= _LARGEST or least * scale <= -_LARGEST:
        row = int((values.arg_max() if most * scale >= _LARGEST else values.arg_min()) or 0)
        raise EventError(f"column {name} has {values[row]} in row {row}, in {unit} beyond {_END}")
    if values.dtype.is_integer():
        return values.cast(pl.Int64).to_numpy() * np.int64(scale)
    if isinstance(values.dtype, pl.Decimal):
        return np.array([int((value * scale).to_integral_value()) for value in values.to_list()], np.int64)
    whole = np.floor(values.cast(pl.Float64).to_numpy())
    rest = values.cast(pl.Float64).to_numpy() - whole
    times: npt.NDArray[np.int64] = whole.astype(np.int64) * scale + np.rint(rest * scale).astype(np.int64)
    return times


def _parsed(values: pl.Series) -> pl.Series:
    """Return texts as times, null where they are none, in the form that the first of them has."""
    import polars as pl

    try:
        return values.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False)
    except pl.exceptions.PolarsError:  # no form was found
        return pl.Series(values.name, [None] * len(values), pl.Datetime("ns", "UTC"))


def _scale_of(name: str, least: float, most: float) -> int:
    for scale in _TIME_UNITS.values():
        if least * scale >= _FIRST * 10**9 and most * scale < _LAST * 10**9:
            return scale
    raise EventError(
        f"column {name} has numbers from {least:g} to {most:g}, which are no times since 1970 in s, ms, us or ns: add "
        "the day's beginning with an expression, and give time_unit="
    )


def letters_of(
    name: str, values: pl.Series, known: Mapping[str, str], given: Mapping[Any, str] | None
) -> npt.NDArray[np.uint8]:
    """Return each value's letter; those in `given` come before the known ones."""
    import polars as pl

    wanted = "one of A C M R T F N" if name == "action" else "B, A or N"
    own = {_text(key): letter for key, letter in mapping_of(f"{name}s", given).items()}
    if wrong := [letter for letter in own.values() if letter not in set(known.values())]:
        raise EventError(f"{name}s has {wrong[0]!r}: give {wanted} for each of the frame's values")
    texts = _texts(values)
    letters: dict[str, int] = {}
    for text in texts.unique().to_list():
        folded = _text(text)
        letter = own.get(folded) or known.get(folded)
        if letter is None:
            row = first_row(texts == text)
            raise EventError(
                f"column {name} has {text!r} in row {row}, which is not known: say what it is with "
                f"{name}s={{{text!r}: {next(iter(known.values()))!r}}} ({wanted})"
            )
        letters[text] = ord(letter)
    return texts.replace_strict(letters, return_dtype=pl.UInt8).to_numpy()


def _texts(values: pl.Series) -> pl.Series:
    """Return codes as texts: whole numbers without a point, those that are not as they are."""
    import polars as pl

    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        return whole.cast(pl.String).zip_with(whole.cast(values.dtype).eq_missing(values), values.cast(pl.String))
    if values.dtype.is_nested() or values.dtype == pl.Object:
        raise EventError(f"column {values.name} is {values.dtype}: give texts or numbers")
    try:
        return values.cast(pl.String)
    except pl.exceptions.PolarsError as error:
        raise EventError(f"column {values.name} is {values.dtype}: give texts or numbers") from error


def _text(value: Any) -> str:
    # As _texts() writes it: pandas makes 1.0 of a 1 that is beside an empty value.
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip().upper()


def units_of(name: str, values: pl.Series, unit: float) -> npt.NDArray[np.int64]:
    """Return numbers as integers of 1e-9, rounded to the nearest, after multiplication by `unit`."""
    import polars as pl

    if values.dtype in (pl.String, pl.Categorical, pl.Enum):
        values = _decimals(name, values.cast(pl.String))
    if values.dtype == pl.Null:
        values = values.cast(pl.Int64)
    if not values.dtype.is_numeric():
        raise EventError(f"column {name} is {values.dtype}: give numbers")
    values = values.fill_null(0)  # a price that there is not
    is_number = isinstance(unit, int | float) and 0 < unit <= _LARGEST
    scale = round(unit * UNIT) if is_number else 0
    if scale < 1 or scale / UNIT != unit:
        raise EventError(f"{name}_unit is {unit!r}: give a positive multiple of 1e-9")
    if isinstance(values.dtype, pl.Decimal):
        exact = [int((value * scale).to_integral_value()) for value in values.to_list()]
        if any(abs(value) > _LARGEST for value in exact):
            raise EventError(f"column {name} has numbers beyond {_LARGEST / UNIT:g}")
        units = np.array(exact, np.int64)
    else:
        doubles = values.cast(pl.Float64).to_numpy() * scale
        if not np.isfinite(doubles).all() or (np.abs(doubles) >= _LARGEST).any():
            row = int(np.argmax(~(np.abs(doubles) < _LARGEST)))
            raise EventError(
                f"column {name} has {doubles[row] / scale:g} in row {row}: give numbers up to {_LARGEST / UNIT:g}"
            )
        units = values.cast(pl.Int64).to_numpy() * scale if values.dtype.is_integer() else np.rint(doubles)
        units = units.astype(np.int64)
    if name == "size" and (units < 0).any():
        row = int(np.argmax(units < 0))
        raise EventError(f"column size has {values[row]} in row {row}: give 0 or more, and the side in its own column")
    return units


def _decimals(name: str, texts: pl.Series) -> pl.Series:
    """Return texts of numbers as exact decimals."""
    import polars as pl

    values = texts.str.strip_chars().cast(pl.Decimal(38, 9), strict=False)
    wrong = values.is_null() & texts.is_not_null()
    if wrong.any():
        row = first_row(wrong)
        raise EventError(
            f"column {name} has {texts[row]!r} in row {row}, which is not a number: give digits with a point, "
            "without separators of thousands"
        )
    return values


def integers_of(name: str, values: pl.Series) -> npt.NDArray[Any]:
    """Return integers as they are."""
    if not values.dtype.is_integer():
        raise EventError(f"column {name} is {values.dtype}: give integers")
    return values.to_numpy()


def order_ids_of(values: pl.Series) -> npt.NDArray[np.uint64]:
    """Return order ids as numbers; texts that are none are numbered as they come, from 1."""
    import polars as pl

    if values.dtype.is_integer():
        if (values < 0).any():
            raise EventError(f"column order_id has {values.min()!r}: give numbers of 0 or more, or texts")
        return values.cast(pl.UInt64).fill_null(0).to_numpy()
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.Null:
        return np.zeros(len(values), np.uint64)
    if values.dtype != pl.String:
        raise EventError(f"column order_id is {values.dtype}: give integers or texts")
    numbers = values.cast(pl.UInt64, strict=False)
    # "1" and "01" are two orders.
    if numbers.cast(pl.String).eq_missing(values).all():
        return numbers.fill_null(0).to_numpy()
    codes = values.cast(pl.Enum(values.drop_nulls().unique(maintain_order=True))).to_physical().cast(pl.UInt64)
    return (codes + 1).fill_null(0).to_numpy()


def first_row(mask: pl.Series) -> int:
    """Return the first row that is true."""
    return int(mask.fill_null(False).arg_max() or 0)


assert {ASK, BID, NO_SIDE} == {ord(letter) for letter in SIDES.values()}
