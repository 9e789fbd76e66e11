"""Orders, fills and positions of an account, from what is sent and what comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import OrderStatus, OrderUpdate, PositionUpdate, UpdateType
from hftlab.protocol.messages import Message
from hftlab.trading import blotter as module
from hftlab.trading.blotter import Blotter
from tests.trading.updates import (
    fill,
    new_order,
    order_update,
    portfolio,
    position,
    signed_in,
    snapshot,
    welcome,
)


def connected(*messages: Message, session: str = "s1") -> Blotter:
    blotter = Blotter()
    take(blotter, welcome(session), signed_in(), portfolio(), *messages)
    return blotter


def take(blotter: Blotter, *messages: Message) -> list[str]:
    """Receive messages; returns the ids of the orders that each has changed."""
    return [order.record.client_order_id for message in messages for order in blotter.receive(message)]


def states(blotter: Blotter) -> dict[str, str]:
    return {order.record.client_order_id: str(order.record.status) for order in blotter.orders}


class TestOrders:
    def test_an_order_goes_from_its_request_to_its_end(self) -> None:
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        assert states(blotter) == {"a": "PENDING_NEW"}
        assert blotter.acknowledge(order) == [order]
        assert blotter.acknowledge(order) == []
        assert take(blotter, order_update("a", sequence=1)) == ["a"]
        assert states(blotter) == {"a": "NEW"}
        assert take(blotter, fill("a", 2, 4.0, 4.0, 0.1), fill("a", 3, 10.0, 6.0, 0.3)) == ["a", "a"]
        assert blotter.orders == [order]
        assert blotter.open_orders == []
        assert (order.record.status, order.record.created) == ("FILLED", 5)
        assert [(one.quantity, one.commission) for one in blotter.fills] == [(4.0, 0.1), (6.0, 0.2)]

    def test_an_update_may_overtake_the_acknowledgement(self) -> None:
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        take(blotter, order_update("a", sequence=1, status=OrderStatus.REJECTED, kind=UpdateType.REJECT))
        assert order.record.is_acknowledged
        assert blotter.acknowledge(order) == []
        assert order.record.status == "REJECTED"

    def test_orders_of_other_clients_appear_too(self) -> None:
        blotter = connected(order_update("theirs", sequence=1))
        assert states(blotter) == {"theirs": "NEW"}

    def test_the_same_order_again_is_the_same(self) -> None:
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        assert blotter.track(new_order("a"), 6) is order

    def test_an_error_rejects_what_the_server_has_not_spoken_of(self) -> None:
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        assert blotter.refuse(order, "no such field", 6) == [order]
        assert (order.record.status, order.record.reason) == ("REJECTED", "no such field")
        known = blotter.track(new_order("b"), 5)
        take(blotter, order_update("b", sequence=1))
        assert blotter.refuse(known, "used with other terms", 6) == []
        assert known.record.status == "NEW"

    def test_an_order_that_was_refused_unsent_may_be_sent_again(self) -> None:
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        blotter.refuse(order, "the server has asked for a pause", 6)
        assert blotter.track(new_order("a"), 7) is order
        assert (order.record.status, order.record.reason, blotter.open_orders) == ("PENDING_NEW", None, [order])
        take(blotter, order_update("a", sequence=1, status=OrderStatus.REJECTED, kind=UpdateType.REJECT))
        assert blotter.track(new_order("a"), 8).record.status == "REJECTED"

    def test_what_is_older_than_what_is_known_undoes_nothing(self) -> None:
        blotter = connected(order_update("a", sequence=1), fill("a", 2, 10.0, 10.0, 0.1))
        assert take(blotter, order_update("a", sequence=1), fill("a", 2, 10.0, 10.0, 0.1)) == []
        assert states(blotter) == {"a": "FILLED"}
        assert len(blotter.fills) == 1


class TestReplacing:
    def test_a_replaced_order_is_found_by_all_its_ids(self) -> None:
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        take(blotter, order_update("a", sequence=1, number="1"))
        blotter.replace(order, "b")
        take(blotter, order_update("b", sequence=2, number="1", kind=UpdateType.REPLACE, price=99.0))
        assert blotter.find("a") is blotter.find("b") is order
        assert (order.record.client_order_id, order.record.price) == ("b", 99.0)
        assert blotter.orders == [order]

    def test_a_refused_replacement_leaves_the_order(self) -> None:
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        blotter.replace(order, "b")
        refused = order_update("a", sequence=2, kind=UpdateType.REJECT, reason="the price is outside of the limits")
        take(blotter, order_update("a", sequence=1), refused)
        assert (order.record.status, order.record.client_order_id) == ("NEW", "a")
        assert order.record.reason == "the price is outside of the limits"
        blotter.keep("b")
        assert blotter.track(new_order("b"), 6) is not order

    def test_a_replacement_is_known_whose_order_has_had_no_update(self) -> None:
        """The updates before it are lost, and the snapshot has the new id only."""
        blotter = connected()
        order = blotter.track(new_order("a"), 5)
        blotter.replace(order, "b")
        take(blotter, snapshot(order_update("b", number="1")))
        assert blotter.orders == [order]

    def test_an_order_that_is_replaced_for_ever_keeps_its_newest_ids(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_NAMES", 3)
        blotter = connected(order_update("0", sequence=1, number="1"))
        for number in range(1, 5):
            take(blotter, order_update(str(number), sequence=number + 1, number="1", kind=UpdateType.REPLACE))
        assert [blotter.find(str(number)) is not None for number in range(5)] == [False, False, True, True, True]


class TestReconnection:
    def test_what_the_server_does_not_mention_has_expired(self) -> None:
        blotter = connected()
        for name in ("kept", "lost", "unsent"):
            order = blotter.track(new_order(name), 5)
            if name != "unsent":
                blotter.acknowledge(order)
        take(blotter, order_update("kept", sequence=1), order_update("done", sequence=2), position(3.0, sequence=3))
        take(blotter, welcome("s2"), signed_in())
        assert take(blotter, snapshot(order_update("kept", number="9")), position(1.0, symbol="MSFT")) == ["kept"]
        assert take(blotter, portfolio(5.0)) == ["lost", "done"]
        assert states(blotter) == {"kept": "NEW", "lost": "EXPIRED", "unsent": "PENDING_NEW", "done": "EXPIRED"}
        lost = blotter.find("lost")
        assert lost is not None
        assert "does not know this order any more: another exchange runs there" in (lost.record.reason or "")
        assert list(blotter.positions) == ["MSFT"]
        assert blotter.portfolio is not None
        assert blotter.portfolio.cash == 5.0

    def test_what_the_same_server_has_forgotten_is_said_otherwise(self) -> None:
        blotter = connected(order_update("a", sequence=1))
        assert take(blotter, welcome(), signed_in(), portfolio()) == ["a"]
        order = blotter.find("a")
        assert order is not None
        assert "more orders have ended than it keeps" in (order.record.reason or "")

    def test_messages_that_were_missed_mention_an_order_as_well(self) -> None:
        blotter = connected(order_update("a", sequence=1))
        canceled = order_update("a", sequence=2, status=OrderStatus.CANCELED, kind=UpdateType.CANCEL)
        assert take(blotter, welcome(), signed_in(), canceled, portfolio(), portfolio()) == ["a"]
        assert states(blotter) == {"a": "CANCELED"}

    def test_prices_that_move_and_a_renewed_token_expire_nothing(self) -> None:
        blotter = connected(order_update("a", sequence=1), position(3.0, sequence=2))
        assert take(blotter, position(3.0), portfolio(), signed_in(), portfolio()) == []
        assert states(blotter) == {"a": "NEW"}
        assert list(blotter.positions) == ["AAPL"]

    def test_a_server_without_snapshots_expires_nothing(self) -> None:
        blotter = connected(order_update("a", sequence=1))
        assert take(blotter, welcome(), signed_in(), portfolio(sequence=2)) == []
        assert states(blotter) == {"a": "NEW"}

    def test_a_flat_position_stays_while_the_server_does(self) -> None:
        """A server need not tell of positions that are closed; their profit is known from before."""
        blotter = connected(position(0.0, sequence=1))
        take(blotter, welcome(), signed_in(), portfolio())
        assert list(blotter.positions) == ["AAPL"]
        take(blotter, welcome("s2"), signed_in(), portfolio())
        assert list(blotter.positions) == []

    def test_another_server_counts_from_the_beginning(self) -> None:
        """Its sequences and order ids have been used before, and those of ended orders are free again."""
        blotter = connected()
        first = blotter.track(new_order("a"), 5)
        take(blotter, order_update("a", sequence=1, number="1"), fill("a", 2, 10.0, 10.0, 0.1, order_id="1"))
        take(blotter, welcome("s2"), signed_in(), portfolio())
        second = blotter.track(new_order("a"), 6)
        assert second is not first
        take(blotter, order_update("a", sequence=1, number="1"))
        assert (first.record.status, second.record.status) == ("FILLED", "NEW")
        take(blotter, order_update("c", sequence=2, number="2"))
        assert len(blotter.orders) == 3

    def test_an_order_of_another_server_is_not_one_that_has_expired_with_its_id(self) -> None:
        """Its ids begin anew as well, so that an open order of before and a new one have the same."""
        blotter = connected(order_update("a", sequence=1, number="ORD_1"))
        assert take(blotter, welcome("s2"), signed_in(), portfolio()) == ["a"]
        take(blotter, order_update("b", sequence=1, number="ORD_1"), fill("b", 2, 10.0, 10.0, 0.1, order_id="ORD_1"))
        assert states(blotter) == {"a": "EXPIRED", "b": "FILLED"}

    def test_another_account_begins_with_nothing(self) -> None:
        blotter = connected(order_update("a", sequence=7), position(3.0, sequence=8))
        take(blotter, welcome(), signed_in("bob"))
        assert blotter.account == "bob"
        assert (blotter.orders, blotter.positions, blotter.fills, blotter.portfolio) == ([], {}, [], None)
        take(blotter, order_update("b", sequence=1))
        assert states(blotter) == {"b": "NEW"}


class TestBounds:
    def test_the_newest_finished_orders_and_all_open_ones_are_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_FINISHED", 3)
        blotter = connected(order_update("open", sequence=1))
        for number in range(5):
            take(blotter, fill(str(number), 2 + number, 10.0, 10.0, 0.1))
        assert list(states(blotter)) == ["open", "2", "3", "4"]
        assert blotter.find("1") is None
        take(blotter, order_update("1", sequence=9, number="another"))
        assert states(blotter)["1"] == "NEW"


RECORDED: list[Message] = [
    order_update("a", sequence=1, number="1"),
    order_update("b", sequence=2, number="2"),
    fill("a", 3, 4.0, 4.0, 0.1, order_id="1"),
    position(4.0, sequence=4),
    portfolio(600.0, sequence=5),
    order_update("c", sequence=6, number="2", kind=UpdateType.REPLACE, price=99.0),
    fill("a", 7, 10.0, 6.0, 0.3, order_id="1"),
    position(10.0, sequence=8),
    portfolio(0.0, sequence=9),
    order_update("d", sequence=10, number="3", status=OrderStatus.REJECTED, kind=UpdateType.REJECT, reason="no cash"),
    order_update("c", sequence=11, number="2", status=OrderStatus.CANCELED, kind=UpdateType.CANCEL),
]


def snapshot_after(messages: Sequence[Message]) -> list[Message]:
    """What a server tells of the account's state after these messages."""
    orders: dict[str, OrderUpdate] = {}
    positions: dict[str, PositionUpdate] = {}
    last: Any = portfolio(1000.0)
    for message in messages:
        match message:
            case OrderUpdate():
                orders[message.order_id] = message
            case PositionUpdate():
                positions[message.symbol] = message
            case _:
                last = message
    is_open = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
    told = [snapshot(one) for one in orders.values() if one.status in is_open]
    held = [msgspec.structs.replace(one, sequence=None, snapshot=True) for one in positions.values()]
    return [*told, *held, msgspec.structs.replace(last, sequence=None, snapshot=True)]


