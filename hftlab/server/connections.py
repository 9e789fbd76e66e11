"""The open connections of a server: puts sockets and timers on their protocols."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from websockets.exceptions import ConnectionClosed

from hftlab.clock import wall_time
from hftlab.errors import WireError
from hftlab.log import AUDIT, get_logger
from hftlab.protocol import Message, ReplayControl
from hftlab.protocol.order_messages import PrivateMessage
from hftlab.protocol.publishing.authentication import Authenticator
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.peer import Backlog
from hftlab.protocol.publishing.publisher import Delivery, Publisher
from hftlab.protocol.publishing.server_events import (
    Event,
    OrderRequested,
    ReplayRequested,
    Reply,
    SignInRequested,
    Subscribed,
)
from hftlab.protocol.publishing.server_protocol import ServerProtocol
from hftlab.server.connection_info import ConnectionInfo
from hftlab.server.reader_watch import watch_readers
from hftlab.server.server_socket import OVERFLOW, ServerSocket
from hftlab.server.sign_in_pace import SignInPace
from hftlab.server.stream import Stream
from hftlab.trading.broker import OrderRequest
from hftlab.trading.remote_broker import OrderAnswer, StateAnswer

__all__ = ["Connections"]

_RESTARTED: Final = 1012
"""Close code of the IANA registry: the service is restarted, and may be connected to again."""

_RECORDED: Final = (
    ": its source is a recording, which takes orders once it is served with fills=, as in "
    "hl.serve(session.replay(), fills='risk_averse')"
)

_LIVE: Final = ": to trade, serve hl.simulator.Exchange(), or a recording with fills="

_log = get_logger("hftlab.server")
_audit = get_logger(AUDIT)


class Connections:
    """Serves each socket through its ServerProtocol, from the handshake to the end; the sockets' SocketOwner."""

    def __init__(
        self,
        publisher: Publisher[ServerSocket],
        stream: Stream,
        authenticator: Authenticator,
        limits: ServerLimits,
    ) -> None:
        self.received = self.bytes_received = 0
        """Frames of all clients, and their bytes."""
        self.aborted: Counter[str] = Counter()
        """Connections that the server has ended, by reason."""
        self._publisher, self._stream = publisher, stream
        self._authenticator, self.limits = authenticator, limits
        self._open: dict[ServerSocket, ServerProtocol[ServerSocket]] = {}
        self._timers: dict[ServerSocket, tuple[float, asyncio.TimerHandle]] = {}
        """By socket: the deadline of its protocol, and what fires then."""
        self._signing_in: dict[ServerSocket, asyncio.Future[None]] = {}
        """Those that are about to be signed in, as soon as the state of their account is known and the pace allows it:
        their other requests wait until then."""
        self._pace = SignInPace()
        self._without_state: set[ServerSocket] = set()
        """Those that are signed in while nobody could tell the state of their accounts."""
        self._promised: set[ServerSocket] = set()
        """Those with orders that are to be cancelled at their end."""

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[ServerSocket]:
        return iter(self._open)

    def info(self) -> list[ConnectionInfo]:
        """Describe each connection."""
        return [ConnectionInfo.of(socket, protocol) for socket, protocol in self._open.items()]

    async def serve(self, socket: ServerSocket) -> None:
        """Answer the requests of one client until its connection ends."""
        socket.opened()
        socket.gather(self._stream.clock.unpaced)
        protocol = ServerProtocol(
            socket,
            socket.codec,
            self._publisher,
            self._authenticator,
            self.limits,
            takes_orders=self._stream.takes_orders,
            orders_hint=_RECORDED if self._stream.playback.is_recorded else _LIVE,
            is_stepped=self._stream.is_stepped,
        )
        self._open[socket] = protocol
        protocol.open(time.monotonic(), wall_time())
        self._carry_out(socket, protocol)
        _audit.info("connected", connection=socket.name, peer=socket.peer_address)
        reason = "lost"
        try:
            while socket.expelled is None:
                data = await _received(socket)
                self.received += 1
                self.bytes_received += len(data)
                protocol.receive(data, time.monotonic(), wall_time())
                self._carry_out(socket, protocol)
                if (signed_in := self._signing_in.get(socket)) is not None:
                    ends = (signed_in, socket.connection_lost_waiter)
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except ConnectionClosed as exc:
            reason = "lost" if exc.rcvd is None else f"closed with {exc.rcvd.code}"
        finally:
            self._forget(socket, protocol)
            _audit.info(
                "disconnected",
                connection=socket.name,
                peer=socket.peer_address,
                subject=protocol.account,
                reason=socket.expelled or reason,
                received=protocol.received,
            )

    def _forget(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket]) -> None:
        protocol.end()
        if (signing_in := self._signing_in.pop(socket, None)) is not None:
            signing_in.cancel()
        self._without_state.discard(socket)
        _write_audit(protocol)
        self._set_timer(socket, protocol)
        self._open.pop(socket, None)
        self._stream.congested.discard(socket)
        self._stream.wake()
        if socket in self._promised:
            self._promised.discard(socket)
            self._stream.cancel_orders(socket.name)  # last: a venue of somebody's own may raise

    # --- what protocols ask for ---

    def _carry_out(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket]) -> None:
        """Send and log what a protocol says, act on its events, close if it asks to, and wait for its next deadline."""
        _reply(socket, protocol)
        self._act(socket, protocol, protocol.events())
        _reply(socket, protocol)
        _write_audit(protocol)
        if protocol.close is not None:
            socket.expel(*protocol.close)
        self._set_timer(socket, protocol)

    def _act(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket], events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Subscribed():
                    self._announce_position(protocol)
                case ReplayRequested(request):
                    self._control(socket, protocol, request)
                case OrderRequested(request):
                    self._trade(socket, protocol, request)
                case SignInRequested(account):
                    self._sign_in(socket, protocol, account)

    # --- sign-ins ---

    def _sign_in(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket], account: str) -> None:
        """Sign a client in, once its account has not been told too much lately."""
        if socket not in self._open:
            return
        wait = self._pace.wait(account, time.monotonic())
        if wait:
            if socket not in self._signing_in:
                self._signing_in[socket] = socket.loop.create_future()
            timer = socket.loop.call_later(wait, self._sign_in, socket, protocol, account)
            self._signing_in[socket].add_done_callback(lambda _: timer.cancel())
        elif self._stream.remote_broker is not None:
            self._ask_state(socket, protocol, account)
        else:
            state = self._stream.account_state(account, with_finished=not protocol.can_resume)
            self._finish_sign_in(socket, protocol, account, state)

    def _ask_state(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket], account: str) -> None:
        """Ask for the state of an account in another process, and sign the client in when it has come."""
        assert self._stream.remote_broker is not None
        if socket not in self._signing_in:
            self._signing_in[socket] = socket.loop.create_future()

        def answer(state: Sequence[PrivateMessage] | None) -> None:
            if socket not in self._open:
                return
            self._finish_sign_in(socket, protocol, account, state or ())
            self._note_state(socket, is_known=state is not None)

        self._stream.remote_broker.ask_state(account, answer, with_finished=not protocol.can_resume)

    def _finish_sign_in(
        self,
        socket: ServerSocket,
        protocol: ServerProtocol[ServerSocket],
        account: str,
        state: Sequence[Message],
    ) -> None:
        with socket.signing_in():
            told = protocol.sign_in(state, time.monotonic(), wall_time())
            self._carry_out(socket, protocol)
        self._pace.spend(account, told, time.monotonic())
        if (signed_in := self._signing_in.pop(socket, None)) is not None:
            signed_in.set_result(None)

    def ask_missing_states(self) -> None:
        """Ask once more for the state of accounts that could not be told when their clients signed in."""
        remote = self._stream.remote_broker
        for socket in list(self._without_state if remote is not None else ()):
            protocol = self._open[socket]
            if remote is not None and protocol.account is not None:
                remote.ask_state(protocol.account, self._state_sender(socket, protocol), with_finished=True)

    def _state_sender(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket]) -> StateAnswer:
        account = protocol.account

        def send(state: Sequence[PrivateMessage] | None) -> None:
            if state is None or socket not in self._open or protocol.account != account:
                return
            self._note_state(socket, is_known=True)
            with socket.signing_in():
                protocol.send_private(state, wall_time())
                self._carry_out(socket, protocol)

        return send

    def _note_state(self, socket: ServerSocket, *, is_known: bool) -> None:
        (self._without_state.discard if is_known else self._without_state.add)(socket)
        self._publisher.withhold_state(socket, is_withheld=not is_known)

    def expel_signed_in(self, reason: str) -> None:
        """Close the connections that are signed in, or about to be: their clients are to come back at once."""
        for socket, protocol in list(self._open.items()):
            if protocol.account is not None or socket in self._signing_in:
                socket.expel(_RESTARTED, reason, "new session")

    def _set_timer(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket]) -> None:
        deadline = protocol.next_deadline()
        known, timer = self._timers.get(socket, (None, None))
        if deadline == known:
            return
        if timer is not None:
            timer.cancel()
            del self._timers[socket]
        if deadline is not None:
            delay = deadline - time.monotonic()
            self._timers[socket] = deadline, socket.loop.call_later(delay, self._deadline_passed, socket, protocol)

    def _deadline_passed(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket]) -> None:
        del self._timers[socket]
        protocol.handle_deadline(time.monotonic(), wall_time())  # or it is too early yet, and waits once more
        self._carry_out(socket, protocol)

    def _announce_position(self, protocol: ServerProtocol[ServerSocket]) -> None:
        """Start a replay that waits for its first subscription, or send a later subscriber its position and state."""
        if not self._stream.playback.is_recorded:
            return
        if self._stream.begin():
            for one in self._open.values():
                one.knows_position = self._publisher.gets_notices(one.key)
        elif not protocol.knows_position:
            protocol.knows_position = True
            protocol.send(self._stream.playback.status(), wall_time())

    def _control(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket], request: ReplayControl) -> None:
        """Control the replay, and answer when that is done; the status and the snapshots come before the answer."""

        def answer(done: asyncio.Future[None]) -> None:
            error = done.exception()  # of a stream that ends: also where the connection has ended before
            assert error is None or isinstance(error, WireError)
            if socket not in self._open:
                return
            protocol.answer_replay(request, error, time.monotonic(), wall_time())
            self._carry_out(socket, protocol)

        try:
            self._stream.control(request).add_done_callback(answer)
        except WireError as exc:
            protocol.answer_replay(request, exc, time.monotonic(), wall_time())

    def _trade(self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket], request: OrderRequest) -> None:
        """Pass a request of an account on; the answer to it goes before what follows from it, in one write."""
        assert protocol.account is not None
        # By name: an order is remembered for longer than its connection lives.
        entered_by = socket.name if protocol.cancels_on_disconnect else None
        if entered_by is not None:
            self._promised.add(socket)
        if self._stream.remote_broker is not None:
            reply = self._order_answerer(socket, protocol, request)
            self._stream.remote_broker.send(protocol.account, request, entered_by, reply)
            return
        try:
            told = self._stream.take_order(protocol.account, request, entered_by)
        except WireError as exc:
            protocol.answer_order(request, exc, time.monotonic(), wall_time())
            return
        protocol.answer_order(request, None, time.monotonic(), wall_time())
        answer = [Delivery(reply.payload, socket.codec, (socket,), reply.private) for reply in protocol.data_to_send()]
        self._stream.pass_on(told, answer)

    def _order_answerer(
        self, socket: ServerSocket, protocol: ServerProtocol[ServerSocket], request: OrderRequest
    ) -> OrderAnswer:
        def answer(error: WireError | None) -> None:
            if socket in self._open:
                protocol.answer_order(request, error, time.monotonic(), wall_time())
                self._carry_out(socket, protocol)

        return answer

    # --- what sockets report ---

    def backlog_changed(self, socket: ServerSocket, backlog: Backlog) -> None:
        """Skip what a slow reader can do without, or bring it up to date."""
        if backlog is Backlog.NONE:
            self._stream.congested.discard(socket)
            self._stream.wake()
        else:
            self._stream.congested.add(socket)
        if backlog is Backlog.CONGESTED and self._stream.clock.unpaced:
            return  # the stream waits for it instead; the end of a backlog is always passed on
        if backlog is Backlog.FULL and self._publisher.is_unforgiving(socket):
            self._expel(socket, "disconnect")
            return
        for payload in self._publisher.set_backlog(socket, backlog, wall_time()):
            socket.reply(Reply(payload))

    def overflowed(self, socket: ServerSocket) -> None:
        """Close the connection: what may not be skipped does not fit any more."""
        self._expel(socket, "overflow")

    def _expel(self, socket: ServerSocket, cause: str) -> None:
        """Close a slow reader's connection: the client is to come back, and resume."""
        socket.expel(OVERFLOW, "slow consumer", cause)

    def too_big(self, socket: ServerSocket, reason: str) -> bytes | None:
        """Return the reply to a message that is too big."""
        protocol = self._open.get(socket)
        return None if protocol is None else protocol.too_big(reason, wall_time())

    def ended(self, socket: ServerSocket, cause: str) -> None:  # noqa: ARG002 - other owners may want to know which
        """Count a connection that the server has ended."""
        self.aborted[cause] += 1

    def controlled(self, socket: ServerSocket) -> None:
        """Pings and pongs are free."""

    # --- readers that have stopped ---

    async def watch(self) -> None:
        """Abort readers that have stopped."""
        await watch_readers(self._open, self.limits.write_deadline, self.abort, lambda: self._stream.clock.unpaced)

    def abort(self, socket: ServerSocket, reason: str) -> None:
        """Drop a connection with all that waits in it; one whose handshake is not done is not counted."""
        if socket in self._open:
            _log.warning("aborted", connection=socket.name, reason=reason, buffered=socket.buffered)
            socket.drop(reason)
        else:
            socket.abort()


def _reply(socket: ServerSocket, protocol: ServerProtocol[ServerSocket]) -> None:
    for reply in protocol.data_to_send():
        socket.reply(reply)


def _write_audit(protocol: ServerProtocol[ServerSocket]) -> None:
    for level, event, fields in protocol.audit_lines():
        write = _audit.warning if level == "warning" else _audit.info
        write(event, **fields)


async def _received(socket: ServerSocket) -> bytes:
    data = await socket.recv()  # closes with 1007 on text that is not UTF-8 (RFC 6455 section 8.1)
    return data.encode() if isinstance(data, str) else bytes(data)
