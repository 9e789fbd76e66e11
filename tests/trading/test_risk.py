from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import Instrument
from hftlab.protocol.enums import OrderType, Side, TimeInForce
from hftlab.trading.account import Account, AccountTerms
from hftlab.trading.risk import Check, Exposure, PreTradeChecks, Rejection, order_price
from hftlab.trading.risk_limits import RiskLimits
from hftlab.trading.venue import Liquidity, MarketPhase, OrderTerms
from tests.trading.units import AAPL, BITCOIN, VODAFONE, units

BUY, SELL = Side.BUY, Side.SELL
CONTINUOUS, CALL, HALTED, CLOSED = MarketPhase
OPEN = int(datetime(2025, 6, 2, 14, 0, tzinfo=UTC).timestamp()) * 10**9  # a Monday, 10:00 in New York
NIGHT = OPEN + 12 * 3600 * 10**9
NO_LIMITS = RiskLimits(price_band=None, orders_per_second=None, buying_power=False)


def order(side: Side = BUY, quantity: str | int = 100, price: str | int | None = "175.25", **fields: Any) -> OrderTerms:
    """A LIMIT order in AAPL, where nothing else is said; `stop` and `display` are amounts as well."""
    for short, name in (("stop", "stop_price"), ("display", "display_quantity")):
        if short in fields:
            fields[name] = units(fields.pop(short))
    limit = None if price is None else units(price)
    plain = {"symbol": "AAPL", "type": OrderType.LIMIT}
    return OrderTerms(side=side, quantity=units(quantity), price=limit, **(plain | fields))


def market(side: Side = BUY, quantity: str | int = 100, **fields: Any) -> OrderTerms:
    return order(side, quantity, None, type=OrderType.MARKET, **fields)


def holding(quantity: str | int = 0, price: str | int = 100, cash: float = 100_000, leverage: float = 1.0) -> Account:
    """An account that has bought (or sold, below 0) so many AAPL without commission."""
    account = Account("alice", AccountTerms(cash=cash, commissions=None, leverage=leverage), [AAPL, BITCOIN, VODAFONE])
    if held := units(quantity):
        account.fill("AAPL", BUY if held > 0 else SELL, abs(held), units(price), Liquidity.TAKER)
    return account


def checked(
    terms: OrderTerms,
    limits: RiskLimits = NO_LIMITS,
    account: Account | None = None,
    exposure: Exposure = Exposure(),  # noqa: B008 - it cannot change
    reference: str | int | None = 175,
    instrument: Instrument = AAPL,
    phase: MarketPhase = CONTINUOUS,
    at: int = OPEN,
) -> Rejection | None:
    account = holding() if account is None else account
    price = None if reference is None else units(reference)
    return PreTradeChecks(limits).check_new(terms, instrument, account, exposure, price, phase, at)


def refused(rejection: Rejection | None) -> Rejection:
    assert rejection is not None
    return rejection


class TestTerms:
    @pytest.mark.parametrize(
        ("terms", "reason"),
        [
            (order(price=None), "terms: a LIMIT order without a price"),
            (order(type=OrderType.MARKET), "terms: a MARKET order with a price"),
            (market(stop=170), "terms: a MARKET order with a stop price"),
            (order(stop=170), "terms: a LIMIT order with a stop price"),
            (order(price=None, type=OrderType.STOP), "terms: a STOP order without a stop price"),
            (order(type=OrderType.STOP, stop=180), "terms: a STOP order with a price"),
            (order(type=OrderType.STOP_LIMIT), "terms: a STOP_LIMIT order without a stop price"),
            (
                order(price=None, type=OrderType.STOP_LIMIT, stop=180),
                "terms: a STOP_LIMIT order without a price",
            ),
            (order(type=OrderType.ICEBERG), "terms: an ICEBERG order without a display quantity"),
            (order(display=10), "terms: a LIMIT order with a display quantity"),
            (
                order(type=OrderType.ICEBERG, display=101),
                "terms: an ICEBERG order of 100 with a display quantity of 101",
            ),
            (
                order(type=OrderType.ICEBERG, display=10, time_in_force=TimeInForce.IOC),
                "terms: an ICEBERG order that is IOC and so never rests",
            ),
            (market(post_only=True), "terms: a post-only MARKET order"),
            (
                order(price=None, type=OrderType.STOP, stop=180, post_only=True),
                "terms: a post-only STOP order",
            ),
            (
                order(type=OrderType.STOP_LIMIT, stop=180, post_only=True),
                "terms: a post-only STOP_LIMIT order",
            ),
            (order(post_only=True, time_in_force=TimeInForce.IOC), "terms: a post-only order that is IOC"),
            (order(post_only=True, time_in_force=TimeInForce.FOK), "terms: a post-only order that is FOK"),
        ],
    )
    def test_without_sense_are_refused(self, terms: OrderTerms, reason: str) -> None:
        assert checked(terms) == (Check.TERMS, None, None, reason)

    @pytest.mark.parametrize(
        "terms",
        [
            order(),
            market(),
            market(time_in_force=TimeInForce.FOK),
            order(price=None, type=OrderType.STOP, stop=180),
            order(type=OrderType.STOP_LIMIT, stop=180),
            order(type=OrderType.ICEBERG, display=100),
            order(type=OrderType.ICEBERG, display=10, post_only=True),
            order(post_only=True, time_in_force=TimeInForce.GTC),
            order(time_in_force=TimeInForce.IOC),
        ],
    )
    def test_with_sense_pass(self, terms: OrderTerms) -> None:
        assert checked(terms) is None


