from __future__ import annotations

import struct
from math import isnan
from xml.etree import ElementTree

import pytest

from hftlab.protocol.enums import OrderStatus, OrderType, Side
from hftlab.protocol.market_data import MarketData, Trade
from hftlab.widgets import Ladder, ladder_svg
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.ladder.frame import HEADER, LEVEL, ORDER, TRADED, LadderState, pack_ladder, read_ladder
from hftlab.widgets.ladder.own_orders import KEYS, OwnOrder, OwnOrders
from hftlab.widgets.ladder.view import LadderView
from hftlab.widgets.ladder.volume_profile import Traded
from tests.widgets.ladder.account import Order
from tests.widgets.market import NOON, Market, bitcoin, quote

SVG = "{http://www.w3.org/2000/svg}"


def unpack(frame: bytes) -> dict:
    """Unpack a frame as frame.js does, prices in ticks."""
    size = 8 * len(HEADER)
    head = dict(zip(HEADER, struct.unpack(f"<{len(HEADER)}d", frame[:size]), strict=True))
    base, rest, found = int(head["base"]), frame[size:], {}
    for name, layout in (("bid", LEVEL), ("ask", LEVEL), ("traded", TRADED), ("order", ORDER)):
        end = layout.size * int(head[f"{name}Count"])
        found[name], rest = list(layout.iter_unpack(rest[:end])), rest[end:]
    assert rest == b""
    levels = {
        f"{side}s": [(base + ticks, size, orders) for ticks, orders, size in found[side]] for side in ("bid", "ask")
    }
    steps = base // int(head["group"])
    return {
        **head,
        **levels,
        "traded": [(steps + step, sold, bought) for step, sold, bought in found["traded"]],
        "orders": [(key, base + ticks, *rest) for key, ticks, *rest in found["order"]],
    }


def ticks(levels: list) -> list:
    return [(round(price * 100), size, orders) for price, size, orders in levels]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


class TestFrame:
    def test_round_trip(self):
        market = Market({"BTC-USD": bitcoin()}, {"BTC-USD": quote("BTC-USD")})
        ladder = Ladder(market, "BTC-USD")
        frame = unpack(ladder.frame)
        ladder.close()
        assert frame["bids"] == ticks(bitcoin().buys)
        assert frame["asks"] == ticks(bitcoin().sells)
        assert (frame["last"], frame["changePercent"], frame["volume"]) == (61737.64, 1.25, 1234.5)
        assert (frame["tradePrice"], frame["tradeSize"], frame["tradeSide"]) == (61737.64, 0.00456, -1)
        assert (frame["priceDecimals"], frame["sizeDecimals"], frame["tick"]) == (2, 5, 0.01)
        assert (frame["stale"], frame["tsEvent"]) == (0, NOON / 1e6)

    def test_the_unknown_is_nan(self):
        frame = unpack(pack_ladder(LadderState(), Scale()))
        assert all(isnan(frame[name]) for name in ("last", "changePercent", "volume", "tick", "tradePrice"))
        assert frame["bids"] == frame["asks"] == []

    def test_depth_is_what_was_asked_for(self):
        state = read_ladder(Market({"BTC-USD": bitcoin()}), "BTC-USD", depth=1)
        assert (len(state.bids), len(state.asks)) == (1, 1)

    def test_a_stale_book_says_so(self):
        book = bitcoin()
        book.stale = True
        assert read_ladder(Market({"BTC-USD": book}), "BTC-USD", 10).stale

    def test_without_a_book_the_quote_is_shown(self):
        state = read_ladder(Market(quotes={"BTC-USD": quote("BTC-USD", ask=0.0, ask_size=0.0)}), "BTC-USD", 10)
        assert (state.bids, state.asks) == ([(61737.63, 0.00123, 0)], [])

    def test_a_given_tick_is_used(self):
        ladder = Ladder(Market({"BTC-USD": bitcoin()}), "BTC-USD", tick=0.005)
        frame = unpack(ladder.frame)
        ladder.close()
        assert (frame["tick"], frame["priceDecimals"]) == (0.005, 3)

    def test_what_is_too_far_away_for_the_frame_is_left_out(self):
        scale = Scale(1e-8)
        frame = unpack(pack_ladder(LadderState(bids=[(60_000.0, 1.0, 1), (1.0, 1.0, 1)]), scale))
        assert len(frame["bids"]) == 1

    def test_a_frame_of_a_usual_book_is_small(self):
        levels = (
            [(100 - step / 100, 1.0, 1) for step in range(10)],
            [(100.01 + step / 100, 1.0, 1) for step in range(10)],
        )
        traded = [Traded(9_990 + step, 1.0, 1.0) for step in range(21)]
        scale = Scale(0.01)
        assert len(pack_ladder(LadderState(*levels, traded=traded), scale)) < 800


