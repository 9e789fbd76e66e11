from __future__ import annotations

import json
import time
from xml.etree import ElementTree

import pytest

from hftlab.protocol.enums import OrderStatus, Side
from hftlab.protocol.messages import ReplayState, ReplayStatus
from hftlab.widgets import Blotter
from hftlab.widgets.blotter.frame import MOST, BlotterState, pack_blotter, read_blotter
from hftlab.widgets.blotter.picture import blotter_svg
from hftlab.widgets.blotter.view import BlotterView
from tests.widgets.account import Account, Trader, fill, order, portfolio, position
from tests.widgets.market import NOON


def names(state: BlotterState) -> list[str]:
    return [record.client_order_id for record in state.orders]


class TestFrame:
    def test_what_is_packed(self):
        rejected = order(2, status=OrderStatus.REJECTED, reason="no", price=None, stop_price=3.5, side=Side.SELL)
        account = Account([order(1), rejected], [fill(1)], {"AAPL": position()}, portfolio())
        view = BlotterView(Trader(trading=account))
        frame = json.loads(view.snapshot())
        second = NOON / 1e6 + 2000
        assert frame["orders"][0][:6] == ["order-2", second, "AAPL", "SELL", "LIMIT", None]
        assert frame["orders"][0][6:] == [3.5, 100.0, 0.0, None, "REJECTED", "no", None, True]
        assert frame["orders"][1][-1] is False
        assert frame["fills"] == [["order-1", NOON / 1e6 + 1000, "AAPL", "BUY", 175.25, 40.0, 0.12]]
        assert frame["positions"][0][:5] == ["AAPL", 100.0, 175.2534, 176.0, 17600.0]
        assert frame["portfolio"][0::7] == [1_000_062.16, "USD"]
        assert (frame["counts"], frame["decimals"]) == ([2, 1, 1], {"AAPL": 2})

    def test_an_account_without_anything(self):
        frame = json.loads(pack_blotter(BlotterState(), {}))
        assert (frame["orders"], frame["fills"], frame["positions"], frame["portfolio"]) == ([], [], [], None)

    def test_the_newest_come_first_and_are_bounded(self):
        account = Account([order(number) for number in range(300)], [fill(number) for number in range(300)])
        state = read_blotter(account)
        assert names(state) == [f"order-{number}" for number in range(299, 299 - MOST, -1)]
        assert [each.order_id for each in state.fills[:2]] == ["299", "298"]
        assert (len(state.fills), state.order_count, state.open_count, state.fill_count) == (MOST, 300, 300, 300)

    def test_an_old_open_order_is_shown_before_newer_ones_that_are_over(self):
        over = [order(number, status=OrderStatus.FILLED) for number in range(1, 300)]
        state = read_blotter(Account([order(0), *over]))
        assert len(state.orders) == MOST
        assert names(state)[-1] == "order-0"
        assert names(state)[0] == "order-299"

    def test_a_hundred_rows_fit_the_traffic(self):
        """Four frames a second of it are within a quarter of what a dashboard may send."""
        account = Account([order(number) for number in range(100)], [fill(number) for number in range(100)])
        assert len(BlotterView(Trader(trading=account)).snapshot()) < 25_000


class TestView:
    def test_an_order_is_cancelled_however_late(self):
        client = Trader(trading=Account([order(1)]))
        view = BlotterView(client)
        assert view.receive({"cancel": "order-1", "number": 3, "age": 60.0}, []) == ({"heard": 3}, [])
        assert view._commands.wait(10)
        assert client.trading.calls == [("cancel", "order-1")]

    def test_all_are_cancelled_only_at_once(self):
        client = Trader(trading=Account([order(1)]))
        view = BlotterView(client)
        with pytest.raises(ValueError, match=r"were not cancelled: the kernel heard of it after 2\.1 s"):
            view.receive({"cancel_all": True, "age": 2.1}, [])
        view.receive({"cancel_all": True, "age": 0.4}, [])
        assert view._commands.wait(10)
        assert client.trading.calls == ["cancel all"]

    def test_a_refusal_is_told(self):
        client = Trader(trading=Account([order(1)], refuses="the order is not known"))
        view = BlotterView(client)
        view.receive({"cancel": "order-1"}, [])
        assert view._commands.wait(10)
        view.snapshot()
        assert view.settings["refused"] == {"count": 1, "text": "the order is not known"}

    def test_the_page_changes_nothing_else(self):
        view = BlotterView(Trader())
        assert view.receive({"cancel": 7}, []) is None
        with pytest.raises(ValueError, match="refused is not changed"):
            view.set({"refused": {}})
        view.set({"symbol": "MSFT"})  # of a linked view
        assert (view.notice(), view.ages) == ("", False)


def test_the_widget(still_loop):
    blotter = Blotter(Trader(trading=Account([order(1)])), refresh_loop=still_loop)
    assert (repr(blotter), blotter.error) == ("Blotter()", "")
    assert json.loads(blotter.frame)["counts"] == [1, 1, 0]
    blotter.close()


def test_the_age_of_a_click_is_the_kernels(still_loop):
    client = Trader(trading=Account([order(1)]))
    blotter = Blotter(client, refresh_loop=still_loop)

    def click(seconds: float) -> None:
        stamp = {"pulse": blotter.pulse["count"], "since": 0.0, "at": 1000 * (time.time() - seconds)}
        blotter._handle_custom_msg({"panel": "", "from": "page", "cancel_all": True, "stamp": stamp}, [])
        assert blotter.views[""]._commands.wait(10)

    click(60)
    assert client.trading.calls == []
    click(0)
    assert client.trading.calls == ["cancel all"]
    blotter.close()


class TestPicture:
    def words(self, account: Account) -> list[str]:
        svg = BlotterView(Trader(trading=account)).picture().svg
        return [element.text or "" for element in ElementTree.fromstring(svg).iter()]

    def test_positions_and_orders(self):
        refused = order(
            2, status=OrderStatus.REJECTED, reason="buying power: the order needs more than there is, by far"
        )
        words = self.words(Account([order(1), refused], [fill()], {"AAPL": position()}, portfolio()))
        assert {"AAPL", "175.25", "buy", "new", "0 / 100", "+74.66", "-12.50", "12:00:01.000"} <= set(words)
        assert any(word.startswith("rejected: buying power") and word.endswith("\u2026") for word in words)
        assert any("value 1,000,062.16 USD" in word for word in words)

    def test_nothing_yet(self):
        assert {"no portfolio yet", "no positions", "no orders yet"} <= set(self.words(Account()))

    def test_many_orders_are_bounded(self):
        svg = blotter_svg(read_blotter(Account([order(number) for number in range(100)])), {})
        assert svg.count("0 / 100") == 12


def test_it_says_that_the_fills_of_a_replay_are_modelled(still_loop):
    trader = Trader(trading=Account([order(1)]))
    said = "paper: fills are modelled"
    blotter = Blotter(trader, refresh_loop=still_loop)
    assert not blotter.paper
    assert said not in blotter.picture().svg
    trader.replay.status = ReplayStatus(timestamp=1.0, state=ReplayState.PAUSED, position=0.0, end=9.0, order_time=NOON)
    blotter.to_html()
    assert blotter.paper
    assert said in blotter.picture().svg
    blotter.close()
