"""Packets of SoupBinTCP as bytes, and what they say.

Source: Nasdaq, "SoupBinTCP" V 3.00, section 2: a length in two bytes that counts the type, the type, and the rest. Text
is padded with spaces: names and passwords on the right, sessions and numbers on the left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hftlab.errors import ArgumentError

__all__ = [
    "LONGEST",
    "Broken",
    "Debug",
    "EndOfSession",
    "Event",
    "Heartbeat",
    "LoginAccepted",
    "LoginRejected",
    "LoginRequest",
    "Logout",
    "Sequenced",
    "Unsequenced",
    "decode",
    "encode",
]

LONGEST: Final = 0xFFFF - 1
"""Bytes of the longest message."""

_NAME, _PASSWORD, _SESSION, _NUMBER = 6, 10, 10, 20
_HIGHEST: Final = 10**_NUMBER


@dataclass(frozen=True, slots=True)
class Debug:
    """Text for people, from either end (+)."""

    text: str


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A client's login (L): the session it wants, "" for the current one, and the number of the first message to send.

    Number 0 asks for no message that exists already, 1 for all of the session.
    """

    username: str
    password: str
    session: str = ""
    sequence: int = 1


@dataclass(frozen=True, slots=True)
class LoginAccepted:
    """Answer to a login (A): the session, and the number of the message that follows next."""

    session: str
    sequence: int


@dataclass(frozen=True, slots=True)
class LoginRejected:
    """Answer to a login (J): reason A for a wrong name or password, S for a session that there is not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sequenced:
    """Message of the server's session (S). Its number is not sent: both ends count."""

    message: bytes
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Unsequenced:
    """Message that is not numbered (U), such as an order."""

    message: bytes


@dataclass(frozen=True, slots=True)
class EndOfSession:
    """End of the server's session (Z): no message follows, on no connection."""


@dataclass(frozen=True, slots=True)
class Logout:
    """A client's wish that the server ends the connection (O)."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sign of life of either end (H of the server, R of the client)."""


@dataclass(frozen=True, slots=True)
class Broken:
    """End of the connection for a `reason`: close the socket. Not a packet."""

    reason: str


Event = (
    Debug
    | LoginRequest
    | LoginAccepted
    | LoginRejected
    | Sequenced
    | Unsequenced
    | EndOfSession
    | Logout
    | Heartbeat
    | Broken
)
"""Packet that an end has received."""


def encode(event: Event, *, is_client: bool = False) -> bytes:
    """Make the packet of an event. Raises ArgumentError for a value that does not fit its field."""
    match event:
        case Debug(text):
            return _packet("+", text.encode("ascii", "replace"))
        case LoginRequest(username, password, session, sequence):
            first = _text("username", username, _NAME).ljust(_NAME) + _text("password", password, _PASSWORD).ljust(
                _PASSWORD
            )
            return _packet("L", first + _place(session, sequence))
        case LoginAccepted(session, sequence):
            return _packet("A", _place(session, sequence))
        case LoginRejected(reason):
            if reason not in ("A", "S"):
                raise ArgumentError(
                    f"{reason!r} is not a reason to reject a login: A (not authorised) or S (no session)"
                )
            return _packet("J", reason.encode())
        case Sequenced(message):
            return _packet("S", message)
        case Unsequenced(message):
            return _packet("U", message)
        case EndOfSession():
            return _packet("Z", b"")
        case Logout():
            return _packet("O", b"")
        case Heartbeat():
            return _packet("R" if is_client else "H", b"")
    raise ArgumentError(f"{event} is not a packet")


def decode(packet: bytes) -> Event:
    """Return what a packet says, without its length. Raises ValueError for one that is not of SoupBinTCP."""
    kind, body = packet[:1], packet[1:]
    match kind:
        case b"+":
            return Debug(body.decode("ascii", "replace"))
        case b"L" if len(body) == _NAME + _PASSWORD + _SESSION + _NUMBER:
            name, password = body[:_NAME], body[_NAME : _NAME + _PASSWORD]
            return LoginRequest(_read(name), _read(password), *_read_place(body[_NAME + _PASSWORD :]))
        case b"A" if len(body) == _SESSION + _NUMBER:
            return LoginAccepted(*_read_place(body))
        case b"J" if body in (b"A", b"S"):
            return LoginRejected(body.decode())
        case b"S":
            return Sequenced(body)
        case b"U":
            return Unsequenced(body)
        case b"Z" if not body:
            return EndOfSession()
        case b"O" if not body:
            return Logout()
        case b"H" | b"R" if not body:
            return Heartbeat()
    raise ValueError(f"a packet of type {kind!r} with {len(body)} bytes is not one of SoupBinTCP")


def _packet(kind: str, body: bytes) -> bytes:
    if len(body) > LONGEST:
        raise ArgumentError(f"a message has {len(body):,} bytes: a packet holds {LONGEST:,}, so split it")
    return (1 + len(body)).to_bytes(2, "big") + kind.encode() + body


def _place(session: str, sequence: int) -> bytes:
    if not 0 <= sequence < _HIGHEST:
        raise ArgumentError(f"{sequence} cannot be a message's number: give one from 0 on")
    return _text("session", session, _SESSION).rjust(_SESSION) + str(sequence).rjust(_NUMBER).encode()


def _text(name: str, value: str, width: int) -> bytes:
    if not value.isascii() or len(value) > width:
        raise ArgumentError(f"{name} is {value!r}: give up to {width} characters of ASCII")
    return value.encode()


def _read(field: bytes) -> str:
    return field.decode("ascii", "replace").strip()


def _read_place(body: bytes) -> tuple[str, int]:
    number = _read(body[_SESSION:])
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"a login has the number {number!r}, which is not one")
    return _read(body[:_SESSION]), int(number)