class TestTradedVolume:
    @pytest.fixture
    def market(self) -> Market:
        return Market({"BTC-USD": bitcoin()}, {"BTC-USD": quote("BTC-USD")})

    def send(self, market: Market, *trades: tuple[float, float, str]) -> None:
        at = NOON / 1e6
        printed = [Trade(price=price, size=size, timestamp=at, side=side) for price, size, side in trades]
        market.send(MarketData(timestamp=at, symbols=[quote("BTC-USD", trades=printed)]))

    def test_is_in_the_frame(self, market):
        view = LadderView(market, "BTC-USD")
        self.send(market, (61737.64, 0.5, "BUY"), (61737.63, 0.25, "SELL"), (61737.64, 1.0, "BUY"))
        frame = unpack(view.snapshot())
        assert frame["traded"] == [(6173763, 0.25, 0.0), (6173764, 0.0, 1.5)]
        assert (frame["tradeNumber"], frame["everyTrade"]) == (3, 1)

    def test_follows_the_group(self, market):
        view = LadderView(market, "BTC-USD")
        self.send(market, (61737.64, 0.5, "BUY"), (61737.63, 0.25, "SELL"))
        view.set({"group": 10})
        frame = unpack(view.snapshot())
        assert frame["group"] == 10
        assert frame["traded"] == [(617376, 0.25, 0.0), (617377, 0.0, 0.5)]

    def test_far_away_it_is_told_when_the_page_asks(self, market):
        view = LadderView(market, "BTC-USD", depth=2)
        self.send(market, (61700.00, 0.5, "SELL"), (61737.64, 0.5, "BUY"))
        assert [row[0] for row in unpack(view.snapshot())["traded"]] == [6173764]
        content, buffers = view.receive({"traded": True}, [])
        assert content == {"traded": True}
        assert struct.unpack("<3d", buffers[0][:24]) == (0, 1, 6170000)
        assert list(TRADED.iter_unpack(buffers[0][24:])) == [(0, 0.5, 0.0), (3764, 0.0, 0.5)]

    def test_before_the_first_book_there_is_none(self, market):
        view = LadderView(market, "ETH-USD")
        assert view.kept() == b""


class TestOwnOrders:
    def test_are_in_the_frame(self):
        market = Market({"BTC-USD": bitcoin()})
        market.trading.open_orders = [
            Order("BTC-USD", Side.BUY, 61737.60, 2.0, status=OrderStatus.PARTIALLY_FILLED),
            Order("ETH-USD", Side.BUY, 61737.60),
            Order("BTC-USD", Side.SELL, None, stop_price=61700.0, order_type=OrderType.STOP),
            Order("BTC-USD", Side.BUY, None, order_type=OrderType.MARKET),
        ]
        ladder = Ladder(market, "BTC-USD")
        orders = unpack(ladder.frame)["orders"]
        ladder.close()
        assert [order[:6] for order in orders] == [(1, 6173760, 1, 2, 0, 2.0), (2, 6170000, -1, 0, 1, 1.0)]
        assert all(isnan(order[6]) for order in orders)

    def test_have_their_estimated_place_in_the_queue(self):
        market = Market({"BTC-USD": bitcoin()})
        view = LadderView(market, "BTC-USD", trading=True)
        view.snapshot()
        order = Order("BTC-USD", Side.BUY, 61737.60, 0.5, order_id="7", status=OrderStatus.NEW)
        at = NOON / 1e6
        market.send(MarketData(timestamp=at, symbols=[quote("BTC-USD", timestamp=at)]))
        market.trading.open_orders = [order]
        buys = market.books["BTC-USD"].buys
        buys[1] = (61737.60, 2.0, 8)  # 1.5 of others, and the order
        market.send(MarketData(timestamp=at + 1, symbols=[quote("BTC-USD", timestamp=at + 1)]))
        assert [own[6] for own in unpack(view.snapshot())["orders"]] == [1.5]
        buys[1] = (61737.60, 1.25, 7)  # half of the others have gone
        market.send(MarketData(timestamp=at + 2, symbols=[quote("BTC-USD", timestamp=at + 2)]))
        assert [own[6] for own in unpack(view.snapshot())["orders"]] == [0.75]

    def test_keep_their_keys_and_only_so_many(self):
        orders = OwnOrders(Market().trading)
        first = Order("X", Side.BUY, 1.0)
        assert orders.key(first) == orders.key(first) == 1
        for _ in range(KEYS):
            orders.key(Order("X", Side.BUY, 1.0))
        with pytest.raises(ValueError, match="not known any more"):
            orders.find(1)


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value"), [("group", 0), ("group", 1.5), ("group", 10**7), ("size", 0), ("size", float("inf"))]
    )
    def test_values_out_of_range_are_refused(self, name, value):
        with pytest.raises(ValueError, match=name):
            LadderView(Market(), "X", **{name: value})

    def test_python_changes_them(self):
        ladder = Ladder(Market({"BTC-USD": bitcoin()}), "BTC-USD")
        ladder.group, ladder.size, ladder.depth = 5, 0.5, 20
        assert (ladder.group, ladder.size, ladder.depth) == (5, 0.5, 20)
        ladder.close()


