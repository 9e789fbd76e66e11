"""Three accounts that trade at a simulated exchange on a virtual clock: what they ask for, and all that comes of it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import HftlabError, ServerError
from hftlab.events import BID, FILL, NO_SIDE, TRADE
from hftlab.instruments import UNIT
from hftlab.protocol import (
    Ack,
    AuthSuccess,
    CancelAll,
    CancelOrder,
    NewOrder,
    OrderStatus,
    OrderType,
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    UpdateType,
)
from hftlab.protocol.publishing.private_log import PrivateLog
from hftlab.simulator import Exchange
from hftlab.simulator.traders import FIRST_ACCOUNT
from hftlab.trading import AccountTerms, RiskLimits
from hftlab.trading.blotter import Blotter
from hftlab.trading.broker import Broker, OrderRequest
from hftlab.trading.money import cash_currency
from hftlab.trading.traded_source import TradedSource
from hftlab.trading.venue import VenueUpdate
from hftlab.trading.wire import from_units, portfolio_update, position_update
from tests.trading.slow_account import SCHEDULES, SlowAccount

__all__ = ["START", "SYMBOLS", "Floor"]

START: Final = 1_767_364_200_000_000_000  # 2026-01-02 14:30 UTC
INTERVAL: Final = NANOSECONDS // 4
"""Time between two messages of the market, whose prices value the positions."""
SYMBOLS: Final = ("AAPL", "VOD", "BTCUSDT")
"""Dollars, pence and tethers; shares and parts of coins."""
NAMES: Final = ("alice", "bob", "carol")

_SIZES: Final = {"AAPL": 400 * UNIT, "VOD": 4000 * UNIT, "BTCUSDT": 2 * UNIT}
_CASH: Final = {"USD": 3_000_000.0, "GBP": 1_000_000.0, "USDT": 2_000_000.0}
_LIMITS: Final = RiskLimits(orders_per_second=None, max_order_quantity=1e9)
_TERMS: Final = {
    "alice": AccountTerms(cash=_CASH, commissions=dict(zip(("NASDAQ", "LSE", "BINANCE"), SCHEDULES[1:], strict=True))),
    "bob": AccountTerms(
        cash=_CASH,
        commissions=SCHEDULES[2],
        leverage=3.0,
        limits=_LIMITS,
        self_trade_prevention=SelfTradePrevention.DECREMENT,
    ),
    "carol": AccountTerms(cash=_CASH, commissions=SCHEDULES[3], limits=RiskLimits(price_band=None, burst=5)),
}


class _Watched(Exchange):
    """Exchange that keeps its updates, its public events and the engine's numbers of accounts' orders for a test."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.reported: list[VenueUpdate] = []
        self.batches: list[Any] = []
        self.numbers: dict[int, str] = {}
        remember = self._entry._live._remember

        def note(order: Any, number: int) -> None:
            self.numbers[number] = order.order_id
            remember(order, number)

        self._entry._live._remember = note  # type: ignore[method-assign]

    def advance(self, until: int) -> list[Any]:
        messages: list[Any] = []
        for segment in self._segments(until):
            self.batches.append(segment.events)
            messages += [message for _, message in segment.messages]
        return messages

    def take_updates(self) -> list[VenueUpdate]:
        updates = super().take_updates()
        self.reported += updates
        return updates


class _Member:
    """One account of a sequence with all that it has been told, as its client and a slow account understand it."""

    def __init__(self, name: str) -> None:
        self.name, self.log = name, PrivateLog("s")
        self.blotter = Blotter()
        self.blotter.receive(Ack(timestamp=1.0, message="welcome", session="s"))
        self.blotter.receive(AuthSuccess(timestamp=1.0, subject=name))
        self.slow: dict[str, SlowAccount] = {}
        self.told: list[Any] = []
        self.sent: list[OrderRequest] = []
        self.tracked: dict[str, Any] = {}
        self.names: list[str] = ["nothing"]

    def receive(self, item: Any) -> None:
        message = item.message if item.message.snapshot else self.log.add(item.message)
        self.told.append((item.at, message))
        self.blotter.receive(message)


