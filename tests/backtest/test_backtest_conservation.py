"""Random orders of three accounts in a recorded market, with every fill model: nothing appears, nothing is lost.

What the accounts gain, and pay as commissions, the rest of the market loses: by a slow account that adds up the fills,
and by the recorded trades, of which own orders have no more than there was.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from random import Random
from typing import Final

import numpy as np
import polars as pl
import pytest

from hftlab.backtest import FILL_MODELS, FillModel, Latency, Lognormal
from hftlab.backtest.backtesting import fill_venue
from hftlab.errors import ServerError
from hftlab.events import ASK, BID, NO_SIDE, TRADE
from hftlab.instruments import UNIT
from hftlab.protocol import CancelAll, CancelOrder, NewOrder, OrderType, ReplaceOrder, Side, TimeInForce
from hftlab.protocol.enums import UpdateType
from hftlab.session import Session
from hftlab.trading import AccountTerms, RiskLimits
from hftlab.trading.broker import Broker
from hftlab.trading.venue import Liquidity, New, VenueRequest, VenueUpdate
from tests.backtest.recorded_days import OPENING, levels, orders
from tests.trading.slow_account import SCHEDULES, SlowAccount

SECONDS: Final = 20
SECOND: Final = 10**9
CASH: Final = 10_000_000
NAMES: Final = ("alice", "bob", "carol")
LATENCIES: Final = (
    Latency.none,
    Latency(entry=Lognormal("3ms", 0.5), response="1ms", seed=2),
    Latency(entry={"new": "80ms", "cancel": "20ms", "replace": "150ms"}),
)
MODELS: Final = [*map(FillModel, FILL_MODELS), FillModel("fifo", impact=True)]


class Floor:
    """Accounts that trade at random in a session, and all that the venue has reported."""

    def __init__(self, session: Session, model: FillModel, seed: int) -> None:
        self.venue, _ = fill_venue(session, model, LATENCIES[seed % len(LATENCIES)])
        limits = RiskLimits(orders_per_second=None, price_band=None, max_order_quantity=1e9)
        terms = {
            name: AccountTerms(cash=CASH, commissions=schedule, limits=limits, leverage=10.0)
            for name, schedule in zip(NAMES, SCHEDULES[1:], strict=True)
        }
        self.broker = Broker(self.venue, terms)
        self.venue.broker = self.broker
        self.updates: list[VenueUpdate] = []
        self.venue.on_update = self.updates.append
        self.sides: dict[str, Side] = {}
        self.venue.on_arrival = self.note_side
        self.random = Random(seed)
        self.sent: dict[str, list[str]] = {name: [] for name in NAMES}

    def note_side(self, request: VenueRequest, sent: int, arrival: int) -> None:
        if isinstance(request, New):
            self.sides[request.order_id] = request.terms.side

    def play(self, requests: int) -> None:
        """Send so many requests at random times, and let all of the session happen."""
        times = sorted(self.random.randrange(OPENING, OPENING + SECONDS * SECOND) for _ in range(requests))
        for number, at in enumerate(times):
            self.venue.advance(at)
            self.broker.collect()
            name = self.random.choice(NAMES)
            request = self.request(name, number)
            try:
                self.broker.handle(name, request, at)
            except ServerError:
                continue  # of an order that is over
            self.broker.collect()
        self.venue.advance(OPENING + (SECONDS + 10) * SECOND)
        self.broker.collect()

    def request(self, name: str, number: int) -> NewOrder | CancelOrder | ReplaceOrder | CancelAll:
        random, known = self.random, self.sent[name]
        kind = random.random()
        if known and kind < 0.15:
            return CancelOrder(timestamp=1.0, client_order_id=random.choice(known))
        if known and kind < 0.3:
            old = random.choice(known)
            known.append(f"{name}-{number}")
            return ReplaceOrder(
                timestamp=1.0,
                client_order_id=old,
                new_client_order_id=known[-1],
                quantity=random.randint(1, 900),
                price=round(self.reference + random.randint(-4, 4) * 0.01, 2),
            )
        if kind < 0.32:
            return CancelAll(timestamp=1.0)
        known.append(f"{name}-{number}")
        side = random.choice((Side.BUY, Side.SELL))
        is_market = random.random() < 0.1
        return NewOrder(
            timestamp=1.0,
            client_order_id=known[-1],
            symbol="AAPL",
            side=side,
            order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
            quantity=random.choice((1, 50, 100, 300, 700)),
            price=None if is_market else round(self.reference + random.randint(-4, 4) * 0.01, 2),
            time_in_force=random.choice((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC)),
        )

    @property
    def reference(self) -> float:
        return (self.venue.reference_price("AAPL") or 175 * UNIT) / UNIT

    def fills(self) -> list[VenueUpdate]:
        return [update for update in self.updates if update.kind is UpdateType.FILL]


def check_accounts(floor: Floor) -> None:
    """Cash, positions and commissions are those of a slow account, and add up to what the fills moved."""
    money = shares = Fraction(0)
    slow = {
        name: SlowAccount(Fraction(1, 10**9), schedule) for name, schedule in zip(NAMES, SCHEDULES[1:], strict=True)
    }
    for update in floor.fills():
        side, quantity = floor.sides[update.order_id], Fraction(update.quantity or 0, UNIT)
        price = Fraction(update.price or 0, UNIT)
        slow[update.account].fill(side, quantity, price, update.liquidity or Liquidity.MAKER)
        sign = 1 if side is Side.BUY else -1
        # What the rest of the market has got for it, to the unit of the currency.
        money += sign * slow[update.account].rounded(quantity * price)
        shares -= sign * quantity
    for name in NAMES:
        account, expected = floor.broker.account(name), slow[name]
        gained = Fraction(account.cash["USD"] - CASH * UNIT, UNIT)
        position = account.positions.get("AAPL")
        held = Fraction(position.quantity if position else 0, UNIT)
        assert (gained, held) == (expected.cash, expected.quantity)
        money += gained + Fraction(account.commissions.get("USD", 0), UNIT)
        shares += held
    assert (money, shares) == (0, 0)


def check_prints(floor: Floor, session: Session) -> None:
    """Fills that a recorded trade made are of no more than it traded, at its time and on its side."""
    traded: Counter[tuple[int, Side]] = Counter()
    rows = session.events.filter(pl.col("action") == TRADE).select("ts_event", "ts_recv", "side", "size").collect()
    times = np.minimum(rows["ts_event"].to_numpy(), rows["ts_recv"].to_numpy()).tolist()
    for at, letter, lots in zip(times, rows["side"].to_list(), rows["size"].to_list(), strict=True):
        for side in {ASK: (Side.BUY,), BID: (Side.SELL,), NO_SIDE: (Side.BUY, Side.SELL)}[letter]:
            traded[at, side] += lots * UNIT
    filled: defaultdict[tuple[int, Side], int] = defaultdict(int)
    for update in floor.fills():
        if update.reason in ("queue", "trade_through", "auction"):
            filled[update.at, floor.sides[update.order_id]] += update.quantity or 0
    assert filled
    for key, quantity in filled.items():
        assert quantity <= traded[key], (key, quantity)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model}{'-impact' if model.impact else ''}")
@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(3, 60), marks=pytest.mark.soak)], ids=["few", "many"])
def test_in_a_recording_of_orders(model: FillModel, seeds: range) -> None:
    for seed in seeds:
        floor = Floor(orders(SECONDS), model, seed)
        floor.play(120)
        assert len(floor.fills()) > 10
        check_accounts(floor)
        if not model.impact:  # else recorded orders meet own ones at other times than each other
            check_prints(floor, orders(SECONDS))


@pytest.mark.parametrize("model", MODELS[1:-1], ids=str)
def test_in_a_recording_of_messages(model: FillModel) -> None:
    floor = Floor(levels(SECONDS), model, 1)
    floor.play(120)
    assert len(floor.fills()) > 10
    check_accounts(floor)
