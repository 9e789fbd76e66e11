"""Order entry on a quiet market: three market makers' quotes, and nobody else who acts."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.protocol.enums import OrderType, SelfTradePrevention, Side, TimeInForce, UpdateType
from hftlab.simulator.listings import find_listing
from hftlab.simulator.order_entry import OrderEntry
from hftlab.simulator.order_flow import OrderFlow
from hftlab.simulator.profile import profile_of
from hftlab.trading.venue import (
    Cancel,
    Liquidity,
    MarketPhase,
    New,
    OrderTerms,
    Replace,
    RequestKind,
    VenueRequest,
    VenueUpdate,
)

START = 1_767_364_200_000_000_000
UNIT = 10**9
CENT = UNIT // 100
AAPL = find_listing("AAPL")
BUY, SELL = Side.BUY, Side.SELL


class Quiet:
    """Order entry of a market of three quotes a side at different prices, and short words for requests."""

    def __init__(self, latency: int = 0) -> None:
        profile = profile_of(AAPL)._replace(spread=5.0, limits=0.0, market=1e-9, informed=0.0, makers=1e-6)
        flow = OrderFlow([AAPL], [profile], 7, START, self_exciting=False)
        self.entry = OrderEntry(flow, [AAPL], latency, START)
        self.book = flow.engine["AAPL"]
        for _ in self.entry.run(START):
            pass
        bid, ask = self.book.best()
        assert bid is not None and ask is not None
        self.bid, self.ask = round(bid[0] * 100) * CENT, round(ask[0] * 100) * CENT
        self.shown = int(ask[1])
        self.at = START

    def send(self, account: str, request: VenueRequest) -> list[VenueUpdate]:
        self.at += 1000
        self.entry.submit(account, request, self.at)
        return self.entry.take_updates()

    def new(
        self, account: str, order_id: str, side: Side, lots: int, price: int | None = None, **terms: Any
    ) -> list[Any]:
        kind = terms.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT)
        wanted = OrderTerms(symbol="AAPL", side=side, type=kind, quantity=lots * UNIT, price=price, **terms)
        return told(self.send(account, New(order_id, wanted)))


def told(updates: list[VenueUpdate]) -> list[tuple[Any, ...]]:
    """Updates as (order, kind, quantity in lots, price, why or how)."""
    return [
        (
            one.order_id,
            one.kind.name,
            *(() if one.quantity is None else (one.quantity // UNIT,)),
            *(() if one.price is None else (one.price,)),
            *(() if one.liquidity is None else (one.liquidity.name,)),
            *(() if one.reason is None else (one.reason,)),
        )
        for one in updates
    ]


@pytest.fixture
def quiet() -> Quiet:
    return Quiet()


class TestNew:
    def test_a_limit_order_rests(self, quiet: Quiet) -> None:
        assert quiet.new("alice", "a", BUY, 10, quiet.bid) == [("a", "NEW")]
        assert quiet.book.queue("B")[1].size == 10

    def test_a_market_order_trades_at_the_best_price(self, quiet: Quiet) -> None:
        assert quiet.new("alice", "a", BUY, 10) == [("a", "NEW"), ("a", "FILL", 10, quiet.ask, "TAKER")]
        assert quiet.entry.reference_price("AAPL") == quiet.ask

    def test_the_cancel_of_a_rest_comes_after_the_fills(self, quiet: Quiet) -> None:
        updates = quiet.new("alice", "a", BUY, quiet.shown + 5, quiet.ask, time_in_force=TimeInForce.IOC)
        assert updates == [
            ("a", "NEW"),
            ("a", "FILL", quiet.shown, quiet.ask, "TAKER"),
            ("a", "CANCEL", "no liquidity for the rest of an IOC order"),
        ]

    def test_fill_or_kill(self, quiet: Quiet) -> None:
        killed = quiet.new("alice", "a", BUY, quiet.shown + 1, quiet.ask, time_in_force=TimeInForce.FOK)
        assert killed == [("a", "NEW"), ("a", "CANCEL", "fill or kill: not fillable")]
        filled = quiet.new("alice", "b", BUY, quiet.shown, quiet.ask, time_in_force=TimeInForce.FOK)
        assert filled == [("b", "NEW"), ("b", "FILL", quiet.shown, quiet.ask, "TAKER")]

    def test_post_only(self, quiet: Quiet) -> None:
        (refused,) = quiet.new("alice", "a", BUY, 1, quiet.ask, post_only=True)
        assert refused == ("a", "REJECT", "post-only: the order would trade at once")
        assert quiet.new("alice", "a", BUY, 1, quiet.ask - CENT, post_only=True) == [("a", "NEW")]

    def test_a_market_order_that_empties_the_book(self, quiet: Quiet) -> None:
        updates = quiet.new("alice", "a", BUY, 100_000)
        assert updates[-1] == ("a", "CANCEL", "no liquidity for the rest of a MARKET order")
        assert sum(update[2] for update in updates[1:-1]) == sum(one.size for one in Quiet().book.queue("A"))

    def test_an_iceberg_shows_its_display_quantity(self, quiet: Quiet) -> None:
        price = quiet.bid + CENT
        iceberg = {"type": OrderType.ICEBERG, "display_quantity": 10 * UNIT}
        assert quiet.new("alice", "a", BUY, 35, price, **iceberg) == [("a", "NEW")]
        assert quiet.book.bids(1)[0][1] == 10
        updates = quiet.new("bob", "b", SELL, 25, price)
        assert [one for one in updates if one[0] == "a"] == [
            ("a", "FILL", size, price, "MAKER") for size in (10, 10, 5)
        ]
        assert quiet.book.bids(1)[0][1] == 5

    def test_a_stop_is_released_by_a_trade(self, quiet: Quiet) -> None:
        assert quiet.new("alice", "a", BUY, 3, type=OrderType.STOP, stop_price=quiet.ask) == [("a", "NEW")]
        assert quiet.new("bob", "b", BUY, 1) == [
            ("b", "NEW"),
            ("b", "FILL", 1, quiet.ask, "TAKER"),
            ("a", "NEW", "triggered"),
            ("a", "FILL", 3, quiet.ask, "TAKER"),
        ]

    def test_a_stop_limit_rests_at_its_limit(self, quiet: Quiet) -> None:
        wanted = {"type": OrderType.STOP_LIMIT, "stop_price": quiet.ask}
        assert quiet.new("alice", "a", BUY, 3, quiet.bid, **wanted) == [("a", "NEW")]
        assert quiet.new("bob", "b", BUY, 1)[2:] == [("a", "NEW", "triggered")]
        assert 3 in [one.size for one in quiet.book.queue("B")]

    def test_two_accounts_that_trade_are_both_told(self, quiet: Quiet) -> None:
        price = quiet.bid + CENT
        quiet.new("alice", "a", BUY, 10, price)
        assert quiet.new("bob", "b", SELL, 4, price) == [
            ("b", "NEW"),
            ("a", "FILL", 4, price, "MAKER"),
            ("b", "FILL", 4, price, "TAKER"),
        ]

    def test_an_unknown_symbol_and_an_id_in_use_are_refused(self, quiet: Quiet) -> None:
        terms = OrderTerms(symbol="VOD", side=BUY, type=OrderType.MARKET, quantity=UNIT)
        assert told(quiet.send("alice", New("a", terms))) == [("a", "REJECT", "symbol: 'VOD' is not traded here")]
        quiet.new("alice", "a", BUY, 1, quiet.bid)
        (refused,) = quiet.new("bob", "a", BUY, 1, quiet.bid)
        assert refused == ("a", "REJECT", "order_id: 'a' is an order already")
        assert told(quiet.send("alice", Cancel("a"))) == [("a", "CANCEL", "requested")]

    def test_the_largest_order_sweeps_the_book_and_rests(self, quiet: Quiet) -> None:
        highest = (2**63 - 1) // AAPL.tick * AAPL.tick // CENT * CENT
        updates = quiet.new("alice", "a", BUY, 2**40, highest)
        assert updates[0] == ("a", "NEW")
        assert quiet.book.bids(1)[0][0] == highest / 1e9
        assert told(quiet.send("alice", Cancel("a"))) == [("a", "CANCEL", "requested")]


class TestSelfTrades:
    @pytest.mark.parametrize(
        ("prevention", "expected"),
        [
            (SelfTradePrevention.CANCEL_NEWEST, [("b", "CANCEL", "self-trade prevention")]),
            (SelfTradePrevention.CANCEL_OLDEST, [("a", "CANCEL", "self-trade prevention")]),
            (SelfTradePrevention.CANCEL_BOTH,
             [("a", "CANCEL", "self-trade prevention"), ("b", "CANCEL", "self-trade prevention")]),
            (SelfTradePrevention.DECREMENT,
             [("b", "CANCEL", "self-trade prevention"), ("a", "REPLACE", 6, "price", "self-trade prevention")]),
            (SelfTradePrevention.NONE, [("a", "FILL", 4, "price", "MAKER"), ("b", "FILL", 4, "price", "TAKER")]),
        ],
    )  # fmt: skip
    def test_an_account_does_not_trade_with_itself(
        self, quiet: Quiet, prevention: SelfTradePrevention, expected: list[tuple[Any, ...]]
    ) -> None:
        price = quiet.bid + CENT
        quiet.new("alice", "a", BUY, 10, price)
        updates = quiet.new("alice", "b", SELL, 4, price, self_trade_prevention=prevention)
        assert updates == [("b", "NEW"), *(tuple(price if one == "price" else one for one in row) for row in expected)]

    def test_another_accounts_orders_trade(self, quiet: Quiet) -> None:
        price = quiet.bid + CENT
        quiet.new("alice", "a", BUY, 10, price)
        wanted = {"self_trade_prevention": SelfTradePrevention.CANCEL_BOTH}
        assert len(quiet.new("bob", "b", SELL, 4, price, **wanted)) == 3

    def test_fills_and_cancels_of_one_step_are_in_their_true_order(self, quiet: Quiet) -> None:
        """Bob's bid trades, then Alice's own bid is taken off, then Bob's second one trades."""
        price = quiet.bid + CENT
        for account, order_id in (("bob", "b1"), ("alice", "a1"), ("bob", "b2")):
            quiet.new(account, order_id, BUY, 5, price)
        oldest = {"self_trade_prevention": SelfTradePrevention.CANCEL_OLDEST}
        assert [row[:2] for row in quiet.new("alice", "a2", SELL, 10, price, **oldest)] == [
            ("a2", "NEW"), ("b1", "FILL"), ("a2", "FILL"), ("a1", "CANCEL"), ("b2", "FILL"), ("a2", "FILL"),
        ]  # fmt: skip

    def test_a_reduced_order_keeps_what_it_has_traded(self, quiet: Quiet) -> None:
        """Whole quantities count the fills: 20 lots, of which 5 trade and 5 are taken off, are 15."""
        price = quiet.bid + CENT
        quiet.new("bob", "b", BUY, 5, price)
        quiet.new("alice", "a1", BUY, 5, price)
        wanted = {"self_trade_prevention": SelfTradePrevention.DECREMENT}
        updates = quiet.new("alice", "a2", SELL, 20, price, **wanted)
        assert ("a2", "REPLACE", 15, price, "self-trade prevention") in updates
        assert ("a1", "CANCEL", "self-trade prevention") in updates
        assert told(quiet.send("alice", Replace("a2", 6 * UNIT))) == [("a2", "REPLACE", 6, price)]
        assert quiet.book.queue("A")[0].size == 1