class Floor:
    """Exchange with a broker, at which sequences of requests of three new accounts each follow one another."""

    def __init__(self, seed: int, sequences: int, latency: int = 0) -> None:
        self.clock = Clock(START, paused=True)
        self.venue = _Watched(seed, SYMBOLS, clock=self.clock, interval=INTERVAL, order_latency=latency)
        terms = {f"{name}{number}": _TERMS[name] for name in NAMES for number in range(sequences)}
        self.broker = Broker(self.venue, terms)
        self.source = TradedSource(self.venue, self.broker)
        self.at = START
        self.members: dict[str, _Member] = {}
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.cuts: random.Random | None = None
        """Where the stream is cut beside the times at which something is due; None for nowhere else."""
        self._price = 0
        self._shares: defaultdict[str, int] = defaultdict(int)
        self._money: defaultdict[str, int] = defaultdict(int)
        self._listings = {one.wire_symbol: one for one in self.venue.instruments}

    # --- time ---

    def advance(self, until: int) -> None:
        """Let time go on as a server does: to each moment at which something is due, and to `until`."""
        while (due := self.source.next_time()) is not None and due <= until:
            self._cut(due)
            self._step(due)
        self._cut(until)
        self._step(until)

    def _cut(self, until: int) -> None:
        while self.cuts is not None and self.at < until and self.cuts.random() < 0.5:
            self.counts["cut"] += 1
            self._step(self.cuts.randint(self.at, until - 1))

    def _step(self, until: int) -> None:
        self.at = max(self.at, until)
        self.clock.set(self.at)
        self._deliver([item for item in self.source.advance(until) if item.account is not None])

    def _deliver(self, items: Sequence[Any]) -> None:
        for item in items:
            if item.account in self.members:  # earlier ones still have positions, whose prices move
                self.members[item.account].receive(item)

    # --- a sequence ---

    def play(self, seed: int, number: int, steps: int) -> list[_Member]:
        """Let three new accounts send random requests, and let all arrive; returns the accounts."""
        chance = random.Random(seed)
        members = [_Member(f"{name}{number}") for name in NAMES]
        self.members = {one.name: one for one in members}
        self._shares.clear()
        self._money.clear()
        for _ in range(steps):
            gap = chance.choice(
                (0, chance.expovariate(1 / 3e7), chance.expovariate(1 / 3e7), chance.expovariate(1 / 1e8))
            )
            self.advance(self.at + int(gap))
            if chance.random() < 0.12:
                self._control(chance)
            else:
                member = chance.choice(members)
                self._ask(member, self._request(chance, member))
        self.settle()
        return members

    def end(self) -> None:
        """Open everything, and cancel all."""
        self.venue.open_day()
        for symbol in SYMBOLS:
            self.venue.set_band(symbol, None)
        for member in self.members.values():
            self._ask(member, CancelAll(timestamp=1.0))
        self.settle()

    def settle(self) -> None:
        """Let all requests arrive, and make the public events up to here."""
        self.advance(self.at + 2 * self.venue.latency)
        self.advance((self.at // INTERVAL + 1) * INTERVAL)

    def _ask(self, member: _Member, request: OrderRequest) -> None:
        member.sent.append(request)
        if isinstance(request, NewOrder):
            order = member.blotter.track(request, self.at)
            member.tracked[request.client_order_id] = order
        elif isinstance(request, ReplaceOrder):
            known = member.blotter.find(request.client_order_id)
            if known is not None:
                member.blotter.replace(known, request.new_client_order_id)
        self.counts[request.type] += 1
        try:
            told = self.broker.handle(member.name, request, self.at)
        except ServerError as exc:
            self.counts["error"] += 1
            if isinstance(request, NewOrder):
                member.blotter.refuse(order, str(exc), self.at)
            elif isinstance(request, ReplaceOrder):
                member.blotter.keep(request.new_client_order_id)
            return
        if isinstance(request, NewOrder):
            member.blotter.acknowledge(order)
        self._deliver(told)

    # --- random requests ---

    def _control(self, chance: random.Random) -> None:
        venue, symbol = self.venue, chance.choice(SYMBOLS)
        action = chance.choice(("halt", "resume", "call_auction", "uncross", "close_day", "open_day", "band", "band"))
        self.counts[action] += 1
        try:
            if action == "band":
                price = (venue.reference_price(symbol) or UNIT) / UNIT
                width = chance.choice((None, price * 0.0005, price * 0.01))
                venue.set_band(symbol, width, halts=chance.random() < 0.5)
            else:
                getattr(venue, action)(symbol)
        except HftlabError:
            self.counts["refused control"] += 1
        self._deliver(self.broker.collect())

    def _request(self, chance: random.Random, member: _Member) -> OrderRequest:
        draw, names = chance.random(), member.names
        live = [one.record.client_order_id for one in member.blotter.open_orders]
        recent = names[-1 - min(int(chance.expovariate(0.4)), len(names) - 1)]
        name = chance.choice(live) if live and chance.random() < 0.7 else recent
        if draw < 0.05 and member.sent:
            return chance.choice(member.sent)  # once more
        if draw < 0.17:
            return CancelOrder(timestamp=1.0, client_order_id=name)
        if draw < 0.21:
            return CancelAll(timestamp=1.0, symbol=chance.choice((None, *SYMBOLS)))
        if draw < 0.37:
            known = member.blotter.find(name)
            symbol = SYMBOLS[0] if known is None else known.record.symbol
            new = f"r{len(member.sent)}" if chance.random() < 0.9 else name
            names.append(new)
            quantity, price, stop = (chance.random() for _ in range(3))
            return ReplaceOrder(
                timestamp=1.0,
                client_order_id=name,
                new_client_order_id=new,
                quantity=self._quantity(chance, symbol) if quantity < 0.7 else None,
                price=self._limit(chance, symbol)
                if price < (0.8 if self._is_limited(member, name) else 0.05)
                else None,
                stop_price=self._limit(chance, symbol) if stop < 0.1 else None,
            )
        names.append(f"c{len(member.sent)}")
        return self._order(chance, names[-1])

    def _is_limited(self, member: _Member, name: str) -> bool:
        known = member.blotter.find(name)
        return known is not None and known.record.price is not None

    def _order(self, chance: random.Random, name: str) -> NewOrder:
        symbol = chance.choice(SYMBOLS)
        kind = OrderType(chance.choice(("LIMIT", "LIMIT", "LIMIT", "MARKET", "STOP", "STOP_LIMIT", "ICEBERG")))
        limited, is_stop = kind not in (OrderType.MARKET, OrderType.STOP), kind.startswith("STOP")
        quantity = self._quantity(chance, symbol)
        return NewOrder(
            timestamp=1.0,
            client_order_id=name,
            symbol=symbol,
            side=chance.choice(list(Side)),
            order_type=kind,
            quantity=quantity,
            price=self._limit(chance, symbol) if limited else None,
            stop_price=self._limit(chance, symbol) if is_stop else None,
            display_quantity=self._quantity(chance, symbol, 0.1) if kind is OrderType.ICEBERG else None,
            time_in_force=chance.choice((TimeInForce.DAY, TimeInForce.GTC, *TimeInForce)),
            post_only=chance.random() < 0.15,
            self_trade_prevention=chance.choice((None, None, *SelfTradePrevention)),
        )

    def _quantity(self, chance: random.Random, symbol: str, share: float = 1.0) -> float:
        most = _SIZES[symbol] * share * (6 if chance.random() < 0.1 else 1)
        lot = self._listings[symbol].lot
        return max(lot, int(chance.random() * most) // lot * lot) / UNIT

    def _limit(self, chance: random.Random, symbol: str) -> float:
        listing, around = self._listings[symbol], self.venue.reference_price(symbol) or UNIT
        price = max(1, int(around * (1 + chance.choice((0.0005, 0.003)) * chance.gauss())))
        rule = listing.rule
        tick = listing.tick if rule is None else rule.ticks[bisect_right(rule.bounds, price) - 1]
        units = max(tick, price // tick * tick) + (listing.tick if chance.random() < 0.02 else 0)
        return units / UNIT

    # --- what must be true ---

    def check(self) -> None:
        """Check all that can be known of the sequence that was played last; AssertionError says what is wrong."""
        updates, self.venue.reported = self.venue.reported, []
        self._check_conservation(updates)
        for member in self.members.values():
            self._deliver(self.broker.portfolios(self.at))
            self._check_account(member)
            self._check_orders(member, updates)
            self._check_blotter(member)
        self._check_engine()

    def _check_conservation(self, updates: list[VenueUpdate]) -> None:
        """What accounts have, and what the rest of the market has by the public events, is what there was."""
        for batch in self.venue.batches:
            self._add_the_others(batch)
        self.venue.batches = []
        for update in updates:
            if update.kind is UpdateType.FILL:
                self._take_in(update)
        shares, money = self._shares.copy(), self._money.copy()
        for member in self.members.values():
            account = self.broker.account(member.name)
            for currency, amount in account.cash.items():
                money[currency] += amount - round(_CASH[currency] * UNIT) + account.commissions.get(currency, 0)
            for symbol, position in account.positions.items():
                shares[symbol] += position.quantity
        assert not any(shares.values()), f"shares {dict(shares)}"
        assert not any(money.values()), f"money {dict(money)}"

    def _add_the_others(self, batch: Any) -> None:
        """Count what the other traders have bought and paid, by the public trades and the fills that belong to them."""
        rows = np.flatnonzero((batch.action == TRADE) | (batch.action == FILL))
        columns = (batch.action, batch.instrument_id, batch.order_id, batch.side, batch.price, batch.size)
        for action, instrument, number, side, price, size in zip(*(one[rows].tolist() for one in columns), strict=True):
            if action == TRADE:
                self._price = price
                if side == NO_SIDE:
                    continue  # of an auction: both orders have a fill
            if number in self.venue.numbers:
                continue
            listing = batch.instruments[instrument]
            sign = 1 if side == BID else -1
            quantity = sign * size * listing.lot
            self._shares[listing.wire_symbol] += quantity
            currency, parts = cash_currency(listing.currency)
            self._money[currency] -= quantity * self._price // (UNIT * parts)

    def _take_in(self, update: VenueUpdate) -> None:
        member = self.members[update.account]
        order = next(one for one in self._known(member.name) if one.order_id == update.order_id)
        symbol = order.terms.symbol
        if symbol not in member.slow:
            schedules = self.broker.account(member.name).terms.commissions
            venue = self._listings[symbol].venue.name
            schedule = schedules[venue] if isinstance(schedules, dict) else schedules
            member.slow[symbol] = SlowAccount(Fraction(1, 10**7 if symbol == "VOD" else 10**9), schedule)
        member.slow[symbol].fill(
            order.terms.side, Fraction(update.quantity, UNIT), Fraction(update.price, UNIT), update.liquidity
        )

    def _known(self, name: str) -> list[Any]:
        orders = self.broker._customer(name).orders
        return [*orders.finished, *orders]

    def _check_account(self, member: _Member) -> None:
        account = self.broker.account(member.name)
        cash = {currency: round(amount * UNIT) for currency, amount in _CASH.items()}
        assert set(account.positions) == set(member.slow)
        for symbol, slow in member.slow.items():
            position = account.positions[symbol]
            assert (position.quantity, position.cost) == (slow.quantity * UNIT, slow.cost * UNIT), symbol
            assert position.realized == slow.realized * UNIT, symbol
            currency, parts = cash_currency(self._listings[symbol].currency)
            cash[currency] += slow.cash * UNIT / parts
        assert account.cash == cash

    def _check_orders(self, member: _Member, updates: list[VenueUpdate]) -> None:
        customer = self.broker._customer(member.name)
        sums: dict[str, list[int]] = {}
        for order in customer.orders:
            place = 0 if order.sign > 0 else 1
            one = sums.setdefault(order.terms.symbol, [0, 0])
            one[place] += order.remaining
        counted = {symbol: one[:2] for symbol, one in customer._exposure._symbols.items()}
        assert counted == sums, f"exposure of {member.name}"
        filled: defaultdict[str, int] = defaultdict(int)
        for fill in member.blotter.fills:
            filled[fill.order_id] += round(fill.quantity * UNIT)
        known = self._known(member.name)
        assert dict(filled) == {order.order_id: order.filled for order in known if order.filled}
        assert len({order.entered[0] for order in known}) == len(known)  # each clientOrderId is one order

    def _check_blotter(self, member: _Member) -> None:
        """What a client makes of the messages is what the broker has."""
        account, blotter = self.broker.account(member.name), member.blotter
        records = {one.record.order_id: one.record for one in blotter.orders if one.record.order_id is not None}
        known = self._known(member.name)
        assert set(records) == {order.order_id for order in known}
        for order in known:
            record = records[order.order_id]
            terms = order.terms
            assert (record.client_order_id, record.status, record.reason) == (
                order.client_order_id,
                order.status,
                order.reason,
            ), order
            assert (record.quantity, record.filled_quantity, record.remaining_quantity) == tuple(
                from_units(units) for units in (terms.quantity, order.filled, order.remaining)
            ), order
            assert (record.price, record.stop_price) == tuple(
                None if units is None else from_units(units) for units in (terms.price, terms.stop_price)
            ), order
            assert (record.commission or 0.0) == from_units(order.commission), order
            if order.filled:
                assert record.average_price == order.value / (order.filled * UNIT), order
            assert blotter.find(order.client_order_id).record is record
        refused = [one.record for one in blotter.orders if one.record.order_id is None]
        assert all(one.status is OrderStatus.REJECTED for one in refused), refused
        for symbol, position in account.positions.items():
            self._compare(blotter.positions[symbol], position_update(position, 0))
        assert set(blotter.positions) == set(account.positions)
        if blotter.portfolio is not None:
            self._compare(blotter.portfolio, portfolio_update(self.broker._customer(member.name).portfolio(), 0))

    def _compare(self, told: PositionUpdate | PortfolioUpdate, held: PositionUpdate | PortfolioUpdate) -> None:
        left_out = ("timestamp", "sequence", "channel", "snapshot")
        fields = [name for name in held.__struct_fields__ if name not in left_out]
        for name in fields:
            assert getattr(told, name) == getattr(held, name), (name, told, held)

    def _check_engine(self) -> None:
        """The engine has the accounts' open orders and no others."""
        rows = self.venue.books.state.orders
        rows = rows[(rows["id"] > 0) & (rows["owner"] >= FIRST_ACCOUNT)]
        instruments = self.venue.instruments
        live = {
            self.venue.numbers[int(row["id"])]: int(row["shown"] + row["hidden"]) * instruments[int(row["book"])].lot
            for row in rows
        }
        assert live == {order.order_id: order.remaining for name in self.members for order in self.broker.orders(name)}
        assert len(self.venue._entry._live) == len(live)

    def fills(self) -> list[OrderUpdate]:
        """All fills that the accounts have been told."""
        return [
            message
            for member in self.members.values()
            for _, message in member.told
            if isinstance(message, OrderUpdate) and message.update_type is UpdateType.FILL
        ]
