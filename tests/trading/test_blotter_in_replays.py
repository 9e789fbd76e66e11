"""Blotter of a client whose replay is sought back and forth: it shows what holds, as if nothing else had ever been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given

from hftlab.protocol import AuthSuccess
from hftlab.protocol.publishing.private_log import PrivateLog
from hftlab.protocol.subscribing.private_stream import PrivateStream
from hftlab.source import Timed
from hftlab.trading.blotter import Blotter
from tests.trading.paper_script import NAMES, SCRIPTS, Listener, straight_run
from tests.trading.printed_market import Print, paper
from tests.trading.updates import welcome


class Client:
    """Client of one account, which may be away for a while and resumes."""

    def __init__(self, name: str, log: PrivateLog, listener: Listener) -> None:
        self.name, self.log, self.listener = name, log, listener
        self.blotter, self.stream = Blotter(), PrivateStream()
        self.lost: list[Any] = []
        self.is_away = True
        self.come_back()

    def come_back(self) -> None:
        if not self.is_away:
            return
        self.is_away = False
        self.stream.welcome("s")
        self.take(welcome("s"))
        seen, last = self.stream.resume_from, self.log.sequence
        has_resumed = self.log.can_resume("s", seen)
        missed = [] if seen is None else self.log.since("s", seen)
        self.stream.authenticated(self.name, last)
        success = AuthSuccess(timestamp=1.0, subject=self.name, expires_at=1.0, private_sequence=last)
        self.take(success, *missed)
        self.look(with_finished=not has_resumed)

    def look(self, *, with_finished: bool = False) -> None:
        state = self.listener.source.trading.snapshot(self.name, 0, with_finished=with_finished)
        self.take(*(item.message for item in state))

    def take(self, *messages: Any) -> None:
        for message in messages:
            if self.is_away:
                return
            if message.channel == 0:
                is_new, losses = self.stream.receive(message)
                self.lost += losses
                if not is_new:
                    continue
            self.blotter.receive(message)

    def known(self) -> list[Any]:
        """Return all that it shows, without the times at which it learnt of it, nor why an order was refused last."""
        plain = {"created": 0, "updated": 0, "reason": None, "update_type": None}
        records = [msgspec.structs.replace(order.record, **plain) for order in self.blotter.orders]
        names = {
            letter: None if (order := self.blotter.find(letter)) is None else order.record.order_id
            for letter in "abcdef"
        }
        positions = {symbol: one.quantity for symbol, one in self.blotter.positions.items()}
        portfolio = self.blotter.portfolio
        return [
            sorted(records, key=lambda one: one.order_id or ""),
            sorted(order.record.order_id or "" for order in self.blotter.open_orders),
            names,
            self.blotter.fills,
            positions,
            None if portfolio is None else (portfolio.cash, portfolio.total_value),
        ]


class Wire(Listener):
    """Listener that passes on what it hears to clients, as a server does."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.logs = {name: PrivateLog("s") for name in NAMES}
        self.clients = [Client(name, log, self) for name, log in self.logs.items() for _ in range(2)]

    def hear(self, items: Sequence[Timed[Any]]) -> None:
        super().hear(items)
        for item in items:
            if item.account is not None:
                is_state = item.message.snapshot
                message = item.message if is_state else self.logs[item.account].add(item.message, item.at)
                self.pass_on(item.account, message)

    def pass_on(self, account: str, *messages: Any) -> None:
        for client in self.clients:
            if client.name == account:
                client.take(*messages)

    def do(self, kind: str, *what: Any) -> None:
        super().do(kind, *what)
        if kind == "seek":
            for name, log in self.logs.items():
                gap = log.withdraw(self.source.trading.last_valid(what[0]))
                state = [item.message for item in self.source.trading.snapshot(name, 0)]
                self.pass_on(name, *([] if gap is None else [gap]), *state)
        if kind == "disconnect":  # also those of the second client of each account, for a while
            for client in self.clients[1::2]:
                if client.is_away:
                    client.come_back()
                else:
                    client.is_away = True


@given(**SCRIPTS)
def test_it_shows_what_holds_alone(
    rows: list[Print], script: list[Any], terms: dict[str, int], is_unpaced: bool
) -> None:
    wire = Wire(paper(rows, **terms, speed=float("inf") if is_unpaced else 1.0))
    wire.run(script)
    straight = Wire(paper(rows, **terms))
    straight_run(wire, rows, terms, straight)
    for client, fresh in zip(wire.clients, straight.clients, strict=True):
        client.come_back()
        fresh.come_back()
        client.look()
        fresh.look()
        assert client.lost == []
        assert client.known() == fresh.known()
