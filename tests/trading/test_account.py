from __future__ import annotations

import math
import pickle
import random
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import HftlabError
from hftlab.instruments import INSTRUMENTS, UNIT, Instrument, Venue
from hftlab.protocol.enums import SelfTradePrevention, Side
from hftlab.trading.account import RATES, Account, AccountTerms
from hftlab.trading.commissions import TYPICAL_COMMISSIONS, Commission
from hftlab.trading.risk_limits import RiskLimits
from hftlab.trading.venue import Liquidity
from tests.trading.slow_account import SCHEDULES, SlowAccount
from tests.trading.units import AAPL, BITCOIN, VODAFONE, units

BUY, SELL = Side.BUY, Side.SELL
MAKER, TAKER, AUCTION = Liquidity.MAKER, Liquidity.TAKER, Liquidity.AUCTION
TRADED = (AAPL, BITCOIN, VODAFONE)
START = 100_000


def account(commissions: Any = None, **terms: Any) -> Account:
    return Account("alice", AccountTerms(**{"cash": START, "commissions": commissions} | terms), TRADED)


@dataclass
class Case:
    """Fills (side, quantity, price, role) in one instrument, and what the position and the cash are afterwards."""

    name: str
    fills: list[tuple[Side, str, str] | tuple[Side, str, str, Liquidity]]
    mark: str
    quantity: str
    average: str
    realized: str
    unrealized: str
    cash: dict[str, str]
    symbol: str = "AAPL"
    commissions: Commission | None = None
    charged: str = "0"
    rates: dict[str, float] = field(default_factory=lambda: dict(RATES))


