"""Files of a simulated day in the venues' formats: which there are, where, and that old ones stay until then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest

from hftlab.errors import ArgumentError, HftlabError
from hftlab.events import EventBatch
from hftlab.ingest import FORMATS, exchange_on, import_capture, record_simulation
from hftlab.ingest.native_files import NATIVE_FORMATS, NativeFile, NativeFiles, native_file, native_files
from hftlab.instruments import UNIT, Instrument
from hftlab.simulator.listings import find_listing
from hftlab.venues.recognition import READABLE

DAY = dt.date(2026, 1, 2)
STOCKS = {find_listing(name): 100 * UNIT for name in ("AAPL", "AAPL:NYSE", "VOD", "BTCUSDT")}


def names(files: list[NativeFile], folder: Path) -> dict[str, list[str]]:
    return {file.path.relative_to(folder).as_posix(): [one.wire_symbol for one in file.instruments] for file in files}


class TestPlaces:
    def test_one_file_is_at_the_path_itself(self, tmp_path: Path) -> None:
        assert names(native_files(["nyse"], tmp_path / "day", STOCKS, DAY), tmp_path) == {"day": ["AAPL:NYSE"]}
        assert names(native_files(["binance"], tmp_path / "day", STOCKS, DAY), tmp_path) == {"day": ["BTCUSDT"]}

    def test_several_files_are_in_a_folder(self, tmp_path: Path) -> None:
        assert names(native_files([*NATIVE_FORMATS, "itch"], tmp_path / "day", STOCKS, DAY), tmp_path) == {
            "day/BTCUSDT.gz": ["BTCUSDT"],
            "day/nasdaq-2026-01-02.itch": ["AAPL"],
            "day/lse.pcap": ["VOD"],
            "day/nyse.pcap": ["AAPL:NYSE"],
        }
        assert names(native_files(["nyse"], tmp_path, STOCKS, DAY), tmp_path) == {"nyse.pcap": ["AAPL:NYSE"]}

    def test_a_stock_that_is_too_dear_for_itch_is_left_out(self, tmp_path: Path) -> None:
        dear = {find_listing("BRK.A"): 500_000 * UNIT, find_listing("MSFT"): 400 * UNIT}
        assert [one.symbol for one in native_file("itch", tmp_path, dear).instruments] == ["MSFT"]

    @pytest.mark.parametrize(
        ("formats", "closes", "error", "said"),
        [
            (["lobster"], STOCKS, ArgumentError, "'lobster' is not a format that is written: give binance, itch,"),
            (["mitch"], {find_listing("AAPL"): UNIT}, HftlabError, "none of AAPL fits into mitch: give stocks of Lon"),
            (["itch"], {find_listing("VOD"): UNIT}, HftlabError, "none of VOD fits into itch: give US stocks below"),
        ],
    )
    def test_what_cannot_be_written_is_refused(
        self, formats: list[str], closes: Mapping[Instrument, int], error: type[HftlabError], said: str, tmp_path: Path
    ) -> None:
        with pytest.raises(error, match=said):
            native_files(formats, tmp_path, closes, DAY)

    def test_every_format_that_is_written_is_read(self) -> None:
        assert NATIVE_FORMATS.keys() <= FORMATS.keys() == READABLE.keys()


class TestFiles:
    def test_old_files_stay_until_all_are_whole(self, tmp_path: Path) -> None:
        files = [
            NativeFile("nyse", tmp_path / "new/nyse.pcap", (find_listing("AAPL:NYSE"),)),
            NativeFile("itch", tmp_path / "day.itch", (find_listing("AAPL"),)),
        ]
        (tmp_path / "day.itch").write_bytes(b"old")
        with pytest.raises(KeyboardInterrupt), NativeFiles(files) as written:
            written.add(EventBatch.concat(exchange_on("2026-01-02", 7, ["AAPL", "AAPL:NYSE"]).events(1)))
            raise KeyboardInterrupt
        assert (tmp_path / "day.itch").read_bytes() == b"old"
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["day.itch"]

    def test_a_file_that_cannot_be_opened_leaves_none(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"old")
        files = [
            NativeFile("nyse", tmp_path / "nyse.pcap", (find_listing("AAPL:NYSE"),)),
            NativeFile("itch", tmp_path / "file/day.itch", (find_listing("AAPL"),)),
        ]
        with pytest.raises(OSError, match="file"), NativeFiles(files):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["file"]


class TestSimulations:
    def test_a_day_in_all_formats_is_imported_again(self, tmp_path: Path) -> None:
        exchange = exchange_on("2026-01-02", 7, ["BRK.A", "AAPL", "VOD", "BTCUSDT", "AAPL:NYSE"])
        done = record_simulation(
            exchange, 5, tmp_path / "day", formats=["nyse", "mitch", "itch", "binance"], native_path=tmp_path / "native"
        )
        assert done.left_out == []
        assert {file.format_name for file in done.files} == NATIVE_FORMATS.keys()
        for file in done.files:
            session = import_capture(file.format_name, file.path, tmp_path / f"again-{file.format_name}").session
            frame = session.market_data.collect()
            assert set(frame["symbol"]) == {one.wire_symbol for one in file.instruments}
            assert frame["ts_event"].min() >= exchange.start

    def test_formats_need_a_path(self, tmp_path: Path) -> None:
        for chosen in ({"formats": ["nyse"]}, {"native_path": tmp_path / "day.pcap"}):
            with pytest.raises(ArgumentError, match="go together"):
                record_simulation(exchange_on("2026-01-02", 7), 1, tmp_path / "day", **chosen)
        assert not (tmp_path / "day").exists()