class TestChanges:
    def test_whose_order_it_is_not_nobody_cancels(self, quiet: Quiet) -> None:
        quiet.new("alice", "a", BUY, 10, quiet.bid)
        for account, order_id in (("bob", "a"), ("alice", "b")):
            for request in (Cancel(order_id), Replace(order_id, UNIT)):
                (refused,) = quiet.send(account, request)
                assert (refused.account, refused.order_id, refused.reason) == (account, order_id, "unknown order")
                assert refused.request is (RequestKind.CANCEL if type(request) is Cancel else RequestKind.REPLACE)
        assert quiet.book.queue("B")[1].size == 10

    def test_an_order_that_has_ended_is_unknown(self, quiet: Quiet) -> None:
        quiet.new("alice", "a", BUY, 1)
        assert told(quiet.send("alice", Cancel("a"))) == [("a", "REJECT", "unknown order")]

    def test_the_quantity_of_a_replacement_is_the_whole_orders(self, quiet: Quiet) -> None:
        price = quiet.bid + CENT
        quiet.new("alice", "a", BUY, 10, price)
        quiet.new("bob", "b", SELL, 4, price)
        assert told(quiet.send("alice", Replace("a", 7 * UNIT))) == [("a", "REPLACE", 7, price)]
        assert quiet.book.queue("B")[0].size == 3
        (refused,) = told(quiet.send("alice", Replace("a", 4 * UNIT)))
        assert refused == ("a", "REJECT", "quantity: 4.00 is not above the 4.00 that are filled already")
        assert quiet.book.queue("B")[0].size == 3

    def test_a_replacement_may_trade(self, quiet: Quiet) -> None:
        quiet.new("alice", "a", BUY, 10, quiet.bid)
        assert told(quiet.send("alice", Replace("a", price=quiet.ask))) == [
            ("a", "REPLACE", 10, quiet.ask),
            ("a", "FILL", 10, quiet.ask, "TAKER"),
        ]

    def test_stops_are_replaced(self, quiet: Quiet) -> None:
        quiet.new("alice", "a", BUY, 3, type=OrderType.STOP, stop_price=quiet.ask + CENT)
        (update,) = quiet.send("alice", Replace("a", 5 * UNIT, stop_price=quiet.ask))
        assert (update.kind, update.quantity, update.price) == (UpdateType.REPLACE, 5 * UNIT, None)
        assert update.stop_price == quiet.ask
        assert quiet.new("bob", "b", BUY, 1)[2:] == [
            ("a", "NEW", "triggered"),
            ("a", "FILL", 5, quiet.ask, "TAKER"),
        ]

    def test_a_post_only_order_is_not_moved_to_where_it_would_trade(self, quiet: Quiet) -> None:
        quiet.new("alice", "a", BUY, 10, quiet.bid, post_only=True)
        (refused,) = quiet.send("alice", Replace("a", price=quiet.ask))
        assert (refused.request, refused.reason) == (RequestKind.REPLACE, "post-only: the order would trade at once")


