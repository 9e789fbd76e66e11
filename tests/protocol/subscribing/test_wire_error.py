"""Exceptions of ERROR messages."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import MessageParseError, RateLimitExceeded, ServerError, WireError
from hftlab.protocol import Error, ErrorType
from hftlab.protocol.subscribing.wire_error import wire_error


def error(kind: ErrorType, **more: Any) -> Error:
    return Error(timestamp=5.0, error_type=kind, message="no", recoverable=False, **more)


@pytest.mark.parametrize("kind", list(ErrorType))
def test_each_type_has_its_exception(kind: ErrorType) -> None:
    made = wire_error(error(kind, code=7))
    assert type(made) is not WireError
    assert (made.wire_type, str(made), made.recoverable, made.code, made.timestamp) == (kind, "no", False, 7, 5.0)


def test_when_to_come_back_is_kept() -> None:
    made = wire_error(error(ErrorType.RATE_LIMIT_EXCEEDED, retry_after=2.5))
    assert isinstance(made, RateLimitExceeded)
    assert made.retry_after == 2.5


@pytest.mark.parametrize(
    ("context", "kept"), [(None, None), ({"a": 1}, {"a": 1}), ("text", {"context": "text"}), ([1], {"context": [1]})]
)
def test_any_context_becomes_an_object(context: Any, kept: Any) -> None:
    """The document allows for any."""
    made = wire_error(error(ErrorType.SERVER_ERROR, context=context))
    assert isinstance(made, ServerError)
    assert made.context == kept


def test_a_field_that_does_not_fit_is_named() -> None:
    made = wire_error(error(ErrorType.MESSAGE_PARSE_ERROR, context={"field": "symbols[0]"}))
    assert isinstance(made, MessageParseError)
    assert made.field == "symbols[0]"