CASES = [
    Case(
        "partial fills of one order",
        [(BUY, "30", "10.00"), (BUY, "20", "10.10"), (BUY, "50", "10.20")],
        "10.30", "100", "10.12", "0", "18", {"USD": "98988"},
    ),
    Case("averaging up", [(BUY, "100", "10"), (BUY, "100", "12")], "12", "200", "11", "0", "200", {"USD": "97800"}),
    Case("averaging down", [(BUY, "100", "10"), (BUY, "300", "6")], "6.5", "400", "7", "0", "-200", {"USD": "97200"}),
    Case(
        "a reduction leaves the average",
        [(BUY, "100", "10"), (BUY, "100", "12"), (SELL, "50", "15")],
        "11", "150", "11", "200", "0", {"USD": "98550"},
    ),
    Case("closing", [(BUY, "100", "10"), (SELL, "100", "9.50")], "9", "0", "0", "-50", "0", {"USD": "99950"}),
    Case("long to short", [(BUY, "100", "10"), (SELL, "150", "12")], "11", "-50", "12", "200", "50", {"USD": "100800"}),
    Case("short to long", [(SELL, "100", "20"), (BUY, "250", "18")], "19", "150", "18", "200", "150", {"USD": "97500"}),
    Case(
        "short cover",
        [(SELL, "100", "20"), (SELL, "100", "22"), (BUY, "100", "19")],
        "23", "-100", "21", "200", "-200", {"USD": "102300"},
    ),
    Case(
        "maker's rebate, taker's fee",
        [(BUY, "100", "10", MAKER), (SELL, "100", "10.01", TAKER)],
        "10", "0", "0", "0.90", "0", {"USD": "100000.90"},
        commissions=Commission(maker_per_unit=-0.002, taker_per_unit=0.003), charged="0.10",
    ),
    Case(
        "least and most of a fill",
        [(BUY, "100", "10"), (BUY, "1000", "10"), (BUY, "1", "10")],
        "10", "1101", "10", "-6.10", "0", {"USD": "88983.90"},
        commissions=Commission(per_unit=0.005, minimum=1.0, maximum_bps=100), charged="6.10",
    ),
    Case(
        "commission in another currency",
        [(BUY, "2", "50000"), (SELL, "2", "51000")],
        "51000", "0", "0", "1798", "0", {"USD": "100000", "USDT": "2000", "BNB": "-0.404"},
        symbol="BTCUSDT", commissions=Commission(maker_bps=10, taker_bps=10, currency="BNB"), charged="202",
        rates={"USDT": 1.0, "GBP": 1.25, "BNB": 500.0},
    ),
    Case(
        "fractional coin lots",
        [(BUY, "0.000003", "61837.63"), (BUY, "0.000002", "61837.64"), (SELL, "0.000001", "62000")],
        "61837.63", "0.000004", "61837.634", "0.000162366", "-0.000000016", {"USD": "100000", "USDT": "-0.24718817"},
        symbol="BTCUSDT",
    ),
    Case(
        "pence are paid in pounds",
        [(BUY, "1000", "72.50"), (SELL, "400", "75.00")],
        "74.00", "600", "72.5", "995.3875", "900", {"USD": "100000", "GBP": "-425.046125"},
        symbol="VOD", commissions=TYPICAL_COMMISSIONS["LSE"], charged="4.6125",
    ),
    Case(
        "dollars a share for a listing in pence",
        [(BUY, "100", "50")],
        "50", "100", "50", "-80", "0", {"USD": "99999", "GBP": "-50"},
        symbol="VOD", commissions=Commission(per_unit=0.01, currency="USD"), charged="80",
    ),
    Case(
        "five pounds at least for a listing in pence",
        [(BUY, "100", "50")],
        "50", "100", "50", "-500", "0", {"USD": "100000", "GBP": "-55"},
        symbol="VOD", commissions=Commission(taker_bps=5, minimum=5.0, currency="GBP"), charged="500",
    ),
    Case(
        "an auction's own rate",
        [(BUY, "100", "10", AUCTION), (SELL, "100", "10", TAKER)],
        "10", "0", "0", "-1.10", "0", {"USD": "99998.90"},
        commissions=Commission(taker_bps=10, auction_bps=1), charged="1.10",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_textbook(case: Case) -> None:
    traded = account(case.commissions, rates=case.rates)
    charged = [
        traded.fill(case.symbol, side, units(quantity), units(price), *(role or [TAKER]))
        for side, quantity, price, *role in case.fills
    ]
    traded.mark(case.symbol, units(case.mark))
    position = traded.positions[case.symbol]
    assert position.quantity == units(case.quantity)
    assert position.average_price == units(case.average)
    assert position.realized == units(case.realized)
    assert position.unrealized == units(case.unrealized)
    assert position.commissions == sum(charged) == units(case.charged)
    assert traded.cash == {currency: units(amount) for currency, amount in case.cash.items()}
    rate = Fraction(str(case.rates.get({"VOD": "GBP", "BTCUSDT": "USDT"}.get(case.symbol, "USD"), 1.0)))
    gained = (position.realized + position.unrealized) * (rate / 100 if case.symbol == "VOD" else rate)
    assert traded.portfolio().total_value == units(START) + gained


class TestDay:
    def test_profit_counts_from_its_start(self) -> None:
        traded = account()
        traded.fill("AAPL", BUY, units("100"), units("10"), TAKER)
        traded.mark("AAPL", units("12"))
        days = [traded.portfolio().day_pnl]
        traded.start_day()
        for price in ("12", "11"):
            traded.mark("AAPL", units(price))
            days.append(traded.portfolio().day_pnl)
        traded.fill("AAPL", SELL, units("100"), units("11.50"), TAKER)
        days.append(traded.portfolio().day_pnl)
        assert days == [units("200"), 0, -units("100"), -units("50")]
        assert traded.portfolio().realized == units("150")

    def test_profit_of_a_position_that_it_opened_is_all_of_it(self) -> None:
        traded = account(Commission(per_unit=0.01))
        traded.start_day()
        traded.fill("AAPL", BUY, units("100"), units("10"), TAKER)
        traded.mark("AAPL", units("10.50"))
        assert traded.positions["AAPL"].day_pnl == units("49")


class TestMark:
    def test_tells_whether_a_position_has_another_value(self) -> None:
        traded = account()
        assert not traded.mark("AAPL", units("11"))
        traded.fill("AAPL", BUY, units("100"), units("10"), TAKER)
        assert not traded.mark("AAPL", units("10"))
        assert traded.mark("AAPL", units("12"))
        traded.fill("AAPL", SELL, units("100"), units("10"), TAKER)
        assert not traded.mark("AAPL", units("13"))


class TestPortfolio:
    def test_is_in_the_accounts_currency(self) -> None:
        traded = account(leverage=2.0)
        traded.fill("AAPL", BUY, units("100"), units("10"), TAKER)
        traded.fill("VOD", SELL, units("1000"), units("80"), TAKER)  # 800 pounds, 1,000 dollars
        traded.mark("VOD", units("72"))
        portfolio = traded.portfolio(reserved=units("500"))
        assert portfolio._asdict() == {
            "total_value": units("100100"),
            "cash": units("100000"),
            "market_value": units("100"),
            "buying_power": units("197800"),  # 200,200 less 1,000 and 900 in positions, less 500 in open orders
            "unrealized": units("100"),
            "realized": 0,
            "day_pnl": units("100"),
            "currency": "USD",
        }
        assert traded.gross_value == units("1900")
        assert traded.buying_power() == units("198300")

    def test_adds_up_cash_of_several_currencies(self) -> None:
        traded = account(cash={"USD": 1000, "GBP": 100.5})
        assert traded.portfolio().total_value == units("1125.625")

    def test_in_pounds_has_pence_exactly(self) -> None:
        terms = AccountTerms(cash=1000, currency="GBP", commissions=None)
        traded = Account("alice", terms, [VODAFONE])
        traded.fill("VOD", BUY, units("333"), units("72.34"), TAKER)
        traded.mark("VOD", units("72.35"))
        assert traded.portfolio().total_value == units("1000.0333")

    def test_of_a_new_account_is_its_cash(self) -> None:
        assert account().portfolio() == (units(START), units(START), 0, units(START), 0, 0, 0, "USD")

    def test_is_shown(self) -> None:
        traded = account()
        traded.fill("AAPL", BUY, units("5"), units("10"), TAKER)
        assert repr(traded) == (
            "Account('alice', total_value=100000.00 USD, positions=[Position(AAPL, quantity=5, average_price=10 USD)])"
        )


class TestTerms:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"cash": math.nan}, "cash is nan: it must be a finite number"),
            ({"cash": {"USD": "much"}}, "cash['USD'] is 'much': it must be a finite number"),
            ({"cash": {"GBX": 5}}, "cash is in GBX: give it in GBP, of which 100 GBX are one"),
            ({"cash": {"JPY": 5}}, "cash is in JPY, which has no rate in USD: pass one in rates"),
            ({"currency": ""}, "currency has '' as a currency: give one such as 'USD'"),
            ({"currency": "GBX"}, "currency is in GBX: give it in GBP, of which 100 GBX are one"),
            ({"rates": {"GBP": 0}}, "rates['GBP'] is 0: it must be above 0"),
            ({"rates": {"USD": 2}}, "rates['USD'] is 2: the rate of the account's own currency is 1"),
            ({"rates": {"GBX": 0.0125}}, "rates is in GBX: give it in GBP, of which 100 GBX are one"),
            ({"rates": 1.25}, "rates is 1.25: it must be rates by currency, such as {'GBP': 1.25}"),
            ({"leverage": 0}, "leverage is 0: it must be above 0"),
            ({"commissions": 5}, "commissions is 5: it must be a Commission, commissions by venue, or None"),
            ({"commissions": {"NYSE": 5}}, "commissions['NYSE'] is 5: it must be a Commission"),
            ({"limits": 5}, "limits is 5: it must be RiskLimits, such as RiskLimits(max_position=1000)"),
            (
                {"self_trade_prevention": "SOME"},
                "self_trade_prevention is 'SOME': it must be one of NONE, CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, "
                "DECREMENT",
            ),
        ],
    )
    def test_that_cannot_be_are_refused(self, fields: dict[str, Any], said: str) -> None:
        with pytest.raises(ValueError) as error:
            AccountTerms(**fields)
        assert str(error.value) == said

    def test_have_the_rates_of_dollars_only_in_dollars(self) -> None:
        assert AccountTerms().rates == {"GBP": 1.25, "EUR": 1.10, "USDT": 1.0}
        assert AccountTerms(currency="GBP").rates == {}

    def test_do_not_follow_a_mapping_that_changes(self) -> None:
        cash = {"USD": 5.0}
        terms = AccountTerms(cash=cash)
        cash["USD"] = 6.0
        assert terms.cash == {"USD": 5.0}

    def test_go_to_other_processes(self) -> None:
        terms = AccountTerms(limits=RiskLimits(max_position=5), self_trade_prevention=SelfTradePrevention.NONE)
        assert pickle.loads(pickle.dumps(terms)) == terms

    def test_allow_every_instrument_that_hftlab_knows(self) -> None:
        assert Account("alice", AccountTerms(), INSTRUMENTS).portfolio().total_value == units("1000000")


