"""What can be read of a request that does not decode, so that its sender can still tell which one it was."""

from __future__ import annotations

from typing import Final

import msgspec

from hftlab.errors import MessageParseError, SubscriptionFailed, WireError
from hftlab.protocol.codec import Codec
from hftlab.protocol.validation_errors import lenient

__all__ = ["Envelope"]

_SUBSCRIBING: Final = ("SUBSCRIBE", "UNSUBSCRIBE")
_TERMS: Final = ("symbols", "dataTypes", "frequency", "slowConsumer")
"""The fields of a subscription."""


class Envelope(msgspec.Struct):
    id: str | None = None
    type: str | None = None

    @classmethod
    def of(cls, data: bytes, codec: Codec) -> Envelope:
        """Empty, if not even that can be read."""
        module = msgspec.msgpack if codec.binary else msgspec.json
        try:
            try:
                return module.decode(data, type=cls)  # type: ignore[no-any-return]
            except msgspec.ValidationError:
                return cls()
            except (msgspec.DecodeError, ValueError):
                return cls() if codec.binary else msgspec.convert(lenient(data), cls)
        except (msgspec.ValidationError, RecursionError):
            return cls()

    def refusal(self, error: MessageParseError) -> WireError:
        """The same error, as one of the subscription where that is what does not fit."""
        if self.type in _SUBSCRIBING and error.field.partition("[")[0] in _TERMS:
            return SubscriptionFailed(str(error), context=error.context)
        return error
