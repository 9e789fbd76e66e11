"""Symbols that a capture does not have are told, with the nearest that it has."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.venues import itch, kraken
from hftlab.venues.itch import message_bytes
from hftlab.venues.selection import check_selection
from tests.venues import kraken_captures

PATH = Path("day.itch")


class TestSelection:
    def test_what_is_all_there_passes(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_selection(PATH, ["A", "B", "A"], ["B", "A"], ["C"])

    def test_none_that_is_there_is_an_error(self) -> None:
        with pytest.raises(
            CaptureError, match=r"^day\.itch does not have 'APPL' \(nearest: 'AAPL'\), '9': name .* its 2"
        ):
            check_selection(PATH, ["APPL", "9"], [], ["AAPL", "MSFT"])

    def test_some_that_are_there_leave_a_warning(self) -> None:
        with pytest.warns(UserWarning, match=r"does not have 'MSTF' \(nearest: 'MSFT'\): they were left out"):
            check_selection(PATH, ["MSTF", "AAPL"], ["AAPL"], ["MSFT"])


class TestItch:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        named = [
            message_bytes("R", stock_locate=at, stock=stock) for at, stock in enumerate(("AAPL", "MSFT", "IDLE"), 1)
        ]
        added = [
            message_bytes(
                "A", stock_locate=at, order_reference_number=at, buy_sell_indicator="B", shares=1, stock=stock
            )
            for at, stock in enumerate(("AAPL", "MSFT"), 1)
        ]
        path = tmp_path / "day.itch"
        path.write_bytes(b"".join(named + added))
        return path

    @pytest.mark.parametrize(
        ("symbol", "told"),
        [
            ("aapl", "'aapl' (nearest: 'AAPL')"),
            ("APPL", "'APPL' (nearest: 'AAPL')"),
            ("TOOLONGNAME", "'TOOLONGNAME'"),
            ("É", "'É'"),
            ("", "''"),
        ],
    )
    def test_a_symbol_that_is_not_there(self, path: Path, symbol: str, told: str) -> None:
        with pytest.raises(CaptureError) as caught:
            list(itch.read(path, symbols=[symbol]))
        assert f"does not have {told}: name symbols as the file does" in str(caught.value)

    def test_some_that_are_not(self, path: Path) -> None:
        with pytest.warns(UserWarning, match=r"does not have 'msft' \(nearest: 'MSFT'\)"):
            batch = EventBatch.concat(list(itch.read(path, symbols=["AAPL", "msft"])))
        assert [one.symbol for one in batch.instruments] == ["AAPL"]

    def test_spaces_behind_a_symbol_do_not_matter(self, path: Path) -> None:
        assert len(EventBatch.concat(list(itch.read(path, symbols=["AAPL "])))) == 1

    def test_a_symbol_without_orders_is_there(self, path: Path) -> None:
        reader = itch.read(path, symbols=["IDLE"])
        assert [len(batch) for batch in reader] == []
        assert [one.symbol for one in reader.instruments] == ["IDLE"]


class TestKraken:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return kraken_captures.write_capture(
            tmp_path / "capture.gz",
            kraken_captures.snapshot({"1": "2"}, {"3": "4"}, pair="XBT/USD"),
            kraken_captures.snapshot({"1": "2"}, {"3": "4"}, pair="ADA/XBT"),
        )

    def test_none_that_is_there(self, path: Path) -> None:
        with pytest.raises(CaptureError, match=r"does not have 'BTC/USD' \(nearest: 'XBT/USD'\)"):
            list(kraken.read(path, symbols=["BTC/USD"]))

    def test_some_that_are_not(self, path: Path) -> None:
        with pytest.warns(UserWarning, match=r"does not have 'BTC/USD' \(nearest: 'XBT/USD'\)"):
            batches = list(kraken.read(path, symbols=["BTC/USD", "ADA/XBT"]))
        assert [one.symbol for one in batches[-1].instruments] == ["ADA/XBT"]