def content(blotter: Blotter) -> tuple[Any, ...]:
    """All that it knows, whether it was told as an event or as a state."""
    held = {name: (one.quantity, one.market_value) for name, one in blotter.positions.items()}
    cash = None if blotter.portfolio is None else blotter.portfolio.cash
    return [order.record for order in blotter.orders], blotter.fills, held, cash


@given(st.data())
def test_duplicates_and_resumptions_change_nothing(data: st.DataObject) -> None:
    """However often the connection is lost, and whatever comes again, the blotter is that of one connection."""
    undisturbed = connected(*RECORDED)
    blotter = connected()
    done = 0
    while done < len(RECORDED):
        match data.draw(st.sampled_from(["next", "next", "again", "reconnect"])):
            case "next":
                blotter.receive(RECORDED[done])
                done += 1
            case "again":
                for place in data.draw(st.lists(st.integers(0, done), max_size=3)):
                    take(blotter, *RECORDED[place:done])
            case "reconnect":
                first = data.draw(st.integers(0, done))
                missed = data.draw(st.integers(done, len(RECORDED)))
                take(blotter, welcome(), signed_in(), *RECORDED[first:missed], *snapshot_after(RECORDED[:missed]))
                done = missed
    assert content(blotter) == content(undisturbed)
    assert [blotter.find(name) is not None for name in "abcde"] == [True, True, True, True, False]