class TestPhase:
    def test_of_a_halt_refuses(self) -> None:
        assert checked(order(), phase=HALTED) == (Check.HALTED, None, None, "halted: AAPL does not trade now")

    def test_of_a_closed_market_refuses(self) -> None:
        rejection = refused(checked(order(), phase=CLOSED))
        assert rejection == (Check.TRADING_HOURS, None, None, "trading hours: the market of AAPL is closed")

    @pytest.mark.parametrize(
        ("terms", "kind"),
        [
            (order(time_in_force=TimeInForce.IOC), "IOC"),
            (market(time_in_force=TimeInForce.FOK), "FOK"),
            (order(post_only=True), "post-only"),
        ],
    )
    def test_of_a_call_refuses_what_cannot_wait(self, terms: OrderTerms, kind: str) -> None:
        rejection = refused(checked(terms, phase=CALL))
        reason = f"trading hours: AAPL is in a call for an auction, which takes no {kind} orders"
        assert rejection == (Check.TRADING_HOURS, None, None, reason)

    def test_of_a_call_takes_what_can(self) -> None:
        stop = order(price=None, type=OrderType.STOP, stop=180, time_in_force=TimeInForce.IOC)
        assert [checked(terms, phase=CALL) for terms in (order(), market(), stop)] == [None] * 3


class TestTradingHours:
    HOURS = replace(NO_LIMITS, trading_hours=True)

    def test_refuse_at_night(self) -> None:
        rejection = refused(checked(order(), self.HOURS, at=NIGHT))
        reason = "trading hours: AAPL trades in the regular hours of NASDAQ only"
        assert rejection == (Check.TRADING_HOURS, None, None, reason)

    def test_hold_only_if_they_are_asked_for(self) -> None:
        assert checked(order(), at=NIGHT) is None

    def test_begin_and_end_with_regular_trading(self) -> None:
        begin, end = AAPL.venue.regular_hours(datetime(2025, 6, 2, tzinfo=UTC).date()) or (0, 0)
        found = [checked(order(), self.HOURS, at=at) is None for at in (begin - 1, begin, end - 1, end)]
        assert found == [False, True, True, False]


