"""Steps of a script: what a server does when a request comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from hftlab.client.arguments import one_of
from hftlab.protocol import Ack, AuthFailed, AuthSuccess, Codec, Error, Message, Pong
from hftlab.protocol.codec import JSON
from hftlab.protocol.enums import ErrorType

__all__ = [
    "REPLY_TYPES",
    "Close",
    "Drop",
    "Said",
    "Silence",
    "Step",
    "Wait",
    "is_reply",
    "is_step",
    "payload",
    "refuse",
]

REPLY_TYPES: tuple[type[Message], ...] = (Ack, Error, AuthSuccess, AuthFailed, Pong)
"""Messages that answer a request, and get its id."""


class Wait(NamedTuple):
    """Wait before the next step; on a virtual clock that takes no time."""

    seconds: float


class Close(NamedTuple):
    """Close the connection with a close frame (RFC 6455 section 7.4)."""

    code: int = 1000
    reason: str = ""


class Drop(NamedTuple):
    """Break the connection without a close frame, as a cut cable does."""


class Silence(NamedTuple):
    """Give no answer: the reply that a request would get without being scripted is left out."""


Said: TypeAlias = Message | Mapping[str, Any] | bytes | str
"""A message to send: as a struct, as the wire's JSON object (without `timestamp` it gets the time), or as it is."""
Step: TypeAlias = Said | Wait | Close | Drop | Silence
"""Whatever a server may do."""


def refuse(
    error_type: str, message: str = "refused by the script", *, recoverable: bool = True, **more: Any
) -> dict[str, Any]:
    """Make the ERROR that refuses a request, such as refuse("RATE_LIMIT_EXCEEDED", retryAfter=5).

    `more` are its other fields by the wire's names: code, context, retryAfter. Raises ArgumentError for an unknown type
    of error; one that a client shall not know can be sent as a dict.
    """
    one_of("type of error", error_type, list(ErrorType))
    return {"type": "ERROR", "errorType": error_type, "message": message, "recoverable": recoverable, **more}


def is_reply(step: Step) -> bool:
    """Tell whether a step is the answer to a request, or says that there is none."""
    if isinstance(step, Mapping):
        return step.get("type") in [kind.__struct_config__.tag for kind in REPLY_TYPES]
    return isinstance(step, (*REPLY_TYPES, Silence, Close, Drop))


def is_step(value: object) -> bool:
    """Tell whether something is what a server may do."""
    return isinstance(value, (msgspec.Struct, Mapping, bytes, str, Wait, Close, Drop, Silence))


def payload(said: Said, codec: Codec, timestamp: float, request_id: str | None) -> bytes:
    """Encode a message; a reply gets the id of its request, unless it has one."""
    if isinstance(said, str | bytes):
        return said.encode() if isinstance(said, str) else said
    if isinstance(said, Mapping):
        known = {"id": request_id} if request_id is not None and is_reply(said) else {}
        text = msgspec.json.encode({"timestamp": timestamp} | known | dict(said))
        return text if codec is JSON else bytes(codec.encode(JSON.decode(text)))
    if request_id is not None and is_reply(said) and said.id is None:
        said = msgspec.structs.replace(said, id=request_id)
    return bytes(codec.encode(said))
