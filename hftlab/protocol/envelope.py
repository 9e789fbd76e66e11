"""Id and type of a request that does not decode, so that the error can name the request."""

from __future__ import annotations

from typing import Final

import msgspec

from hftlab.errors import MessageParseError, SubscriptionFailed, WireError
from hftlab.protocol.codec import Codec
from hftlab.protocol.validation_errors import lenient

__all__ = ["Envelope"]

_SUBSCRIBING: Final = ("SUBSCRIBE", "UNSUBSCRIBE")
_TERMS: Final = ("symbols", "dataTypes", "frequency", "slowConsumer")
"""Fields of a subscription."""


class Envelope(msgspec.Struct):
    """Id and type of a request, as far as they can be read."""

    id: str | None = None
    type: str | None = None

    @classmethod
    def of(cls, data: bytes, codec: Codec) -> Envelope:
        """Read the envelope of a request; empty if nothing can be read."""
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
        """Make the error to answer with: SubscriptionFailed where a term of a subscription does not fit."""
        if self.type in _SUBSCRIBING and error.field.partition("[")[0] in _TERMS:
            return SubscriptionFailed(str(error), context=error.context)
        return error