class TestGrid:
    @pytest.mark.parametrize(
        ("instrument", "terms", "reason"),
        [
            (AAPL, order(price="175.2531"), "tick: the price 175.2531 is not a multiple of 0.01"),
            (AAPL, order(price="0.99995"), "tick: the price 0.99995 is not a multiple of 0.0001"),
            (
                AAPL,
                order(price=180, type=OrderType.STOP_LIMIT, stop="180.005"),
                "tick: the price 180.005 is not a multiple of 0.01",
            ),
            (VODAFONE, order(price="72.345"), "tick: the price 72.345 is not a multiple of 0.01"),
        ],
    )
    def test_refuses_prices_between_ticks(self, instrument: Instrument, terms: OrderTerms, reason: str) -> None:
        rejection = refused(checked(terms, instrument=instrument))
        assert (rejection.check, rejection.reason) == (Check.TICK, reason)

    def test_takes_finer_prices_below_a_dollar(self) -> None:
        assert checked(order(price="0.9999")) is None

    @pytest.mark.parametrize(
        ("terms", "reason"),
        [
            (order(quantity="0.5"), "lot: the quantity 0.5 is not a positive multiple of 1"),
            (order(quantity=0), "lot: the quantity 0 is not a positive multiple of 1"),
            (order(quantity=-1), "lot: the quantity -1 is not a positive multiple of 1"),
            (
                order(quantity=100, type=OrderType.ICEBERG, display="1.5"),
                "lot: the quantity 1.5 is not a positive multiple of 1",
            ),
        ],
    )
    def test_refuses_parts_of_lots(self, terms: OrderTerms, reason: str) -> None:
        rejection = refused(checked(terms))
        assert (rejection.check, rejection.limit, rejection.reason) == (Check.LOT, 1.0, reason)

    def test_takes_the_smallest_part_of_a_coin(self) -> None:
        terms = order(quantity="0.000001", price="61837.63", symbol="BTCUSDT")
        assert checked(terms, instrument=BITCOIN) is None
        half = msgspec.structs.replace(terms, quantity=500)
        assert refused(checked(half, instrument=BITCOIN)).check is Check.LOT


class TestPriceBand:
    BAND = replace(NO_LIMITS, price_band=0.1)

    @pytest.mark.parametrize(
        ("side", "price", "passes"),
        [
            (BUY, "192.50", True),
            (BUY, "192.51", False),
            (BUY, "1", True),
            (SELL, "157.50", True),
            (SELL, "157.49", False),
            (SELL, "1000", True),
        ],
    )
    def test_holds_on_the_aggressive_side(self, side: Side, price: str, passes: bool) -> None:
        rejection = checked(order(side, price=price), self.BAND)
        assert (rejection is None) == passes

    def test_says_where_it_ends(self) -> None:
        rejection = refused(checked(order(price=200), self.BAND))
        reason = "price band: the price 200 is more than 10 % above 175: 192.5 is the limit"
        assert rejection == (Check.PRICE_BAND, 192.5, 200.0, reason)
        assert "157.5 is the limit" in refused(checked(order(SELL, price=150), self.BAND)).reason

    def test_of_a_stop_limit_is_around_its_stop(self) -> None:
        terms = order(price=330, type=OrderType.STOP_LIMIT, stop=300)
        assert checked(terms, self.BAND) is None
        over = msgspec.structs.replace(terms, price=units("330.01"))
        assert refused(checked(over, self.BAND)).check is Check.PRICE_BAND

    def test_needs_a_reference(self) -> None:
        assert checked(order(price=10_000), self.BAND, reference=None) is None
        assert checked(market(), self.BAND) is None


class TestOneOrder:
    def test_has_a_largest_quantity(self) -> None:
        limits = replace(NO_LIMITS, max_order_quantity=1000)
        assert checked(order(quantity=1000), limits) is None
        reason = "order quantity: 5,000 is more than the limit of 1,000"
        assert checked(order(quantity=5000), limits) == (Check.ORDER_QUANTITY, 1000.0, 5000.0, reason)
        assert refused(checked(order(quantity=1001), limits)).check is Check.ORDER_QUANTITY

    @pytest.mark.parametrize("terms", [order(price=200), market(), order(price=None, type=OrderType.STOP, stop=200)])
    def test_has_a_largest_value(self, terms: OrderTerms) -> None:
        """At its limit, at its stop, or at the reference price."""
        limits = replace(NO_LIMITS, max_order_notional=20_000)
        assert checked(terms, limits, reference=200) is None
        over = msgspec.structs.replace(terms, quantity=units(101))
        reason = "order notional: 20,200.00 USD is more than the limit of 20,000.00 USD"
        assert checked(over, limits, reference=200) == (Check.ORDER_NOTIONAL, 20_000.0, 20_200.0, reason)

    def test_is_valued_in_the_accounts_currency(self) -> None:
        """10,000 shares at 80 pence are 8,000 pounds: 10,000 dollars."""
        terms = order(quantity=10_000, price=80, symbol="VOD")
        exactly, below = (replace(NO_LIMITS, max_order_notional=most) for most in (10_000, 9_999.99))
        assert checked(terms, exactly, instrument=VODAFONE) is None
        assert refused(checked(terms, below, instrument=VODAFONE)).value == 10_000.0

    @pytest.mark.parametrize("limits", [RiskLimits(), replace(NO_LIMITS, max_order_notional=1.0)])
    def test_without_any_price_cannot_be_valued(self, limits: RiskLimits) -> None:
        rejection = refused(checked(market(), limits, reference=None))
        assert rejection.reason.endswith("AAPL has no price yet to value a MARKET order at: send a LIMIT order")