class TestPicture:
    def test_numbers_and_order(self):
        svg = ladder_svg(
            "BTC-USD",
            bitcoin().buys,
            bitcoin().sells,
            last=61737.64,
            change_percent=-1.25,
            trade=(61737.64, 0.00456, "BUY"),
            ts_event=NOON + 123_000_000,
            depth=3,
        )
        words = texts(svg)
        prices = [word for word in words if word.startswith("61,73")]
        assert prices[1:] == [f"61,737.{cents}" for cents in range(67, 60, -1)]  # every tick, after the last price
        assert "spread 0.01 · 1 tick · 0.0016 bps" in words
        assert {"-1.25 %", "▲0.00456", "12:00:00.123 UTC", "0.25000", "0.00123"} <= set(words)

    def test_traded_volume_and_own_orders(self):
        orders = [OwnOrder(1, 61737.60, 1, OrderStatus.NEW, 7.0), OwnOrder(2, 61737.60, 1, OrderStatus.NEW, 2.0)]
        svg = ladder_svg(
            "BTC-USD", bitcoin().buys, bitcoin().sells, depth=5, traded=[Traded(6173763, 3.25, 4.5)], orders=orders
        )
        assert {"sold", "bought", "3.25000", "4.50000", "9.00000"} <= set(texts(svg))

    def test_price_steps(self):
        svg = ladder_svg("X", [(10.09, 1.0, 1), (10.01, 2.0, 1)], [(10.12, 5.0, 1)], group=10, depth=2)
        words = texts(svg)
        assert [word for word in words if word.startswith(("9.", "10."))] == [
            "10.30",
            "10.20",
            "10.10",
            "10.00",
            "9.90",
        ]
        assert {"3", "5"} <= set(words)

    def test_the_longest_bar_is_notched_and_does_not_hide_the_others(self):
        sizes = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 100.0]
        bids = [(100.0 - step, size, 1) for step, size in enumerate(sizes)]
        notched = ElementTree.fromstring(ladder_svg("X", bids, [])).findall(f".//{SVG}path")
        assert len(notched) == 2  # one bar, in two parts
        assert not ElementTree.fromstring(ladder_svg("X", bids[:-1], [])).findall(f".//{SVG}path")

    def test_a_hostile_symbol_stays_text(self):
        svg = ladder_svg('<script>"&\x00', [(1.0, 2.0, 3)], [])
        assert texts(svg)[0] == '<script>"&\ufffd'

    @pytest.mark.parametrize(
        ("bids", "asks", "word"),
        [
            ([], [], "no book yet"),
            ([(1.0, 1.0, 1)], [], "one-sided"),
            ([(0.0, 0.0, 0)], [(0.0, 0.0, 0)], "spread 0.00"),
        ],
    )
    def test_books_that_lack_something(self, bids, asks, word):
        assert any(text.startswith(word) for text in texts(ladder_svg("X", bids, asks)))

    def test_the_note_is_shown(self):
        assert "STALE" in texts(ladder_svg("X", [], [], note="STALE"))

    def test_it_is_small_enough_for_a_notebook(self):
        bids = [(100.0 - step, 123.0, 4) for step in range(10)]
        asks = [(101.0 + step, 123.0, 4) for step in range(10)]
        traded = [Traded(90 + step, 5.0, 6.0) for step in range(21)]
        assert len(ladder_svg("X", bids, asks, depth=10, traded=traded)) < 24_000
