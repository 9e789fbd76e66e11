from __future__ import annotations

from pathlib import Path

import databento_dbn
import pytest

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument, find_instrument
from hftlab.venues import dbn
from tests.venues.dbn.files import (
    ES,
    START,
    definition,
    mbo,
    metadata,
    rows_of,
    write_dbn,
)

RECORDS = (
    mbo("A", "B", 10.05, 1, 1),
    mbo("A", "B", 20.0, 1, 1, 2, number=9),
    mbo("A", "B", 30.0, 1, 2, 3, number=7),
)


def test_some_are_chosen(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn", *RECORDS, head=metadata(ESH4=ES, NQH4=9))
    reader = dbn.read(path, symbols=["NQH4"])
    assert rows_of(EventBatch.concat(reader)) == [("A", "B", 20.0, 1, 128)]
    assert [one.symbol for one in reader.instruments] == ["NQH4"]
    assert (reader.stats.records, reader.stats.not_selected) == (3, 2)
    with pytest.raises(CaptureError, match="NQH5"):
        dbn.read(path, symbols=["NQH5"])


def test_without_a_symbol_an_instrument_is_its_id(tmp_path: Path) -> None:
    names = [one.symbol for one in dbn.read(write_dbn(tmp_path / "a.dbn", *RECORDS)).instruments]
    assert sorted(names) == ["7", "9", "ESH4"]


def test_two_contracts_of_a_continuous_symbol_are_apart(tmp_path: Path) -> None:
    head = metadata(**{"ES.c.0": ES})
    later = databento_dbn.SymbolMappingMsg(
        1, 9, START, databento_dbn.SType.CONTINUOUS, "ES.c.0", databento_dbn.SType.INSTRUMENT_ID, "9", START, START
    )
    reader = dbn.read(write_dbn(tmp_path / "a.dbn", later, *RECORDS[:2], head=head))
    assert sorted(one.symbol for one in reader.instruments) == ["ES.c.0.5002", "ES.c.0.9"]


def test_a_known_instrument_is_itself(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn", mbo("A", "B", 190.25, 1, 1), head=metadata(dataset="XNAS.ITCH", AAPL=ES))
    assert dbn.read(path).instruments == (find_instrument("AAPL", NASDAQ),)


def test_one_that_is_given(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "a.dbn", *RECORDS[:1])
    own = Instrument("MINE", NASDAQ, UNIT // 100, UNIT, "USD")
    assert dbn.read(path, instrument=own).instruments == (own,)
    with pytest.raises(CaptureError, match=r"not multiples of the tick 0\.1: give a tick that divides"):
        dbn.read(path, instrument=Instrument("MINE", NASDAQ, UNIT // 10, UNIT, "USD"))
    path = write_dbn(tmp_path / "a.dbn", *RECORDS, head=metadata(ESH4=ES, NQH4=9))
    with pytest.raises(CaptureError, match="has 3 instruments, of which none is MINE"):
        dbn.read(path, instrument=own)


class TestDefinitions:
    """They say the tick; without one it is the largest that holds all prices."""

    def test_beside_the_file(self, tmp_path: Path) -> None:
        path = write_dbn(tmp_path / "a.dbn", mbo("A", "B", 4500.0, 1, 1), head=metadata(other=1))
        beside = write_dbn(tmp_path / "d.dbn.zst", definition("ESH4", 0.25), head=metadata("definition"))
        (found,) = dbn.read(path, definitions=beside).instruments
        assert (found.symbol, found.tick, found.currency) == ("ESH4", UNIT // 4, "USD")
        assert dbn.read(path).instruments[0].tick == 4500 * UNIT

    def test_in_the_file_and_a_price_between_the_ticks(self, tmp_path: Path) -> None:
        path = write_dbn(tmp_path / "a.dbn", definition("ESH4", 0.25), mbo("A", "B", 4500.1, 1, 1))
        assert dbn.read(path).instruments[0].tick == UNIT // 20


def test_a_file_without_prices_has_cents(tmp_path: Path) -> None:
    assert (
        dbn.detect_instrument(write_dbn(tmp_path / "a.dbn", mbo("R", "N", float("nan"), 0, 0)), "ESH4").tick
        == UNIT // 100
    )