class TestPosition:
    LIMITS = replace(NO_LIMITS, max_position=500)

    @pytest.mark.parametrize(
        ("held", "exposure", "terms", "passes"),
        [
            (0, Exposure(), order(quantity=500), True),
            (0, Exposure(), order(quantity=501), False),
            (300, Exposure(), order(quantity=200), True),
            (300, Exposure(), order(quantity=201), False),
            (300, Exposure(buy_quantity=units(100)), order(quantity=100), True),
            (300, Exposure(buy_quantity=units(100)), order(quantity=101), False),
            (300, Exposure(sell_quantity=units(300)), order(quantity=201), False),
            (300, Exposure(), order(SELL, quantity=800), True),
            (300, Exposure(), order(SELL, quantity=801), False),
            (-300, Exposure(sell_quantity=units(200)), order(SELL, quantity=1), False),
            (-300, Exposure(), order(quantity=800), True),
            (-600, Exposure(), order(quantity=600), True),
            (600, Exposure(), order(SELL, quantity=100), True),
            (600, Exposure(), order(quantity=1), False),
        ],
    )
    def test_has_a_limit_with_open_orders(self, held: int, exposure: Exposure, terms: OrderTerms, passes: bool) -> None:
        rejection = checked(terms, self.LIMITS, holding(held), exposure)
        assert (rejection is None) == passes

    def test_says_what_it_would_be(self) -> None:
        rejection = checked(order(quantity=300), self.LIMITS, holding(300))
        reason = "position: 600 with all open orders is more than the limit of 500"
        assert rejection == (Check.POSITION, 500.0, 600.0, reason)


class TestNotional:
    def test_is_that_of_positions_open_orders_and_the_order(self) -> None:
        account = holding(-100, 100)  # 10,000 dollars short
        exposure = Exposure(notional=units(5_000))
        terms = order(SELL, quantity=50, price=100)
        assert checked(terms, replace(NO_LIMITS, max_notional=20_000), account, exposure, 100) is None
        rejection = checked(terms, replace(NO_LIMITS, max_notional=19_999.99), account, exposure, 100)
        reason = "notional: 20,000.00 USD with all open orders is more than the limit of 19,999.99 USD"
        assert rejection == (Check.NOTIONAL, 19_999.99, 20_000.0, reason)

    def test_does_not_hold_for_reductions(self) -> None:
        assert checked(order(quantity=100), replace(NO_LIMITS, max_notional=0), holding(-100)) is None