class TestOtherTerms:
    def test_leave_cash_and_positions(self) -> None:
        traded = account()
        traded.fill("VOD", BUY, units("1000"), units("80"), TAKER)
        traded.mark("VOD", units("90"))
        traded.set_terms(AccountTerms(rates={"GBP": 1.5, "USDT": 1}, leverage=3.0, commissions=None))
        assert traded.positions["VOD"].quantity == units("1000")
        assert traded.portfolio().total_value == units("100150")
        assert traded.gross_value == units("1350")
        assert traded.buying_power() == units("299100")

    @pytest.mark.parametrize("currency", ["GBP", "EUR"])
    def test_that_cannot_be_change_nothing(self, currency: str) -> None:
        """An instrument's currency, or that of cash alone, has no rate any more."""
        traded = account(cash={"USD": START, "EUR": 1})
        before, rates = traded.terms, {name: rate for name, rate in RATES.items() if name != currency}
        with pytest.raises(HftlabError, match=f"has no rate of {currency} in USD"):
            traded.set_terms(AccountTerms(rates=rates, leverage=5.0))
        assert traded.terms is before
        assert traded.portfolio().buying_power == units("100001.1")


class TestCurrencies:
    def test_without_a_rate_are_refused(self) -> None:
        with pytest.raises(HftlabError) as error:
            Account("alice", AccountTerms(currency="GBP"), [VODAFONE, AAPL])
        assert str(error.value) == (
            "AAPL is priced in USD, and account 'alice' has no rate of USD in GBP: pass one, as in "
            "AccountTerms(rates={'USD': 1.0})"
        )

    def test_of_commissions_without_a_rate_are_refused(self) -> None:
        terms = AccountTerms(commissions={"BINANCE": Commission(taker_bps=10, currency="BNB")})
        with pytest.raises(HftlabError, match="BINANCE charges commissions in BNB, and account 'alice' has no rate"):
            Account("alice", terms, [BITCOIN])

    def test_of_an_instrument_without_one_are_the_venues(self) -> None:
        traded = Account("alice", AccountTerms(commissions=None), [replace(VODAFONE, currency="")])
        traded.fill("VOD", BUY, units("100"), units("50"), TAKER)
        assert traded.cash["GBP"] == -units("50")

    def test_that_nobody_knows_are_the_accounts_own(self) -> None:
        unknown = Instrument("ZZZ", Venue("X", ""), tick=UNIT, lot=UNIT, currency="")
        traded = Account("alice", AccountTerms(commissions=None, currency="EUR", cash=1_000), [unknown])
        traded.fill("ZZZ", BUY, units("2"), units("50"), TAKER)
        assert traded.cash == {"EUR": units("900")}
        assert traded.positions["ZZZ"].currency == "EUR"
        assert traded.portfolio().market_value == units("100")

    def test_of_an_unknown_symbol_are_a_key_error(self) -> None:
        with pytest.raises(KeyError):
            account().fill("TSLA", BUY, units("1"), units("1"), TAKER)


