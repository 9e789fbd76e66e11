from __future__ import annotations

from pathlib import Path
from typing import Any

import databento_dbn
import pytest

from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.events import F_LAST
from hftlab.instruments import UNIT
from hftlab.venues import dbn
from tests.venues.dbn.files import ORDERS, START, mbo, metadata, rows_of, trade, whole, write_dbn


class TestOrders:
    @pytest.mark.parametrize("name", ["a.dbn", "a.dbn.zst"])
    def test_rows_are_the_records(self, tmp_path: Path, name: str) -> None:
        batch = whole(write_dbn(tmp_path / name, *ORDERS))
        assert rows_of(batch) == [
            ("R", "N", 0.0, 0, 40),
            ("A", "B", 4500.25, 3, 32),
            ("A", "A", 4500.75, 5, 160),
            ("A", "B", 4500.25, 2, 128),
            ("T", "A", 4500.25, 1, 0),
            ("F", "B", 4500.25, 1, 0),
            ("C", "B", 4500.25, 1, 128),
            ("M", "B", -0.25, 2, 128),
            ("N", "N", 0.0, 0, 128),
        ]
        assert batch.ts_event.tolist() == [START + at * 1000 for at in (1, 1, 1, 2, 3, 3, 3, 4, 5)]
        assert (batch.ts_recv - batch.ts_event == 1000).all()
        assert batch.sequence.tolist() == [1, 1, 1, 2, 3, 3, 3, 4, 5]
        assert batch.order_id.tolist() == [0, 7, 8, 9, 0, 7, 7, 9, 0]
        (instrument,) = batch.instruments
        assert (instrument.symbol, instrument.venue.name, instrument.tick) == ("ESH4", "GLBX", UNIT // 4)


class TestIcebergs:
    """CME: a fill of the part that is shown, then a modification to the next part, which goes to the back."""

    def queue(self, tmp_path: Path, *records: Any) -> list[tuple[int, float]]:
        added = [mbo("A", "B", 4500.0, 5, 1), mbo("A", "B", 4500.0, 5, 2)]
        books = BookSet()
        books.apply(whole(write_dbn(tmp_path / "a.dbn", *added, *records)))
        assert not books.anomalies
        return books["ESH4"].orders("B", 4500.0)

    def filled(self, lots: int) -> list[Any]:
        return [mbo("T", "A", 4500.0, lots, 0, 2, flags=0), mbo("F", "B", 4500.0, lots, 1, 2, flags=0)]

    def test_the_next_part_goes_to_the_back(self, tmp_path: Path) -> None:
        assert self.queue(tmp_path, *self.filled(5), mbo("M", "B", 4500.0, 5, 1, 2)) == [(2, 5.0), (1, 5.0)]
        assert self.queue(tmp_path, *self.filled(3), mbo("M", "B", 4500.0, 4, 1, 2)) == [(2, 5.0), (1, 4.0)]

    def test_what_a_fill_leaves_stays_in_front(self, tmp_path: Path) -> None:
        assert self.queue(tmp_path, *self.filled(3), mbo("M", "B", 4500.0, 2, 1, 2)) == [(1, 2.0), (2, 5.0)]
        assert self.queue(tmp_path, *self.filled(3), mbo("C", "B", 4500.0, 3, 1, 2)) == [(1, 2.0), (2, 5.0)]


class TestTrades:
    def test_each_is_an_event(self, tmp_path: Path) -> None:
        records = [trade("B", 4500.25, 2, 1), trade("N", 4500.5, 3, 2, flags=128)]
        assert rows_of(whole(write_dbn(tmp_path / "a.dbn", *records, head=metadata("trades")))) == [
            ("T", "B", 4500.25, 2, F_LAST),
            ("T", "N", 4500.5, 3, F_LAST),
        ]


class TestDamage:
    def test_a_file_of_another_schema(self, tmp_path: Path) -> None:
        status = databento_dbn.SystemMsg(START, "Heartbeat")
        with pytest.raises(CaptureError, match=r"has no record of mbo, .* but 1 others"):
            dbn.read(write_dbn(tmp_path / "a.dbn", status))

    def test_arguments(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="chunk"):
            dbn.read(write_dbn(tmp_path / "a.dbn", *ORDERS), chunk=0)
        with pytest.raises(CaptureError, match="does not exist"):
            dbn.read(tmp_path / "absent.dbn")
