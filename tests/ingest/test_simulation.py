"""A simulated day becomes a session with all messages and events, equal for equal seeds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hftlab.book import BookSet
from hftlab.clock import Clock
from hftlab.errors import ArgumentError, HftlabError, SessionExists
from hftlab.events import ADD, EventBatch
from hftlab.ingest.simulation import exchange_on, record_simulation
from hftlab.session import open_session, recover
from hftlab.simulator import Exchange
from hftlab.venues import itch
from tests.session.sessions import numbered, replayed, write_session

OPENING = 1_767_364_200_000_000_000  # 9:30 in New York on 2026-01-02


class TestDays:
    def test_it_starts_with_the_venues_trading(self) -> None:
        assert exchange_on("2026-01-02", 7).start == OPENING
        assert exchange_on("2026-01-02", 7, ["VOD"]).start == OPENING - 6.5 * 3600 * 1_000_000_000
        assert exchange_on("2026-07-01", 7, ["BTCUSDT"]).start == 1_782_864_000_000_000_000

    @pytest.mark.parametrize(("day", "reason"), [("2026-01-04", "closed"), ("2026-02-30", "not a date"), ("", "date")])
    def test_a_day_that_does_not_exist_or_has_no_trading_is_refused(self, day: str, reason: str) -> None:
        with pytest.raises(HftlabError, match=reason):
            exchange_on(day, 7)


class TestSessions:
    def test_the_session_has_every_message(self, tmp_path: Path) -> None:
        done = record_simulation(exchange_on("2026-01-02", 7), 30, tmp_path / "day")
        made = exchange_on("2026-01-02", 7).advance(OPENING + 30_000_000_000)
        assert [message for _, message in replayed(done.session)] == made
        assert done.session.manifest.source["seed"] == 7
        assert done.session.manifest.complete

    def test_and_every_event(self, tmp_path: Path) -> None:
        """The events rebuild the books of the last message."""
        exchange = exchange_on("2026-01-02", 7)
        done = record_simulation(exchange, 30, tmp_path / "day")
        frame = done.session.events.collect()
        assert frame.height == done.events > 5_000
        books = BookSet()
        books.apply(EventBatch.from_polars(frame, exchange.instruments))
        for name in exchange.symbols:
            assert books[name].bids(10) == exchange.books[name].bids(10)

    def test_the_same_seed_makes_the_same_rows(self, tmp_path: Path) -> None:
        first, second = (
            record_simulation(exchange_on("2026-01-02", 3, ["TSLA"]), 20, tmp_path / name).session
            for name in ("first", "second")
        )
        assert first.market_data.collect().equals(second.market_data.collect())
        assert first.events.collect().equals(second.events.collect())

    def test_progress_is_reported_in_nanoseconds(self, tmp_path: Path) -> None:
        reported: list[int] = []
        record_simulation(exchange_on("2026-01-02", 7), 5, tmp_path / "day", progress=reported.append)
        assert reported == sorted(reported)
        assert reported[-1] == 5_000_000_000

    def test_a_folder_with_something_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "note").write_text("mine")
        with pytest.raises(SessionExists):
            record_simulation(exchange_on("2026-01-02", 7), 1, tmp_path)
        assert (tmp_path / "note").read_text() == "mine"


class TestItch:
    def test_the_file_has_the_adds_of_what_it_can_hold(self, tmp_path: Path) -> None:
        names = ["BRK.A", "AAPL", "AAPL:NYSE", "MSFT"]
        exchange = exchange_on("2026-01-02", 7, names)
        done = record_simulation(exchange, 20, tmp_path / "day", itch_path=tmp_path / "day.itch")
        assert done.left_out == ["BRK.A", "AAPL:NYSE"]
        read = EventBatch.concat(itch.read(tmp_path / "day.itch", date="2026-01-02"))
        added = done.session.events.filter(pl.col("action") == ADD, pl.col("instrument_id").is_in([1, 3])).collect()
        assert np.array_equal(read.price[read.action == ADD], added["price"])
        assert np.array_equal(read.ts_event[read.action == ADD], added["ts_event"])
        assert {one.symbol for one in read.instruments} == {"AAPL", "MSFT"}

    def test_a_simulation_without_a_symbol_for_itch_is_an_error(self, tmp_path: Path) -> None:
        exchange = Exchange(7, ["BTCUSDT", "VOD"], clock=Clock(OPENING, paused=True))
        with pytest.raises(HftlabError, match="US stocks"):
            record_simulation(exchange, 1, tmp_path / "day", itch_path=tmp_path / "day.itch")
        assert not (tmp_path / "day").exists()

    def test_two_files_cannot_be_at_one_path(self, tmp_path: Path) -> None:
        """Each would be written into the other."""
        exchange = Exchange(7, ["AAPL"], clock=Clock(OPENING, paused=True))
        with pytest.raises(ArgumentError, match=r"itch_path is .*day\.itch, which is a file of `formats` already"):
            record_simulation(
                exchange,
                1,
                tmp_path / "day",
                formats=["itch"],
                native_path=tmp_path / "day.itch",
                itch_path=tmp_path / "day.itch",
            )
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
def test_a_time_that_is_not_one_is_refused_and_costs_no_session(tmp_path: Path, seconds: float) -> None:
    write_session(tmp_path / "day", [(1, numbered(1))])
    exchange = Exchange(7, ["AAPL"], clock=Clock(OPENING, paused=True))
    with pytest.raises(ValueError, match=f"seconds is how long to simulate, above 0 and finite, got {seconds}"):
        record_simulation(exchange, seconds, tmp_path / "day", overwrite=True)
    assert replayed(open_session(tmp_path / "day")) == [(1, numbered(1))]


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


class TestInterrupted:
    def test_the_session_and_the_itch_file_that_were_there_stay(self, tmp_path: Path) -> None:
        old = record_simulation(exchange_on("2026-01-02", 7, ["AAPL"]), 2, tmp_path / "day").session
        (tmp_path / "day.itch").write_bytes(b"old")
        with pytest.raises(KeyboardInterrupt):
            record_simulation(
                exchange_on("2026-01-02", 8, ["AAPL"]),
                2,
                tmp_path / "day",
                overwrite=True,
                itch_path=tmp_path / "day.itch",
                progress=_interrupted,
            )
        assert replayed(open_session(tmp_path / "day")) == replayed(old)
        assert (tmp_path / "day.itch").read_bytes() == b"old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["day", "day.itch"]

    def test_what_was_simulated_is_recovered_and_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            record_simulation(exchange_on("2026-01-02", 7, ["AAPL"]), 2, tmp_path / "day", progress=_interrupted)
        assert recover(tmp_path / "day").messages > 0
        manifest = open_session(tmp_path / "day").manifest
        assert manifest.was_killed
        assert manifest.source["extent"]["whole"] is False

    def test_all_its_symbols_are_covered(self, tmp_path: Path) -> None:
        exchange = Exchange(7, ["AAPL", "TSLA"], clock=Clock(OPENING, paused=True))
        session = record_simulation(exchange, 2, tmp_path / "session").session
        started, ended = session.manifest.started, session.manifest.ended
        assert session.coverage().rows() == [(name, started, ended, 1.0, 0.0, 0, False) for name in ("AAPL", "TSLA")]

    def test_a_whole_one_says_so(self, tmp_path: Path) -> None:
        manifest = record_simulation(exchange_on("2026-01-02", 7, ["AAPL"]), 2, tmp_path / "day").session.manifest
        assert manifest.source["extent"] == {"whole": True, "until": manifest.ended}