class TestBuyingPower:
    LIMITS = replace(NO_LIMITS, buying_power=True)

    def test_says_what_is_needed_and_left(self) -> None:
        rejection = checked(order(quantity=200, price=100), self.LIMITS, holding(cash=12_500))
        reason = "buying power: the order needs 20,000.00 USD and 12,500.00 USD are left"
        assert rejection == (Check.BUYING_POWER, 12_500.0, 20_000.0, reason)

    def test_never_looks_as_if_it_were_enough(self) -> None:
        rejection = refused(checked(order(quantity=1, price=100), self.LIMITS, holding(cash=99.999)))
        assert rejection.reason == "buying power: the order needs 100.00 USD and 99.99 USD are left"

    @pytest.mark.parametrize(
        ("account", "reserved", "terms", "passes"),
        [
            (holding(cash=10_000), 0, order(quantity=100, price=100), True),
            (holding(cash=9_999.99), 0, order(quantity=100, price=100), False),
            (holding(cash=10_000), 1, order(quantity=100, price=100), False),
            (holding(cash=5_000, leverage=2), 0, order(quantity=100, price=100), True),
            (holding(cash=10_000), 0, order(SELL, quantity=100, price=100), True),
            (holding(cash=10_000), 0, order(SELL, quantity=101, price=100), False),
            (holding(cash=10_000), 0, market(quantity=100), True),
            (holding(cash=10_000), 0, market(quantity=101), False),
            (holding(100, cash=10_000), 0, order(quantity=1, price=100), False),
            (holding(100, cash=10_000), 0, order(SELL, quantity=100, price=100), True),
            (holding(100, cash=10_000), 0, order(SELL, quantity=101, price=100), False),
            (holding(-100, cash=10_000), 0, order(quantity=100, price=100), True),
            (holding(-100, cash=10_100), 0, order(quantity=101, price=100), True),
            (holding(-100, cash=10_099), 0, order(quantity=101, price=100), False),
        ],
    )
    def test_is_needed_for_what_a_position_grows_by(
        self, account: Account, reserved: int, terms: OrderTerms, passes: bool
    ) -> None:
        exposure = Exposure(notional=reserved)
        rejection = checked(terms, self.LIMITS, account, exposure, 100)
        assert (rejection is None) == passes

    def test_is_needed_where_open_orders_will_have_closed_the_position(self) -> None:
        account, ahead = holding(100, cash=10_000), Exposure(sell_quantity=units(100))
        assert refused(checked(order(SELL, 1, 100), self.LIMITS, account, ahead)).check is Check.BUYING_POWER

    @given(st.integers(-1000, 1000), st.integers(0, 1000), st.integers(1, 1000), st.sampled_from([BUY, SELL]))
    def test_is_never_needed_to_reduce(self, held: int, ahead: int, quantity: int, side: Side) -> None:
        """In an account without any, an order passes if it can only reduce, whatever is filled first."""
        limits = RiskLimits(max_position=0, max_notional=0, orders_per_second=None)
        exposure = Exposure(buy_quantity=units(ahead), sell_quantity=units(ahead))
        rejection = checked(order(side, quantity, 100), limits, holding(held, cash=0), exposure, 100)
        against = held if side is SELL else -held
        assert (rejection is None) == (quantity + ahead <= against)


class TestRate:
    LIMITS = replace(NO_LIMITS, orders_per_second=10, burst=3)

    def test_refuses_what_comes_too_fast(self) -> None:
        checks, account = PreTradeChecks(self.LIMITS), holding()

        def sent(at: int) -> Rejection | None:
            return checks.check_new(order(), AAPL, account, Exposure(), None, CONTINUOUS, OPEN + at)

        assert [sent(0) is None for _ in range(4)] == [True, True, True, False]
        reason = "order rate: more than 10 a second and 3 at once, wait 0.100 seconds"
        assert sent(0) == (Check.ORDER_RATE, 10, None, reason)
        assert sent(99_000_000) is not None
        assert sent(100_000_000) is None
        assert sent(100_000_000) is not None

    def test_counts_replacements_and_refused_orders(self) -> None:
        checks, account = PreTradeChecks(self.LIMITS), holding()
        for _ in range(3):
            checks.check_replace(order(), order(price="1.001"), 0, AAPL, account, Exposure, None, CONTINUOUS, OPEN)
        rejection = checks.check_new(order(), AAPL, account, Exposure(), None, CONTINUOUS, OPEN)
        assert refused(rejection).check is Check.ORDER_RATE


def test_open_orders_are_counted() -> None:
    checks, account = PreTradeChecks(replace(NO_LIMITS, max_open_orders=2)), holding()

    def sent(already: int) -> Rejection | None:
        return checks.check_new(order(), AAPL, account, Exposure(orders=already), None, CONTINUOUS, OPEN)

    assert [sent(already) is None for already in range(4)] == [True, True, False, False]
    assert sent(2) == (Check.OPEN_ORDERS, 2, 3, "open orders: 2 are open, and the limit is 2")


