"""Orders that a page asks for, through the widget's own messages; the exchange is in tests/browser/test_ladder.py."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from hftlab.errors import NetworkError
from hftlab.protocol.enums import OrderStatus, Side
from hftlab.widgets import Ladder
from hftlab.widgets.core.freshness import MAX_AGE
from hftlab.widgets.core.jupyter_kernel import JupyterKernel
from tests.widgets.conftest import StillLoop
from tests.widgets.ladder.account import Account, Order
from tests.widgets.market import Market, bitcoin

WAIT = 5.0


class Clock:
    """Both clocks of the kernel."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def market(account) -> Market:
    return Market({"BTC-USD": bitcoin(), "X": bitcoin()}, trading=account)


@pytest.fixture
def ladder(market, clock):
    ladder = Ladder(market, "BTC-USD", trading=True, size=2, refresh_loop=StillLoop(JupyterKernel(), timer=clock))
    yield ladder
    ladder.close()


@pytest.fixture
def answers(ladder, monkeypatch) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    monkeypatch.setattr(ladder, "send", lambda content, buffers=None: answers.append(content))
    return answers


def stamp(ladder: Ladder, clock: Clock) -> dict[str, float]:
    """A page's stamp that it makes now, having heard the newest pulse at once."""
    return {"pulse": ladder.pulse["count"], "since": 0.0, "at": clock.now * 1000}


BUY = {"symbol": "BTC-USD", "side": "BUY", "price": 61737.6, "size": 2}


def ask(ladder: Ladder, stamp: Any, **changes: Any) -> None:
    content = {"panel": "", "from": "page", "token": "t1", "place": BUY, "stamp": stamp}
    ladder._handle_custom_msg({**content, **changes}, [])


class TestPlacing:
    def test_a_click_is_an_order(self, ladder, clock, account, answers):
        ask(ladder, stamp(ladder, clock))
        assert account.asked == [(Side.BUY, "BTC-USD", 2.0, 61737.6)]
        assert answers == [{"panel": "", "to": "page", "placed": 1, "token": "t1"}]

    def test_an_old_click_is_refused(self, ladder, clock, account, answers):
        """The kernel was busy: the message waited, and the pulses went on meanwhile."""
        old = stamp(ladder, clock)
        clock.now += MAX_AGE + 0.1
        ladder.tick(clock.now, busy=True)
        ask(ladder, old)
        assert account.asked == []
        assert answers[0]["token"] == "t1"
        assert answers[0]["refused"].startswith("the order was not sent: the kernel heard of it after 2.1 s")

    def test_a_click_that_waited_less_is_taken(self, ladder, clock, account, answers):
        made = stamp(ladder, clock)
        clock.now += MAX_AGE - 0.1
        ask(ladder, made)
        assert len(account.asked) == 1

    @pytest.mark.parametrize("wrong", [None, {}, {"pulse": 10**6, "since": 0.0, "at": 0.0}, "now", {"pulse": 1}])
    def test_a_click_without_a_known_age_is_refused(self, ladder, account, answers, wrong):
        ask(ladder, wrong)
        assert account.asked == []
        assert "too late" in answers[0]["refused"]

    def test_a_message_without_a_stamp_is_refused(self, ladder, account, answers):
        ladder._handle_custom_msg({"panel": "", "place": BUY, "token": "t1", "age": 0.0}, [])
        assert account.asked == []
        assert "refused" in answers[0]

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"symbol": "X"}, "it was for X, and BTC-USD is shown"),
            ({"side": "HOLD"}, "side must be BUY or SELL"),
            ({"size": 0}, "size must be above 0"),
            ({"size": float("nan")}, "size must be a number"),
            ({"price": "61737"}, "price must be a number"),
            ({"price": True}, "price must be a number"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, ladder, clock, account, answers, change, word):
        ask(ladder, stamp(ladder, clock), place={**BUY, **change})
        assert account.asked == []
        assert word in answers[0]["refused"]

    def test_an_order_is_an_object(self, ladder, clock, account, answers):
        ask(ladder, stamp(ladder, clock), place="BUY")
        assert "an order is an object" in answers[0]["refused"]

    def test_what_cannot_be_sent_is_said(self, ladder, clock, account, answers):
        account.failure = NetworkError("no connection")
        ask(ladder, stamp(ladder, clock))
        assert answers[0]["refused"] == "no connection"

    def test_a_refusal_of_the_venue_is_said_once(self, ladder, clock, account, answers):
        ask(ladder, stamp(ladder, clock))
        ladder.snapshot()
        order = account.open_orders.pop()
        order.set(status=OrderStatus.REJECTED, reason="the price is outside the band")
        ladder.snapshot()
        ladder.snapshot()
        assert answers[1:] == [{"panel": "", "refused": "the price is outside the band"}]


class TestTradingIsOff:
    @pytest.fixture
    def ladder(self, market, clock):
        ladder = Ladder(market, "BTC-USD", refresh_loop=StillLoop(JupyterKernel(), timer=clock))
        yield ladder
        ladder.close()

    def test_no_order_is_placed(self, ladder, clock, account, answers):
        ask(ladder, stamp(ladder, clock))
        assert account.asked == []
        assert "trading is off" in answers[0]["refused"]

    def test_no_order_is_cancelled(self, ladder, clock, account, answers):
        account.open_orders.append(Order("BTC-USD", Side.BUY, 61737.6))
        ladder.snapshot()
        ladder._handle_custom_msg({"panel": "", "cancel": 1, "stamp": stamp(ladder, clock)}, [])
        assert account.cancelled == []
        assert "trading is off" in answers[0]["refused"]

    def test_a_page_cannot_turn_it_on(self, ladder, clock, account, answers):
        ladder._handle_custom_msg({"panel": "", "set": {"trading": True}}, [])
        assert "where the ladder is made" in answers[0]["refused"]
        assert ladder.settings["trading"] is False


class TestCancelling:
    def test_a_cancellation_does_not_wait(self, ladder, clock, account, answers):
        account.open_orders.append(Order("BTC-USD", Side.SELL, 61738.1))
        ladder.snapshot()
        ladder._handle_custom_msg({"panel": "", "cancel": 1, "stamp": stamp(ladder, clock)}, [])
        assert account.done.wait(WAIT)
        assert account.cancelled == ["one"]

    def test_a_late_one_is_done_all_the_same(self, ladder, clock, account, answers):
        account.open_orders.append(Order("BTC-USD", Side.SELL, 61738.1))
        ladder.snapshot()
        ladder._handle_custom_msg({"panel": "", "cancel": 1}, [])
        assert account.done.wait(WAIT)

    @pytest.mark.parametrize("key", [7, "1", None])
    def test_an_unknown_order_is_refused(self, ladder, clock, account, answers, key):
        ladder._handle_custom_msg({"panel": "", "cancel": key}, [])
        assert answers[0]["refused"] == "this order is not known any more"

    def test_its_failure_is_said(self, ladder, clock, account, monkeypatch, caplog):
        said = threading.Event()
        monkeypatch.setattr(ladder, "send", lambda content, _=None: said.set() if "refused" in content else None)
        account.failure = NetworkError("no connection")
        account.open_orders.append(Order("BTC-USD", Side.SELL, 61738.1))
        ladder.snapshot()
        ladder._handle_custom_msg({"panel": "", "cancel": 1}, [])
        assert said.wait(WAIT)
