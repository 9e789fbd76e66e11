"""Requests of accounts at the publisher: each is taken once, and answered through what accounts are told."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from hftlab.clock import NANOSECONDS, wall_time
from hftlab.errors import ServerError, WireError
from hftlab.gateway.account_outbox import AccountOutbox
from hftlab.gateway.account_records import (
    AnswerRecord,
    DisconnectRequest,
    OrderSent,
    StateRecord,
    StateRequest,
    answer_of,
    decode_request,
    request_of,
)
from hftlab.gateway.announcement import GatewayBeat
from hftlab.gateway.gateway_clocks import GatewayClocks
from hftlab.gateway.jetstream import ORDER_LIFETIME
from hftlab.gateway.subjects import token_of
from hftlab.log import get_logger
from hftlab.protocol import JSON
from hftlab.protocol.publishing.accounts import Accounts
from hftlab.server.stream import Stream

__all__ = ["AccountRequests"]

_GONE: Final = 3.0
"""Seconds after which a gateway that is not heard counts as gone."""
_REMEMBERED: Final = 10_000
"""Requests whose numbers are remembered, so that one which comes twice is answered once."""

_log = get_logger("hftlab.gateway")


class AccountRequests:
    """Takes what gateways send for accounts to the stream's broker, and answers into the outbox. No I/O.

    It knows which gateways live (`hear()`, `tick()`), and cancels the orders that were to be cancelled at the end of
    connections when their gateway is gone. `now` is in seconds of a clock that never goes back.
    """

    def __init__(self, stream: Stream, accounts: Accounts[Any], told: AccountOutbox) -> None:
        self._stream, self._accounts, self._told = stream, accounts, told
        self._gateways: dict[str, float] = {}
        """Monotonic time at which each was heard last."""
        self._clocks = GatewayClocks()
        self._promised: dict[str, set[str]] = {}
        """By gateway the connections whose orders are to be cancelled at their end."""
        self._taken: dict[tuple[str, int], None] = {}

    # --- gateways ---

    @property
    def gateways(self) -> int:
        """Number of gateways that live."""
        return len(self._gateways)

    def hear(self, beat: GatewayBeat, now: float) -> None:
        """Take in a sign of life."""
        if beat.is_leaving:
            self._forget(beat.gateway)
            return
        self._gateways[beat.gateway] = now
        if beat.sent_at:
            self._clocks.hear(beat.gateway, beat.sent_at, wall_time())

    def listen_anew(self, now: float) -> None:
        """Give gateways time again: nobody could be heard here for a while."""
        self._gateways = dict.fromkeys(self._gateways, now)

    def tick(self, now: float) -> None:
        """Look for gateways that are gone."""
        for gateway in [name for name, heard in self._gateways.items() if now - heard > _GONE]:
            self._forget(gateway)

    def _forget(self, gateway: str) -> None:
        """Cancel the orders that were to be cancelled at the end of connections, which ended with their gateway."""
        self._gateways.pop(gateway, None)
        for entered_by in self._promised.pop(gateway, ()):
            self._stream.cancel_orders(entered_by)

    # --- requests ---

    def take(self, subject: str, data: bytes, now: float) -> None:
        """Take in a request, which came on the subject of its account; one that cannot be read is left out."""
        try:
            request = decode_request(data)
        except msgspec.DecodeError as exc:
            _log.error("a request cannot be read", reason=str(exc))
            return
        if isinstance(request, DisconnectRequest):
            if request.session == self._accounts.session:
                self._promised.get(request.gateway, set()).discard(request.entered_by)
                self._stream.cancel_orders(request.entered_by)
            return
        if not subject.endswith(f".{token_of(request.account)}"):
            # NATS' permissions are by subject; and an answer to no subject at all would stay ahead of all others.
            _log.error("a request for another account than its subject's is left out", subject=subject)
            return
        if request.session != self._accounts.session:
            said = "the trading venue was started again: look at your orders and positions before you send it again"
            self._refuse(request, ServerError(said))
        elif isinstance(request, StateRequest):
            self._answer_state(request)
        else:
            self._take_order(request, now)

    def _refuse(self, request: OrderSent | StateRequest, error: WireError) -> None:
        self._told.put(request.account, answer_of(request.gateway, request.number, error))

    def _answer_state(self, request: StateRequest) -> None:
        for message in self._stream.account_state(request.account, with_finished=request.with_finished):
            payload = JSON.encode(message)
            record = StateRecord(request.gateway, request.number, msgspec.Raw(payload))
            self._told.put(request.account, record, len(payload))
        sequence = self._accounts.sequence(request.account)
        self._told.put(request.account, AnswerRecord(request.gateway, request.number, sequence=sequence))

    def _take_order(self, request: OrderSent, now: float) -> None:
        age = self._clocks.age(request.gateway, request.sent_at, wall_time())
        if age > ORDER_LIFETIME * NANOSECONDS:
            said = f"the request has waited for more than {ORDER_LIFETIME:g} s on its way and was not taken"
            self._refuse(request, ServerError(said))
            return
        number = request.gateway, request.number
        if number in self._taken:
            return
        self._taken[number] = None
        while len(self._taken) > _REMEMBERED:
            del self._taken[next(iter(self._taken))]
        if request.entered_by is not None:
            self._gateways.setdefault(request.gateway, now)
            self._promised.setdefault(request.gateway, set()).add(request.entered_by)
        try:
            told = self._stream.take_order(request.account, request_of(request), request.entered_by)
        except WireError as exc:
            self._refuse(request, exc)
            return
        self._told.put(request.account, answer_of(*number, None))
        self._stream.pass_on(told)
