"""Rows of a part of a larger market."""

from __future__ import annotations

from hftlab.backtest.renamed_rows import RenamedRows, renamed_instruments
from hftlab.events import EventBatch
from hftlab.instruments import find_instrument
from tests.backtest.recorded_blocks import all_blocks
from tests.backtest.test_collapsed_rows import Batches
from tests.batches import COIN, SHARE, Row, make_batch


def test_numbers_are_those_of_the_whole() -> None:
    batch = make_batch([Row("A", "B", 1, 1, instrument=number) for number in (0, 1)], [COIN, SHARE])
    rows = RenamedRows(Batches([batch]), (SHARE, COIN, SHARE, COIN), 1)
    (block,) = all_blocks(rows)
    assert isinstance(block.batch, EventBatch)
    assert block.batch.instrument_id.tolist() == [1, 2]
    assert block.batch.instruments == rows.instruments
    assert [rows.holds(number) for number in range(4)] == [None, "orders", "orders", None]


def test_instruments_have_new_wire_symbols() -> None:
    nyse = find_instrument("AAPL", "NYSE")
    assert nyse is not None
    one, other = renamed_instruments((nyse, COIN), {"AAPL:NYSE": "AAPL:NYSE:monday"})
    assert one.wire_symbol == "AAPL:NYSE:monday"
    assert (one.venue, one.tick) == (nyse.venue, nyse.tick)
    assert other is COIN