# --- against the slow account ---


@given(
    st.lists(
        st.tuples(
            st.sampled_from([BUY, SELL]),
            st.integers(1, 10_000),
            st.integers(1, 10_000_000),
            st.sampled_from([MAKER, TAKER, AUCTION]),
        ),
        max_size=40,
    ),
    st.integers(1, 10_000_000),
    st.sampled_from([AAPL, BITCOIN, VODAFONE]),
    st.sampled_from(SCHEDULES),
)
def test_fills_are_those_of_the_slow_account(
    fills: list[tuple[Side, int, int, Liquidity]], mark: int, instrument: Any, schedule: Commission
) -> None:
    """To the last unit, in odd prices and lots that leave something to round at every step."""
    currency = {AAPL: "USD", BITCOIN: "USDT", VODAFONE: "GBP"}[instrument]
    pence = instrument is VODAFONE
    terms = AccountTerms(cash=1000.0, currency=currency, commissions=schedule)
    traded, symbol = Account("alice", terms, [instrument]), instrument.wire_symbol
    slow = SlowAccount(Fraction(1, 10**7 if pence else 10**9), schedule)
    for side, lots, price, role in fills:
        quantity = lots * instrument.lot // 1000 + 1
        charge = traded.fill(symbol, side, quantity, price * 1_000_003, role)
        slow.fill(side, Fraction(quantity, 10**9), Fraction(price * 1_000_003, 10**9), role)
        position = traded.positions[symbol]
        assert (position.quantity, position.cost) == (slow.quantity * 10**9, slow.cost * 10**9)
        assert position.realized == slow.realized * 10**9
        assert traded.cash[currency] == units(1000) + slow.cash * (10**7 if pence else 10**9)
        assert charge == slow.charge(Fraction(quantity, 10**9), Fraction(price * 1_000_003, 10**9), role) * 10**9
    traded.mark(symbol, mark * 1_000_003)
    portfolio = traded.portfolio()
    assert portfolio.total_value == units(1000) + portfolio.realized + portfolio.unrealized
    assert portfolio.day_pnl == portfolio.realized + portfolio.unrealized
    assert portfolio.total_value == portfolio.cash + portfolio.market_value


