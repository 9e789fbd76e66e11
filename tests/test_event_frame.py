"""Events of frames in other names and units, against the batches that they were made of."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.errors import EventError
from hftlab.events import COLUMNS, EventBatch
from hftlab.instruments import UNIT, find_instrument
from hftlab.venues import lobster
from tests.shared_data import shared_data

NOON = 1_700_000_000 * 10**9
WORDS = {"A": "add", "C": "Delete", "M": "modify", "R": "clear", "T": "trade", "F": "executed", "N": "none"}
SIDES = {"B": "buy", "A": "SELL", "N": "none"}


@st.composite
def batches(draw: st.DrawFn) -> EventBatch:
    count = draw(st.integers(1, 12))

    def column(values: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(values, min_size=count, max_size=count))

    return EventBatch(
        ts_event=[NOON + each for each in column(st.integers(0, 10**15))],
        ts_recv=[NOON + each for each in column(st.integers(0, 10**15))],
        sequence=column(st.integers(0, 2**62)),
        instrument_id=[0] * count,
        order_id=np.array(column(st.integers(0, 2**64 - 1)), np.uint64),
        action=[ord(draw(st.sampled_from("ACMRTFN"))) for _ in range(count)],
        side=[ord(draw(st.sampled_from("BAN"))) for _ in range(count)],
        price=[100 * UNIT // 10_000 * each for each in column(st.integers(1, 10**7))],
        size=column(st.integers(0, 10**6)),
        flags=column(st.integers(0, 255)),
        instruments=(find_instrument("AAPL"),),
    )


def columns_of(batch: EventBatch) -> dict[str, list[Any]]:
    return {name: getattr(batch, name).tolist() for name in COLUMNS}


@given(batches(), st.sampled_from(["ns", "datetime", "text"]))
def test_a_frame_in_other_words_gives_the_same_batch(batch: EventBatch, times: str) -> None:
    utc = pl.from_epoch(pl.Series(batch.ts_event), time_unit="ns").dt.replace_time_zone("UTC")
    frame = pl.DataFrame(
        {
            "Time": {"ns": pl.Series(batch.ts_event), "datetime": utc, "text": utc.dt.to_string("iso")}[times],
            "local_ts": pl.Series(batch.ts_recv),
            "seq": pl.Series(batch.sequence),
            "OID": pl.Series(batch.order_id),
            "event": [WORDS[chr(each)] for each in batch.action],
            "direction": [SIDES[chr(each)] for each in batch.side],
            "px": batch.price / UNIT,
            "Qty": pl.Series(batch.size),
            "bits": pl.Series(batch.flags),
        }
    )
    found = EventBatch.from_frame(frame, {"flags": "bits"}, instrument="AAPL")
    assert columns_of(found) == columns_of(batch)
    assert found.instruments == batch.instruments
    assert columns_of(EventBatch.from_frame(frame.lazy(), {"flags": "bits"}, instrument="AAPL")) == columns_of(batch)


def row(**changed: Any) -> dict[str, Any]:
    return {"time": NOON, "action": "A", "side": "B", "price": 175.25, "size": 100} | changed


def test_a_size_that_the_known_lot_does_not_hold_makes_a_finer_one() -> None:
    batch = from_rows(row(), row(size=0.5))
    assert (batch.instruments[0].lot, batch.size.tolist()) == (UNIT // 2, [200, 1])


def from_rows(*rows: dict[str, Any], **options: Any) -> EventBatch:
    return EventBatch.from_frame(pl.DataFrame(list(rows)), **{"instrument": "AAPL", **options})


def test_what_a_frame_leaves_out() -> None:
    batch = from_rows(row(), row(price=175.26))
    assert (batch.ts_recv == batch.ts_event).all()
    assert batch.sequence.tolist() == [1, 2]
    assert batch.order_id.tolist() == [0, 0]
    assert batch.flags.tolist() == [128, 128]


def test_pandas_and_dictionaries_are_frames_too() -> None:
    rows = [row(), row(action="C")]
    columns = {name: [one[name] for one in rows] for name in rows[0]}
    assert columns_of(EventBatch.from_frame(columns, instrument="AAPL")) == columns_of(from_rows(*rows))
    pandas = pytest.importorskip("pandas")
    assert columns_of(EventBatch.from_frame(pandas.DataFrame(rows), instrument="AAPL")) == columns_of(from_rows(*rows))


@pytest.mark.parametrize(
    ("time", "unit"),
    [
        (1_700_000_000, None),
        (1_700_000_000_000, None),
        (1_700_000_000_000_000, "us"),
        (1.7e9, None),
        ("2023-11-14T22:13:20Z", None),
        ("2023-11-14 22:13:20", None),
        (dt.datetime(2023, 11, 14, 22, 13, 20), None),
    ],
)
def test_times_in_any_unit(time: Any, unit: str | None) -> None:
    assert from_rows(row(time=time), time_unit=unit).ts_event.tolist() == [NOON]


def test_texts_as_order_ids_are_numbered_as_they_come() -> None:
    batch = from_rows(*(row(order_id=each) for each in ("b", "a", None, "b")))
    assert batch.order_id.tolist() == [1, 2, 0, 1]
    assert from_rows(row(order_id="17"), row(order_id="5")).order_id.tolist() == [17, 5]


def test_symbols_make_instruments_with_the_steps_of_their_numbers() -> None:
    batch = from_rows(
        row(symbol="AAPL"), row(symbol="ABC", price=1.25, size=0.5), row(symbol="ABC", price=1.5), instrument=None
    )
    assert [one.symbol for one in batch.instruments] == ["AAPL", "ABC"]
    assert batch.instruments[0] == find_instrument("AAPL")
    assert (batch.instruments[1].tick, batch.instruments[1].lot) == (UNIT // 4, UNIT // 2)
    assert batch.size.tolist() == [100, 1, 200]
    assert batch.instrument_id.tolist() == [0, 1, 1]


def test_lobster_by_its_columns_gives_the_books_of_its_own_reader() -> None:
    path = shared_data("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip")
    expected = EventBatch.concat(lobster.read(path))[:20_000]
    frame = expected.to_polars().select(
        pl.col("ts_event").cast(pl.Datetime("ns", "UTC")).alias("when"),
        pl.col("order_id").cast(pl.String).alias("reference"),
        pl.col("action").replace_strict({65: 1, 67: 2, 77: 3, 82: 8, 84: 4, 70: 5, 78: 7}).alias("kind"),
        pl.col("side").replace_strict({65: -1, 66: 1, 78: 0}).alias("direction"),
        (pl.col("price") / 100_000).alias("price"),
        "size",
        "flags",
    )
    batch = EventBatch.from_frame(
        frame,
        {"ts_event": "when", "order_id": "reference", "action": "kind"},
        instrument=expected.instruments,
        actions={1: "A", 2: "C", 3: "M", 8: "R", 4: "T", 5: "F", 7: "N"},
        price_unit=0.0001,
    )
    found, wanted = BookSet(), BookSet()
    found.apply(batch)
    wanted.apply(expected)
    assert found["AMZN"].bids(5) == wanted["AMZN"].bids(5)
    assert found["AMZN"].asks(5) == wanted["AMZN"].asks(5)


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        ({"action": "Z"}, {}, "column action has 'Z' in row 1, which is not known: say what it is with actions="),
        ({"side": "up"}, {}, "column side has 'up' in row 1"),
        ({"price": float("nan")}, {}, "column price has nan in row 1"),
        ({"size": -1}, {}, "column size has -1 in row 1: give 0 or more"),
        (
            {"size": 0.5},
            {"instrument": find_instrument("AAPL")},
            "column size has 0.5 in row 1, which is not a multiple of the lot of AAPL",
        ),
        ({"size": None}, {}, "column size has 1 empty values, the first in row 1"),
        ({}, {"columns": {"prise": "price"}}, "columns has 'prise' .nearest: 'price'."),
        ({}, {"columns": {"price": "pric"}}, "the frame has no column 'pric' .nearest: 'price'."),
        ({}, {"instrument": None}, "the frame has no symbols: name its instrument"),
        ({}, {"time_unit": "h"}, "time_unit is 'h'"),
        ({}, {"price_unit": 0}, "price_unit is 0"),
        ({}, {"actions": {"A": "Q"}}, "actions has 'Q'"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(EventError, match=message):
        from_rows(row(), row(**changed), **options)


def test_numbers_that_are_no_times_ask_for_the_day() -> None:
    with pytest.raises(EventError, match="numbers from 34200 to 34200, which are no times since 1970"):
        from_rows(row(time=34_200))


def test_a_frame_without_a_needed_column_says_how_to_name_it() -> None:
    with pytest.raises(EventError, match=r"nothing that is action, side by its name .*columns=\{'action': 'when'\}"):
        EventBatch.from_frame(pl.DataFrame({"when": [1], "price": [1.0], "size": [1], "ts": [NOON]}), instrument="A")


def test_what_is_no_frame_raises() -> None:
    with pytest.raises(EventError, match="int is not a table"):
        EventBatch.from_frame(7)
