from __future__ import annotations

import struct
from math import isnan
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.widgets import TimeAndSales
from hftlab.widgets.core.market_tape import Print
from hftlab.widgets.time_and_sales.frame import HEADER, large_size
from hftlab.widgets.time_and_sales.view import TimeAndSalesView
from tests.widgets.market import NOON
from tests.widgets.streaming_market import StreamingMarket, trade

SVG = "{http://www.w3.org/2000/svg}"


def unpack(frame: bytes) -> dict:
    """Unpack a frame as time_and_sales.js does."""
    values = struct.unpack(f"<{len(frame) // 8}d", frame)
    head = dict(zip(HEADER, values, strict=False))
    head["trades"] = triples(frame[8 * len(HEADER) :])
    assert len(head["trades"]) == head["count"]
    return head


def triples(data: bytes) -> list[tuple[float, ...]]:
    return list(struct.iter_unpack("<3d", data))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def market() -> StreamingMarket:
    return StreamingMarket()


@pytest.fixture
def view(market: StreamingMarket) -> TimeAndSalesView:
    return TimeAndSalesView(market, "AAPL", timer=Clock())


def print_trades(market: StreamingMarket, count: int, seconds: float = 0.0, **changes) -> None:
    trades = [trade(seconds + place / 1000, 175.0 + place / 100, size=10.0 + place) for place in range(count)]
    market.send("AAPL", seconds + count / 1000, **{"trades": trades, **changes})


class TestFrame:
    def test_round_trip(self, market, view):
        market.send("AAPL", 2, trades=[trade(1, 175.25, 100.0), trade(1.5, 175.2, 0.5, "SELL")])
        frame = unpack(view.snapshot())
        assert frame["trades"] == [(NOON / 1e6 + 1500, 175.2, -0.5), (NOON / 1e6 + 1000, 175.25, 100.0)]
        assert (frame["printed"], frame["hasEveryTrade"], frame["now"]) == (2, 1, NOON / 1e6 + 2000)
        assert (frame["priceDecimals"], frame["sizeDecimals"]) == (2, 1)
        assert isnan(frame["large"])

    def test_without_the_data_type_trades(self, market, view):
        market.send("AAPL", 0, last_trade=trade(0, 175.0))
        assert unpack(view.snapshot())["hasEveryTrade"] == 0

    def test_a_frame_repeats_the_last_second_and_stays_small(self, market, view):
        for step in range(30):
            view._timer.now = step / 10
            print_trades(market, 10, step / 10)
            frame = view.snapshot()
        assert 100 <= unpack(frame)["count"] <= 110
        view._timer.now = 10.0
        view.snapshot()
        assert len(view.snapshot()) < 900

    def test_another_symbol_has_its_own_trades(self, market, view):
        print_trades(market, 3)
        view.snapshot()
        market.send("MSFT", 1, trades=[trade(1, 402.125)])
        view.set({"symbol": "MSFT"})
        frame = unpack(view.snapshot())
        assert (frame["printed"], frame["priceDecimals"]) == (1, 3)


class TestMissingTrades:
    def ask(self, view, first: int, last: int, epoch: int = 0) -> tuple[dict, list]:
        content, (buffer,) = view.receive({"first": first, "last": last, "epoch": epoch}, [])
        return content, triples(buffer)

    def test_a_page_gets_those_that_it_asks_for(self, market, view):
        print_trades(market, 100)
        content, found = self.ask(view, 11, 13)
        assert content == {"epoch": 0, "first": 11, "last": 13}
        assert [size for _, _, size in found] == [22.0, 21.0, 20.0]  # newest first; the first trade has size 10

    def test_a_long_answer_is_cut_at_its_old_end(self, market, view):
        print_trades(market, 2000)
        content, found = self.ask(view, 1, 1999)
        assert (content["first"], content["last"], len(found)) == (1500, 1999, 500)

    def test_what_is_not_there_is_an_empty_answer(self, market, view):
        market.send("AAPL", 100, trades=[trade(100, 10.0)] * 5)
        market.send("AAPL", 5, trades=[trade(5, 10.0)] * 3)  # a replay has gone back
        assert self.ask(view, 1, 2, epoch=0) == ({"epoch": 1, "first": 3, "last": 2}, [])
        assert self.ask(view, 1, 5, epoch=1) == ({"epoch": 1, "first": 6, "last": 5}, [])
        assert len(self.ask(view, 4, 8, epoch=1)[1]) == 3
        assert self.ask(view, 9, 12, epoch=1)[1] == []

    def test_a_page_without_a_kernel_has_more_than_a_frame(self, market, view):
        print_trades(market, 100)
        assert [size for _, _, size in triples(view.kept())] == [10.0 + place for place in range(99, -1, -1)]

    def test_another_message_is_not_answered(self, view):
        assert view.receive({"hello": 1}, []) is None

    @given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 700))
    def test_an_answer_has_the_numbers_that_it_says(self, count, one, other):
        market = StreamingMarket()
        view = TimeAndSalesView(market, "AAPL")
        print_trades(market, count)
        content, found = self.ask(view, min(one, other), max(one, other))
        assert len(found) == content["last"] - content["first"] + 1
        assert [size for _, _, size in found] == [9.0 + n for n in range(content["last"], content["first"] - 1, -1)]


class TestLargeTrades:
    def test_two_of_a_hundred_are_larger(self):
        trades = [Print(0, 1.0, float(size), 1) for size in range(1, 101)]
        assert [trade.size for trade in trades if trade.size > large_size(trades)] == [99.0, 100.0]

    def test_equal_sizes_are_not_large(self):
        trades = [Print(0, 1.0, 5.0, 1)] * 300
        assert not any(trade.size > large_size(trades) for trade in trades)

    def test_few_trades_say_nothing(self):
        assert isnan(large_size([Print(0, 1.0, 5.0, 1)] * 49))

    def test_only_the_newest_count(self, market, view):
        market.send("AAPL", 0, trades=[trade(0, 1.0, 1000.0)] * 300)
        market.send("AAPL", 1, trades=[trade(1, 1.0, 10.0)] * 300)
        assert unpack(view.snapshot())["large"] == 10.0


class TestSettings:
    def test_min_size_is_checked(self, view):
        with pytest.raises(ValueError, match="min_size"):
            view.set({"min_size": -1})

    def test_the_widget(self, market, still_loop):
        widget = TimeAndSales(market, "AAPL", refresh_loop=still_loop)
        widget.symbol, widget.min_size = "MSFT", 5
        assert (widget.symbol, widget.min_size, repr(widget)) == ("MSFT", 5.0, "TimeAndSales('MSFT')")
        widget.close()


class TestPicture:
    def test_trades_and_marks(self, market, view):
        market.send("AAPL", 2, trades=[trade(1, 175.25, 100.0), trade(1.5, 175.2, 7.0, "SELL")])
        assert texts(view.picture().svg)[-6:] == ["12:00:01.500", "▼ 175.20", "7", "12:00:01.000", "▲ 175.25", "100"]
        view.set({"min_size": 50})
        assert "▼ 175.20" not in texts(view.picture().svg)

    def test_it_says_what_it_does_not_have(self, market, view):
        assert "no trades yet" in texts(view.picture().svg)
        market.send("AAPL", 0, last_trade=trade(0, 175.0))
        assert any('data_types=["TRADES"]' in word for word in texts(view.picture().svg))