@pytest.mark.parametrize("fills", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_what_one_gains_the_others_lose(fills: int) -> None:
    """Three accounts trade with one another: shares and cash are as many as at the start, but for commissions."""
    schedules = {"NASDAQ": SCHEDULES[1], "BINANCE": SCHEDULES[2], "LSE": SCHEDULES[3]}
    accounts = [account(schedules, cash={"USD": START, "GBP": START, "USDT": START}) for _ in range(3)]
    chance = random.Random(fills)
    for number in range(1, fills + 1):
        instrument = chance.choice(TRADED)
        symbol = instrument.wire_symbol
        buyer, seller = chance.sample(accounts, 2)
        quantity, price = chance.randint(1, 10**12), chance.randint(1, 10**13)
        buyer.fill(symbol, BUY, quantity, price, TAKER)
        seller.fill(symbol, SELL, quantity, price, chance.choice([MAKER, AUCTION]))
        for one in accounts:
            one.mark(symbol, price)
        if number % 500 == 0:
            for currency in ("USD", "GBP", "USDT"):
                cash = sum(one.cash[currency] for one in accounts)
                charged = sum(one.commissions.get(currency, 0) for one in accounts)
                assert cash == 3 * units(START) - charged
            for traded in TRADED:
                held = [one.positions[traded.wire_symbol] for one in accounts if traded.wire_symbol in one.positions]
                assert sum(position.quantity for position in held) == 0
            # Each account's sums are those of its positions, however many marks and fills have changed them.
            for one in accounts:
                values = [one.value(symbol, held.quantity, held.mark or 0) for symbol, held in one.positions.items()]
                assert abs(one.portfolio().market_value - sum(values)) <= 2 * len(values)
                assert abs(one.gross_value - sum(map(abs, values))) <= 2 * len(values)