class TestPhases:
    def test_a_halt_takes_cancels_only(self, quiet: Quiet) -> None:
        quiet.new("alice", "a", BUY, 10, quiet.bid)
        quiet.entry.command("HALT", "AAPL", quiet.at)
        assert quiet.entry.phase("AAPL") is MarketPhase.HALTED
        assert quiet.new("alice", "b", BUY, 1) == [("b", "REJECT", "halted: AAPL is not trading")]
        assert told(quiet.send("alice", Replace("a", UNIT))) == [("a", "REJECT", "halted: AAPL is not trading")]
        assert told(quiet.send("alice", Cancel("a"))) == [("a", "CANCEL", "requested")]

    def test_an_auction_fills_both_sides_at_one_price(self, quiet: Quiet) -> None:
        quiet.entry.command("CALL", "AAPL", quiet.at)
        price = quiet.bid + CENT
        quiet.new("alice", "a", BUY, 10, quiet.ask - CENT)
        quiet.new("alice", "m", BUY, 5)
        quiet.new("bob", "b", SELL, 12, price)
        (refused,) = quiet.new("bob", "c", SELL, 1, price, time_in_force=TimeInForce.IOC)
        assert refused[2] == "auction call: AAPL takes no IOC, FOK or post-only orders"
        (refused,) = told(quiet.send("alice", Replace("m", 6 * UNIT)))
        assert refused[2] == "type: a MARKET order that waits for an auction cannot be replaced"
        quiet.entry.command("UNCROSS", "AAPL", quiet.at)
        fills = quiet.entry.take_updates()
        assert {one.liquidity for one in fills} == {Liquidity.AUCTION}
        assert len({one.price for one in fills}) == 1
        lots = {order: sum(one.quantity or 0 for one in fills if one.order_id == order) // UNIT for order in "amb"}
        assert lots == {"a": 7, "m": 5, "b": 12}

    def test_day_orders_expire_and_others_stay(self, quiet: Quiet) -> None:
        quiet.new("alice", "day", BUY, 10, quiet.bid)
        quiet.new("alice", "gtc", BUY, 10, quiet.bid, time_in_force=TimeInForce.GTC)
        quiet.entry.command("CLOSE", "AAPL", quiet.at)
        assert told(quiet.entry.take_updates()) == [("day", "EXPIRE", "end of day")]
        assert quiet.entry.next_time() is None
        quiet.entry.command("RESUME", "AAPL", quiet.at)
        assert told(quiet.send("alice", Cancel("gtc"))) == [("gtc", "CANCEL", "requested")]

    def test_a_band_refuses_and_cancels(self, quiet: Quiet) -> None:
        quiet.new("alice", "t", BUY, 1)
        quiet.entry.set_band("AAPL", 0.01, False, quiet.at)
        low, high = quiet.ask - CENT, quiet.ask + CENT
        (refused,) = quiet.new("alice", "a", BUY, 1, high + CENT)
        assert refused[2] == f"price: outside of the band {low / 1e9:.2f} to {high / 1e9:.2f}"
        *_, last = quiet.new("alice", "b", BUY, 100_000)
        assert last[2] == f"no liquidity inside of the band {low / 1e9:.2f} to {high / 1e9:.2f}"
        quiet.entry.set_band("AAPL", None, False, quiet.at)
        assert quiet.new("alice", "c", BUY, 1, high + CENT)[0] == ("c", "NEW")

    def test_a_band_that_halts(self, quiet: Quiet, caplog: pytest.LogCaptureFixture) -> None:
        quiet.new("alice", "t", BUY, 1)
        quiet.entry.set_band("AAPL", 0.01, True, quiet.at)
        quiet.new("alice", "b", BUY, 100_000)
        assert quiet.entry.phase("AAPL") is MarketPhase.HALTED
        assert "halted at the price band" in caplog.text

    def test_a_symbol_that_is_not_listed(self, quiet: Quiet) -> None:
        for call in (quiet.entry.phase, quiet.entry.reference_price):
            with pytest.raises(KeyError, match="choose one of AAPL"):
                call("VOD")


class TestReferencePrice:
    def test_before_a_trade_it_is_the_middle_of_the_book(self, quiet: Quiet) -> None:
        assert quiet.entry.reference_price("AAPL") == (quiet.bid + quiet.ask) // 2

    def test_market_orders_of_a_call_have_no_price(self, quiet: Quiet) -> None:
        quiet.entry.command("CALL", "AAPL", quiet.at)
        quiet.new("alice", "m", BUY, 5)
        assert quiet.entry.reference_price("AAPL") == (quiet.bid + quiet.ask) // 2

    def test_without_a_book_there_is_none(self) -> None:
        flow = OrderFlow([AAPL], [profile_of(AAPL)], 7, START)
        entry = OrderEntry(flow, [AAPL], 0, START)
        assert entry.reference_price("AAPL") is None


class TestMemory:
    def test_orders_that_have_ended_leave_nothing(self, quiet: Quiet) -> None:
        for number in range(3000):
            quiet.new("alice", f"a{number}", BUY, 1, quiet.bid)
            quiet.send("alice", Cancel(f"a{number}"))
        live = quiet.entry._live
        assert (len(live), live.counts, live._by_number) == (0, {}, {})
        assert len(quiet.entry._flow.engine.state.orders) == 1024
