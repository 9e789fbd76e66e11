"""Both ends of a SoupBinTCP connection as state machines without I/O.

Source: Nasdaq, "SoupBinTCP" V 3.00, sections 1 and 2: heartbeats after one second without a packet of one's own, a
connection lost after 15 seconds without any of the other's, a login within 30 seconds.

Bytes and the time go in by `receive(data, now)`, events come out; bytes to send are in `data_to_send()`. Call
`handle_deadline(now)` at `next_deadline()`. Times are seconds of any clock that does not jump.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from hftlab.errors import ArgumentError
from hftlab.venues.soupbintcp.packets import (
    Broken,
    Debug,
    EndOfSession,
    Event,
    Heartbeat,
    LoginAccepted,
    LoginRejected,
    LoginRequest,
    Logout,
    Sequenced,
    Unsequenced,
    decode,
    encode,
)

__all__ = ["HEARTBEAT", "LOGIN", "SILENCE", "Client", "Server"]

HEARTBEAT: Final = 1.0
SILENCE: Final = 15.0
LOGIN: Final = 30.0

_OF_CLIENT: Final = (Debug, LoginRequest, Unsequenced, Logout, Heartbeat)
_OF_SERVER: Final = (Debug, LoginAccepted, LoginRejected, Sequenced, Unsequenced, EndOfSession, Heartbeat)


class _End(ABC):
    """End of a connection, client or server: packets out of a stream, heartbeats, silence."""

    _is_client: bool
    _expected: tuple[type[Event], ...]

    def __init__(self, now: float) -> None:
        self.is_ready = False
        """True from the accepted login to the end."""
        self.is_over = False
        """True after the end: close the socket."""
        self._received, self._out = bytearray(), bytearray()
        self._heard = self._sent = now

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes of the other end, and return what they say; heartbeats are not told."""
        self._received += data
        if data:
            self._heard = now
        events: list[Event] = []
        while not self.is_over and len(self._received) >= 2:
            size = int.from_bytes(self._received[:2], "big")
            if len(self._received) < 2 + size:
                break
            packet = bytes(self._received[2 : 2 + size])
            del self._received[: 2 + size]
            events += self._take(packet)
        return events

    def connection_lost(self) -> list[Event]:
        """Tell that the socket was closed by the other end."""
        return [] if self.is_over else [self._break("the connection was closed")]

    def debug(self, text: str, now: float) -> None:
        """Send text for people."""
        self._send(Debug(text), now)

    def data_to_send(self) -> bytes:
        """Return the bytes to send now, and forget them."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline()` has to be called, None after the end."""
        if self.is_over:
            return None
        return min(self._heard + SILENCE, self._sent + HEARTBEAT) if self.is_ready else self._heard + LOGIN

    def handle_deadline(self, now: float) -> list[Event]:
        """Send a heartbeat if it is time, and tell the end of a connection that has been silent for too long."""
        if self.is_over:
            return []
        if now >= self._heard + (SILENCE if self.is_ready else LOGIN):
            what = "nothing was heard" if self.is_ready else "there was no login"
            return [self._break(f"{what} for {SILENCE if self.is_ready else LOGIN:g} s")]
        if self.is_ready and now >= self._sent + HEARTBEAT:
            self._send(Heartbeat(), now)
        return []

    def _take(self, packet: bytes) -> list[Event]:
        try:
            event = decode(packet)
        except ValueError as error:
            return [self._break(str(error))]
        if not isinstance(event, self._expected):
            return [self._break(f"the other end sent {type(event).__name__}, which is for this one to send")]
        return [] if isinstance(event, Heartbeat) else self._heed(event)

    @abstractmethod
    def _heed(self, event: Event) -> list[Event]:
        """Follow what the other end has said, and return what to tell of it."""

    def _send(self, event: Event, now: float) -> None:
        if self.is_over:
            raise ArgumentError("the connection is over: make a new one")
        self._out += encode(event, is_client=self._is_client)
        self._sent = now

    def _require_ready(self) -> None:
        if not self.is_ready:
            raise ArgumentError("nothing can be sent before the login is accepted: wait for it")

    def _break(self, reason: str) -> Broken:
        self._end()
        return Broken(reason)

    def _end(self) -> None:
        self.is_ready, self.is_over = False, True


class Client(_End):
    """Client's end. `sequence` is the number of the next message: log in with it again after a connection was lost.

    It logs in at once, for a `session` ("" for the current one) from the message `sequence` on.
    """

    _is_client, _expected = True, _OF_SERVER

    def __init__(self, username: str, password: str, *, session: str = "", sequence: int = 1, now: float = 0.0) -> None:
        super().__init__(now)
        self.session, self.sequence = session, sequence
        self._send(LoginRequest(username, password, session, sequence), now)

    def send(self, message: bytes, now: float) -> None:
        """Send a message that is not numbered. Raises ArgumentError before the login is accepted."""
        self._require_ready()
        self._send(Unsequenced(message), now)

    def logout(self, now: float) -> None:
        """Ask the server to end the connection."""
        self._send(Logout(), now)

    def _heed(self, event: Event) -> list[Event]:
        match event:
            case LoginAccepted(session, sequence):
                self.session, self.sequence, self.is_ready = session, sequence, True
            case LoginRejected() | EndOfSession():
                self._end()
            case Sequenced(message):
                if not self.is_ready:
                    return [self._break("a message came before the login was accepted")]
                event = Sequenced(message, self.sequence)
                self.sequence += 1
        return [event]


class Server(_End):
    """Server's end of one connection. It answers a LoginRequest by `accept()` or `reject()`, which the caller decides.

    After `accept()` the caller sends the messages of the session from the number that it has given on.
    """

    _is_client, _expected = False, _OF_CLIENT

    def __init__(self, now: float = 0.0) -> None:
        super().__init__(now)
        self.sequence = 0
        """Number of the message that is sent next."""

    def accept(self, session: str, sequence: int, now: float) -> None:
        """Accept the login; the next message sent has the number `sequence`."""
        self._send(LoginAccepted(session, sequence), now)
        self.sequence, self.is_ready = sequence, True

    def reject(self, reason: str, now: float) -> None:
        """Reject the login, for A (not authorised) or S (there is no such session), which ends the connection."""
        self._send(LoginRejected(reason), now)
        self._end()

    def send(self, message: bytes, now: float) -> None:
        """Send the next message of the session. Raises ArgumentError before the login is accepted."""
        self._require_ready()
        self._send(Sequenced(message), now)
        self.sequence += 1

    def send_unsequenced(self, message: bytes, now: float) -> None:
        """Send a message that is not numbered. Raises ArgumentError before the login is accepted."""
        self._require_ready()
        self._send(Unsequenced(message), now)

    def end_session(self, now: float) -> None:
        """Tell that the session has ended, which ends the connection."""
        self._send(EndOfSession(), now)
        self._end()

    def _heed(self, event: Event) -> list[Event]:
        match event:
            case LoginRequest() if self.is_ready:
                return [self._break("a second login came")]
            case Unsequenced() if not self.is_ready:
                return [self._break("a message came before the login was accepted")]
            case Logout():
                self._end()
        return [event]
