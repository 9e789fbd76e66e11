"""Accounts of a gateway's clients, which are the publisher's: a copy of their messages, and requests on their way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hftlab.clock import wall_time
from hftlab.errors import ServerError, WireError
from hftlab.gateway.account_records import (
    AnswerRecord,
    DisconnectRequest,
    MessageRecord,
    OrderSent,
    StateRecord,
    StateRequest,
    decode_batch,
    decode_private,
    encode,
    error_of,
)
from hftlab.gateway.gateway_source import GatewaySource
from hftlab.gateway.jetstream import answered_jetstream
from hftlab.gateway.subjects import Subjects, token_of
from hftlab.log import get_logger
from hftlab.protocol.codec import JSON
from hftlab.protocol.order_messages import OrderUpdate, PositionUpdate, PrivateMessage
from hftlab.protocol.publishing.accounts import Accounts
from hftlab.trading.order_entry import OrderRequest
from hftlab.trading.remote_broker import OrderAnswer, StateAnswer

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient

__all__ = ["RemoteAccounts"]

ANSWER: Final = 2.0
"""Seconds in which the publisher has to answer."""
_RETRY: Final = 0.2

_log = get_logger("hftlab.gateway")


@dataclass
class _Pending:
    """Request that waits for its answer."""

    answer: Callable[[WireError | None, list[PrivateMessage], int | None], None]
    deadline: float
    state: list[PrivateMessage] = field(default_factory=list)
    stored: asyncio.Future[Any] | None = None


class RemoteAccounts:
    """Broker in the publisher's process, as a gateway's clients see it (hftlab.trading.RemoteBroker).

    Requests go to JetStream in their order. `take()` gets the records of the account stream, and hands private messages
    to the source, each once, and answers between them. `now` is in seconds of a clock that never goes back.
    """

    def __init__(self, gateway: str, subjects: Subjects, now: Callable[[], float]) -> None:
        self.gateway = gateway
        self.session: str | None = None
        """Session of the accounts; None while no publisher takes orders."""
        self.mirror: Accounts[Any] = Accounts("", mirrors=True)
        """Copy of the private logs of that session."""
        self.can_ask: Callable[[], str | None] = lambda: None
        """Function that says why the publisher cannot be asked at present."""
        self.begin_session: Callable[[Accounts[Any]], None] = lambda _: None
        """Function that gives clients the copy of another session, behind all messages of the one before."""
        self.source: GatewaySource | None = None
        self.unanswered = 0
        """Requests that have had no answer in time."""
        self._subjects, self._now = subjects, now
        self._number = 0
        self._pending: dict[int, _Pending] = {}
        self._asking: dict[tuple[str, str, bool], list[StateAnswer]] = {}
        """By session, account and whether finished orders are asked for: who waits for a state."""
        self._queue: deque[OrderSent | StateRequest | DisconnectRequest] = deque()
        self._awake = asyncio.Event()
        self._sequences: dict[str, int] = {}
        """Newest sequence of each account."""
        self._told: dict[tuple[str, str, str], int] = {}
        """Sequences of the newest events about a position or portfolio."""
        self._held: dict[str, dict[tuple[str, str], tuple[int, PrivateMessage]]] = {}
        """By account the values that were told ahead of the events before them."""

    def begin(self, session: str) -> None:
        """Go on with the accounts of another session, of which nothing has been read yet."""
        assert self.source is not None
        self.session = session
        mirror = self.mirror = Accounts(session, mirrors=True)
        self._sequences.clear()
        self._told.clear()
        self._held.clear()
        self.fail_all("the trading venue was started again")
        self.source.call(lambda: self.begin_session(mirror))

    # --- RemoteBroker ---

    @property
    def takes_orders(self) -> bool:
        """True if a publisher takes orders."""
        return self.session is not None

    def ask_state(self, account: str, answer: StateAnswer, *, with_finished: bool) -> None:
        """Ask the publisher for an account's state; see RemoteBroker.

        Clients that sign in while the answer is on its way get the same: it may be megabytes, in a stream of all
        accounts.
        """
        if self.session is None:
            answer([])  # nothing is traded: an account has no state
            return
        if self.can_ask() is not None:
            answer(None)
            return
        mirror, question = self.mirror, (self.session, account, with_finished)
        if (asking := self._asking.get(question)) is not None:
            asking.append(answer)
            return
        asking = self._asking[question] = [answer]

        def answered(error: WireError | None, state: list[PrivateMessage], sequence: int | None) -> None:
            del self._asking[question]
            has_moved = sequence is not None and mirror.move_to(account, sequence)
            for one in asking:
                if has_moved and not with_finished and mirror is self.mirror:
                    # JetStream has lost what the copy lacks, and with it how orders have ended.
                    self.ask_state(account, one, with_finished=True)
                else:
                    one(state if error is None else None)

        number = self._await(answered)
        self._put(StateRequest(self.gateway, number, self.session, account, wall_time(), with_finished))

    def send(self, account: str, request: OrderRequest, entered_by: str | None, answer: OrderAnswer) -> None:
        """Send a request of an account; see RemoteBroker."""
        reason = self.can_ask()
        if self.session is None or reason is not None:
            answer(ServerError(f"the order was not sent: {reason or 'nobody takes orders here at present'}"))
            return
        number = self._await(lambda error, *_: answer(error))
        raw = msgspec.Raw(JSON.encode(request))
        connection = None if entered_by is None else f"{self.gateway}/{entered_by}"
        self._put(OrderSent(self.gateway, number, self.session, account, wall_time(), raw, connection))

    def disconnect(self, entered_by: str) -> None:
        """Cancel the open orders of a connection that has ended; see RemoteBroker."""
        if self.session is not None:
            self._put(DisconnectRequest(self.gateway, self.session, wall_time(), f"{self.gateway}/{entered_by}"))

    def _await(self, answer: Callable[[WireError | None, list[PrivateMessage], int | None], None]) -> int:
        self._number += 1
        self._pending[self._number] = _Pending(answer, self._now() + ANSWER)
        return self._number

    def _put(self, request: OrderSent | StateRequest | DisconnectRequest) -> None:
        self._queue.append(request)
        self._awake.set()

    # --- the way to the publisher ---

    async def run(self, client: NatsClient) -> None:
        """Send what waits, in its order, until it is cancelled."""
        js = answered_jetstream(client)
        while True:
            while not self._queue:
                self._awake.clear()
                await self._awake.wait()
            request = self._queue.popleft()
            if request.session != self.session:
                continue
            payload = encode(request)
            if isinstance(request, DisconnectRequest):
                subject = f"{self._subjects.orders}.{token_of(request.entered_by)}"
                while not await self._is_stored(client, subject, payload):
                    await asyncio.sleep(_RETRY)
                continue
            pending = self._pending.get(request.number)
            if pending is None:
                continue  # its client has been told that there was no answer
            if not client.is_connected:  # it would be sent whenever there is a connection again
                self._answer(request.number, ServerError("the order was not sent: NATS cannot be reached"))
                continue
            subject = f"{self._subjects.orders}.{token_of(request.account)}"
            try:
                stored = await js.publish_async(subject, payload)
            except Exception as exc:  # of the library, whose types are many
                self._answer(request.number, ServerError(f"the order was not sent: NATS does not take it ({exc!r})"))
            else:
                stored.add_done_callback(partial(self._heard, request.number))
                pending.stored = stored

    async def _is_stored(self, client: NatsClient, subject: str, payload: bytes) -> bool:
        try:
            await client.jetstream().publish(subject, payload, timeout=ANSWER)
        except Exception as exc:
            _log.warning("the end of a connection could not be told: trying again", reason=repr(exc))
            return False
        return True

    # --- what the publisher says ---

    def take(self, data: bytes) -> None:
        """Take in a batch of the account stream; those of other sessions are left out."""
        batch = decode_batch(data)
        if batch.session != self.session or self.source is None:
            return
        for record in batch.records:
            match record:
                case MessageRecord(payload):
                    self._take_message(batch.account, decode_private(payload))
                case StateRecord(gateway, number, payload) if gateway == self.gateway:
                    if (pending := self._pending.get(number)) is not None:
                        pending.state.append(decode_private(payload))
                case AnswerRecord(gateway, number) if gateway == self.gateway:
                    if record.sequence is not None:
                        self._reach(batch.account, record.sequence)
                    self._answer(number, error_of(record), record.sequence)

    def _take_message(self, account: str, message: PrivateMessage) -> None:
        assert self.source is not None
        sequence = message.sequence or 0
        if sequence <= self._sequences.get(account, 0):
            return
        if not isinstance(message, OrderUpdate):
            self._told[account, *_about(message)] = sequence
        self.source.put([message], account)
        self._reach(account, sequence)

    def _reach(self, account: str, sequence: int) -> None:
        """Note that nothing before a sequence comes any more, and hand on the values that have waited for it."""
        self._sequences[account] = sequence
        if (held := self._held.get(account)) is not None:
            for about, (at, value) in list(held.items()):
                if at <= sequence:
                    del held[about]
                    self._mark(account, value, at)
            if not held:
                del self._held[account]

    def take_mark(self, account: str, header: str, data: bytes) -> None:
        """Take in the value of a position or portfolio, as of a sequence of its account."""
        session, _, sequence = header.partition(" ")
        if session != self.session:
            return
        at, message = int(sequence), decode_private(data)
        if at > self._sequences.get(account, 0):
            self._held.setdefault(account, {})[_about(message)] = at, message
        else:
            self._mark(account, message, at)

    def _mark(self, account: str, message: PrivateMessage, at: int) -> None:
        """Hand on a value, unless what has happened since says more about it."""
        assert self.source is not None
        if at >= self._told.get((account, *_about(message)), 0):
            self.source.put([message], account)

    def _answer(self, number: int, error: WireError | None, sequence: int | None = None) -> None:
        pending = self._pending.pop(number, None)
        if pending is None:
            return
        if pending.stored is not None:
            pending.stored.cancel()  # or a place of the library's would stay taken
        assert self.source is not None
        self.source.call(lambda: pending.answer(error, pending.state, sequence))

    def _heard(self, number: int, stored: asyncio.Future[Any]) -> None:
        """Answer a request that JetStream has refused: it has not stored it."""
        from nats.js.errors import APIError

        if stored.cancelled() or (error := stored.exception()) is None:
            return
        _log.warning("JetStream does not take a request", reason=repr(error))
        if isinstance(error, APIError) and (pending := self._pending.get(number)) is not None:
            pending.stored = None
            reason = error.description or repr(error)
            self._answer(number, ServerError(f"the order was not sent: JetStream does not take it ({reason})"))

    def tick(self) -> None:
        """Answer requests that have waited for too long."""
        now = self._now()
        for number, pending in list(self._pending.items()):
            if pending.deadline > now:
                return  # they are in the order of their deadlines
            self.unanswered += 1
            self._answer(number, _no_answer())

    def fail_all(self, reason: str) -> None:
        """Answer all requests that wait: there will be no other answer."""
        for number in list(self._pending):
            self._answer(number, ServerError(f"{reason}: look at your orders before you send it again"))


def _about(message: PrivateMessage) -> tuple[str, str]:
    return message.type, message.symbol if isinstance(message, PositionUpdate) else ""


def _no_answer() -> ServerError:
    return ServerError(
        f"there was no answer from the publisher within {ANSWER:g} s, and whether the order was taken is not known: "
        "its ORDER_UPDATEs tell, or send it again under the same clientOrderId"
    )
