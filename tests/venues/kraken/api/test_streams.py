"""Streams of one pair: what each sends on what, within its depth."""

from __future__ import annotations

import random

import pytest

from tests.batches import Row
from tests.venues.kraken.api.small_market import PAIR, SmallMarket
from tests.venues.kraken_frames import OracleBook


def levels(message: dict[str, object], side: str) -> list[tuple[str, str]]:
    (data,) = message["data"]  # type: ignore[misc]
    return [(level["price"], level["qty"]) for level in data[side]]


class TestBook:
    def test_it_begins_with_a_snapshot_and_goes_on_with_changes(self) -> None:
        market = SmallMarket()
        snapshot = market.add("book")
        assert (snapshot["channel"], snapshot["type"], snapshot["data"][0]["symbol"]) == ("book", "snapshot", PAIR)
        assert levels(snapshot, "bids") == [("99.00", "0.005"), ("98.00", "0.007")]
        assert levels(snapshot, "asks") == [("100.00", "0.003")]
        assert market.due() == []
        market.apply(Row("M", "B", 9_900, 6), Row("C", "A", 10_000))
        (update,) = market.due()
        assert update["type"] == "update"
        assert levels(update, "bids") == [("99.00", "0.006")]
        assert levels(update, "asks") == [("100.00", "0.000")]
        assert update["data"][0]["timestamp"].endswith("Z")

    def test_nothing_is_sent_of_an_event_that_changes_nothing_within_the_depth(self) -> None:
        market = SmallMarket()
        market.apply(*(Row("M", "B", 9_700 - at, 1) for at in range(8)))  # ten bids
        market.add("book")
        market.apply(Row("M", "B", 9_000, 1))
        assert market.due() == []

    def test_a_level_that_falls_out_is_not_sent_and_one_that_comes_back_is(self) -> None:
        market = SmallMarket()
        market.apply(*(Row("M", "B", 9_700 - at, 1) for at in range(8)))
        market.add("book")
        market.apply(Row("M", "B", 9_950, 1))
        assert [levels(one, "bids") for one in market.due()] == [[("99.50", "0.001")]]
        market.apply(Row("C", "B", 9_950))
        assert [levels(one, "bids") for one in market.due()] == [[("99.50", "0.000"), ("96.93", "0.001")]]

    def test_a_gap_of_the_recording_ends_with_a_snapshot(self) -> None:
        market = SmallMarket()
        market.add("book")
        market.apply(Row("R"))
        assert market.due() == []
        assert market.add("book", "late") is None
        market.apply(Row("R"), Row("A", "B", 9_000, 1))
        (snapshot,) = market.due()
        assert snapshot["type"] == "snapshot"
        assert levels(snapshot, "asks") == []

    def test_before_the_first_book_there_is_no_snapshot_yet(self) -> None:
        market = SmallMarket(empty=True)
        assert market.add("book") is None
        assert market.due() == []
        market.apply(Row("R"), Row("A", "B", 9_000, 1))
        assert [one["type"] for one in market.due()] == ["snapshot"]

    def test_after_a_restart_there_is_a_snapshot(self) -> None:
        market = SmallMarket()
        market.add("book")
        market.channels.restart()
        assert [one["type"] for one in market.due()] == ["snapshot"]

    @pytest.mark.parametrize("depth", [10, 25])
    @pytest.mark.parametrize("seed", range(6))
    def test_a_client_of_the_published_rules_has_the_best_levels(self, seed: int, depth: int) -> None:
        """Of a book with more levels than the depth, which come, change and go at random."""
        chance, market = random.Random(seed), SmallMarket()
        client = OracleBook(depth)
        client.take(market.add("book", depth=depth))
        for _ in range(300):
            is_bid = chance.random() < 0.5
            price = 9_900 - chance.randrange(40) if is_bid else 10_000 + chance.randrange(40)
            lots = chance.choice([0, 1, 2, 3])
            market.apply(Row("M" if lots else "C", "B" if is_bid else "A", price, lots))
            for message in market.due():
                client.take(message)
                assert client.checksum() == message["data"][0]["checksum"]
        for side, ours in (("bids", client.bids), ("asks", client.asks)):
            best = market.channels.recorded.levels(PAIR, is_bid=side == "bids", depth=depth)
            assert [(int(price * 100), int(size * 1000)) for price, size in ours] == list(
                zip(best.ticks.tolist(), best.lots.tolist(), strict=True)
            )


class TestTrades:
    def test_those_of_one_moment_come_together(self) -> None:
        market = SmallMarket()
        assert market.add("trade") is None
        market.apply(Row("T", "B", 10_000, 2), Row("T", "A", 9_900, 1))
        (message,) = market.due()
        trades = message["data"]
        assert [(one["side"], one["price"], one["qty"], one["trade_id"]) for one in trades] == [
            ("buy", "100.00", "0.002", 5),
            ("sell", "99.00", "0.001", 6),
        ]
        assert market.due() == []

    def test_a_later_reader_begins_with_the_last_fifty(self) -> None:
        market = SmallMarket()
        market.apply(*(Row("T", "B", 10_000, 1) for _ in range(60)))
        snapshot = market.add("trade")
        assert snapshot["type"] == "snapshot"
        assert [one["trade_id"] for one in snapshot["data"]] == list(range(15, 65))
        assert market.due() == []

    def test_after_a_restart_nothing_is_sent_twice(self) -> None:
        market = SmallMarket()
        market.add("trade")
        market.apply(Row("T", "B", 10_000, 1))
        market.channels.restart()
        assert market.due() == []


class TestTicker:
    def test_it_is_sent_on_trades_or_on_changes_of_the_best(self) -> None:
        market = SmallMarket()
        market.add("ticker", "trades")
        market.add("ticker", "bbo", trigger="bbo")
        market.apply(Row("M", "B", 9_800, 9))  # not the best
        assert market.due() == []
        market.apply(Row("M", "B", 9_900, 9))
        (best,) = market.due()
        assert (best["data"][0]["bid"], best["data"][0]["bid_qty"]) == ("99.00", "0.009")
        market.apply(Row("T", "B", 10_000, 1))
        (traded,) = market.due()
        assert (traded["data"][0]["last"], traded["data"][0]["volume"], traded["data"][0]["trades"]) == (
            "100.00",
            "0.001",
            1,
        )

    def test_what_is_not_recorded_is_zero(self) -> None:
        (data,) = SmallMarket().add("ticker")["data"]
        assert (data["bid"], data["ask"], data["last"], data["change_pct"]) == ("99.00", "100.00", "0.00", "0.00")
        assert SmallMarket(empty=True).add("ticker") is None
