"""Random requests of three accounts to a simulated exchange, and a ledger that follows them by their updates alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hftlab.protocol.enums import OrderType, SelfTradePrevention, Side, TimeInForce, UpdateType
from hftlab.simulator import Exchange
from hftlab.trading.venue import Cancel, New, OrderTerms, Replace, RequestKind, VenueRequest, VenueUpdate

ACCOUNTS = ("alice", "bob", "carol")
UNIT = 10**9
CENT = UNIT // 100

Sent = tuple[int, str, VenueRequest]
"""Time, account and request."""


def random_requests(seed: int, count: int, start: int, prices: dict[str, int], gap: float = 3e7) -> list[Sent]:
    """Requests at random times, with prices (1e-9) around those given; some name orders that are over or another's."""
    random = np.random.default_rng(seed)
    at, sent, known = start, [], [("alice", "nothing", "AAPL")]
    for number in range(count):
        at += int(random.exponential(gap))
        account = ACCOUNTS[random.integers(3)]
        owner, order_id, symbol = known[-1 - min(int(random.exponential(6)), len(known) - 1)]
        whose = owner if random.random() < 0.95 else account
        draw = random.random()
        if draw < 0.2:
            sent.append((at, whose, Cancel(order_id)))
        elif draw < 0.35:
            sent.append((at, whose, _replacement(random, order_id, prices[symbol])))
        else:
            symbol = list(prices)[random.integers(len(prices))]
            sent.append((at, account, New(f"o{number}", _terms(random, symbol, prices[symbol]))))
            known.append((account, f"o{number}", symbol))
    return sent


def _price(random: np.random.Generator, around: int, wide: float = 0.0006) -> int:
    return round(around * (1 + wide * random.normal()) / CENT) * CENT


def _replacement(random: np.random.Generator, order_id: str, around: int) -> Replace:
    quantity, price, stop = random.random(3)
    return Replace(
        order_id,
        int(random.integers(1, 400)) * UNIT if quantity < 0.7 else None,
        _price(random, around) if price < 0.6 else None,
        _price(random, around) if stop < 0.1 else None,
    )


def _terms(random: np.random.Generator, symbol: str, around: int) -> OrderTerms:
    kind = OrderType(random.choice(["LIMIT", "LIMIT", "LIMIT", "MARKET", "STOP", "STOP_LIMIT", "ICEBERG"]))
    has_price, is_stop = kind not in (OrderType.MARKET, OrderType.STOP), kind in (OrderType.STOP, OrderType.STOP_LIMIT)
    side = Side(random.choice(["BUY", "SELL"]))
    rests = kind in (OrderType.LIMIT, OrderType.ICEBERG)
    in_force = TimeInForce(random.choice(["DAY", "DAY", "GTC", "IOC", "FOK"]))
    if kind is OrderType.ICEBERG and in_force in (TimeInForce.IOC, TimeInForce.FOK):
        in_force = TimeInForce.DAY
    return OrderTerms(
        symbol=symbol,
        side=side,
        type=kind,
        quantity=int(random.integers(1, 2500 if random.random() < 0.1 else 400)) * UNIT,
        price=_price(random, around) + (random.random() < 0.02) if has_price else None,
        stop_price=_price(random, around, 0.0003) if is_stop else None,
        display_quantity=int(random.integers(1, 60)) * UNIT if kind is OrderType.ICEBERG else None,
        time_in_force=in_force,
        post_only=bool(rests and in_force in (TimeInForce.DAY, TimeInForce.GTC) and random.random() < 0.2),
        self_trade_prevention=SelfTradePrevention(random.choice(list(SelfTradePrevention))),
    )


def mids(venue: Exchange) -> dict[str, int]:
    return {symbol: venue.reference_price(symbol) or 0 for symbol in venue.symbols}


@dataclass
class Followed:
    """An order as its account knows it from updates."""

    account: str
    quantity: int
    filled: int = 0
    state: str = "sent"  # live, ended, refused

    @property
    def open(self) -> int:
        return self.quantity - self.filled if self.state == "live" else 0


class Ledger:
    """State of all orders by their updates; asserts that each update is possible after those before it."""

    def __init__(self) -> None:
        self.orders: dict[str, Followed] = {}
        self.counts: defaultdict[UpdateType, int] = defaultdict(int)
        self._at = 0

    def send(self, account: str, request: VenueRequest) -> None:
        if isinstance(request, New):
            self.orders[request.order_id] = Followed(account, request.terms.quantity)

    def apply(self, updates: Iterable[VenueUpdate]) -> None:
        for update in updates:
            self.counts[update.kind] += 1
            assert update.at >= self._at
            self._at = update.at
            if update.kind is UpdateType.REJECT and update.request is not RequestKind.NEW:
                assert update.reason
                continue
            self._apply(update, self.orders[update.order_id])

    def _apply(self, update: VenueUpdate, order: Followed) -> None:
        assert order.account == update.account
        if update.kind is UpdateType.REJECT:
            assert order.state == "sent" and update.reason
            order.state = "refused"
            return
        if update.kind is UpdateType.NEW and update.reason is None:
            assert order.state == "sent"
            order.state = "live"
            return
        assert order.state == "live", update
        if update.kind is UpdateType.FILL:
            assert update.quantity is not None and 0 < update.quantity <= order.open
            assert update.price is not None and update.price > 0 and update.liquidity is not None
            order.filled += update.quantity
            if order.open == 0:
                order.state = "ended"
        elif update.kind is UpdateType.REPLACE:
            assert update.quantity is not None and update.quantity > order.filled
            order.quantity = update.quantity
        elif update.kind is UpdateType.NEW:
            assert update.reason == "triggered"
        else:
            assert update.kind in (UpdateType.CANCEL, UpdateType.EXPIRE) and update.reason
            order.state = "ended"


def open_at(venue: Exchange) -> list[tuple[int, int]]:
    """Account's number and open quantity (1e-9) of each order of an account, as the matching engine has it."""
    rows = venue.books.state.orders
    rows = rows[(rows["id"] > 0) & (rows["owner"] >= 1000)]
    return sorted((int(row["owner"]) - 1000, int(row["shown"] + row["hidden"]) * UNIT) for row in rows)


def open_by(ledger: Ledger, accounts: Sequence[str]) -> list[tuple[int, int]]:
    orders = [one for one in ledger.orders.values() if one.open]
    return sorted((accounts.index(one.account), one.open) for one in orders)