class TestReplace:
    def replaced(
        self, before: OrderTerms, after: OrderTerms, limits: RiskLimits, filled: int = 0, **options: Any
    ) -> Rejection | None:
        plain = {"account": holding(cash=10_000), "exposure": Exposure, "reference": units(100)}
        plain |= {"instrument": AAPL, "phase": CONTINUOUS, "at": OPEN} | options
        return PreTradeChecks(limits).check_replace(before, after, units(filled), **plain)

    @pytest.mark.parametrize(
        ("after", "check"),
        [
            (order(price="100.005"), Check.TICK),
            (order(quantity="100.5", price=100), Check.LOT),
            (order(price=200), Check.PRICE_BAND),
            (order(quantity=121, price=100), Check.ORDER_QUANTITY),
            (order(quantity=110, price=100), Check.ORDER_NOTIONAL),
            (order(quantity=100, price=None), Check.TERMS),
        ],
    )
    def test_is_checked_as_a_new_order(self, after: OrderTerms, check: Check) -> None:
        limits = RiskLimits(max_order_quantity=120, max_order_notional=10_900)
        assert refused(self.replaced(order(price=100), after, limits)).check is check

    def test_counts_what_is_left(self) -> None:
        """An order for 200 of which 100 are filled needs buying power for 100."""
        before, after = order(quantity=150, price=100), order(quantity=200, price=100)
        assert self.replaced(before, after, RiskLimits(), filled=100) is None
        assert refused(self.replaced(before, after, RiskLimits(), filled=99)).check is Check.BUYING_POWER

    def test_that_leaves_nothing_is_refused(self) -> None:
        rejection = refused(self.replaced(order(), order(quantity=50), NO_LIMITS, filled=50))
        reason = "terms: 50 are filled, a whole quantity of 50 leaves nothing open: cancel the order instead"
        assert rejection == (Check.TERMS, 50.0, 50.0, reason)
        assert self.replaced(order(), order(quantity=51), NO_LIMITS, filled=50) is None

    @pytest.mark.parametrize(
        ("after", "passes"),
        [
            (order(quantity=100, price=100), True),
            (order(quantity=99, price=100), True),
            (order(quantity=100, price=99), True),
            (order(quantity=100, price="100.01"), False),
            (order(quantity=101, price=100), False),
        ],
    )
    def test_to_less_passes_in_an_account_beyond_its_limits(self, after: OrderTerms, passes: bool) -> None:
        rejection = self.replaced(order(price=100), after, RiskLimits(max_position=0), account=holding(cash=0))
        assert (rejection is None) == passes

    def test_may_show_as_much_as_before_of_less(self) -> None:
        before = order(quantity=100, price=100, type=OrderType.ICEBERG, display=50)
        after = msgspec.structs.replace(before, quantity=units(20))
        assert self.replaced(before, after, NO_LIMITS) is None

    def test_is_refused_in_a_halt(self) -> None:
        assert refused(self.replaced(order(), order(), NO_LIMITS, phase=HALTED)).check is Check.HALTED


@pytest.mark.parametrize(
    ("terms", "reference", "price"),
    [
        (order(price=150), 100, 150),
        (order(price=50), 100, 50),
        (order(SELL, price=150), 100, 150),
        (order(SELL, price=50), 100, 100),
        (order(SELL, price=50), None, 50),
        (market(), 100, 100),
        (market(SELL), 100, 100),
        (market(), None, None),
        (order(price=None, type=OrderType.STOP, stop=180), 100, 180),
        (order(price=None, type=OrderType.STOP, stop=1), 100, 100),
        (order(price=None, type=OrderType.STOP, stop=1), None, 1),
        (order(SELL, price=None, type=OrderType.STOP, stop=90), 100, 90),
        (order(SELL, price=None, type=OrderType.STOP, stop=180), 100, 180),
        (order(price=185, type=OrderType.STOP_LIMIT, stop=180), 100, 185),
        (order(SELL, price=50, type=OrderType.STOP_LIMIT, stop=90), 100, 90),
        (order(SELL, price=95, type=OrderType.STOP_LIMIT, stop=90), 100, 95),
    ],
)
def test_an_order_is_valued_at_the_highest_price_that_it_is_expected_to_trade_at(
    terms: OrderTerms, reference: int | None, price: int | None
) -> None:
    """A sell at 50 in a market at 100 trades at 100, and so does a buy whose stop at 1 is behind the market."""
    assert order_price(terms, None if reference is None else units(reference)) == (price and units(price))


def test_the_defaults_pass_an_ordinary_order() -> None:
    assert checked(order(), RiskLimits()) is None
