"""Encodings of messages: JSON text frames and MessagePack binary frames of the same structs."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec

from hftlab.errors import MessageParseError
from hftlab.protocol.messages import Message, Request
from hftlab.protocol.validation_errors import malformed, validation_error

__all__ = ["CODECS", "JSON", "MSGPACK", "Codec", "decode", "encode", "json_of"]

T = TypeVar("T")


class _Decoder(Generic[T]):
    """Decoder of one type, whose errors name the field that does not fit."""

    def __init__(self, decoder: Any, name: str) -> None:
        self._decode, self._name = decoder.decode, name

    def __call__(self, data: bytes | str) -> T:
        try:
            return self._decode(data)  # type: ignore[no-any-return]
        except msgspec.ValidationError as exc:
            raise validation_error(str(exc)) from None
        except RecursionError:
            raise MessageParseError("the message is nested too deeply: no message type needs 10 levels") from None
        except (msgspec.DecodeError, ValueError) as exc:
            raise malformed(data, self._name, exc) from None


class Codec:
    """Encoding of the protocol: its WebSocket subprotocol, whether its frames are binary, and both directions."""

    def __init__(self, name: str, subprotocol: str, module: Any, *, binary: bool) -> None:
        self.name, self.subprotocol, self.binary = name, subprotocol, binary
        self.encode = module.Encoder().encode
        self.decode: _Decoder[Message] = _Decoder(module.Decoder(Message), name)
        self.decode_request: _Decoder[Request] = _Decoder(module.Decoder(Request), name)

    def __repr__(self) -> str:
        return f"<Codec {self.subprotocol}>"


JSON: Final = Codec("JSON", "hftlab.v1.json", msgspec.json, binary=False)
MSGPACK: Final = Codec("MessagePack", "hftlab.v1.msgpack", msgspec.msgpack, binary=True)
CODECS: Final = {codec.subprotocol: codec for codec in (JSON, MSGPACK)}


def json_of(payload: bytes, message: Message) -> bytes | None:
    """Return a MessagePack message as JSON, with all its fields, also those that its type does not have.

    `message` is what it decodes to. None if JSON cannot hold it: infinity, extension types, keys that are no text.
    """
    try:
        text = msgspec.json.encode(msgspec.msgpack.decode(payload))
        return text if JSON.decode(text) == message else None
    except (msgspec.MsgspecError, MessageParseError, TypeError, ValueError, RecursionError):
        return None


def decode(data: bytes | str) -> Message:
    """Decode and validate one message in either encoding.

    Raises MessageParseError, whose `field` names the first field that does not fit.
    """
    # A MessagePack map starts at 0x80 or above, JSON text below.
    if isinstance(data, bytes) and data[:1] >= b"\x80":
        return MSGPACK.decode(data)
    return JSON.decode(data)


def encode(message: Message) -> bytes:
    """Encode one message as JSON text."""
    return JSON.encode(message)  # type: ignore[no-any-return]
