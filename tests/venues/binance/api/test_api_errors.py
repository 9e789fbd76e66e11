"""Errors with Binance's codes."""

from __future__ import annotations

import json

import pytest

from hftlab.venues.binance.api import api_errors
from hftlab.venues.binance.api.api_errors import ApiError


@pytest.mark.parametrize(
    ("error", "status", "code", "text"),
    [
        (api_errors.bad_symbol(), 400, -1121, "Invalid symbol."),
        (api_errors.missing_parameter("symbol"), 400, -1102, "Mandatory parameter 'symbol' was not sent"),
        (api_errors.illegal_parameter("limit"), 400, -1100, "Illegal characters found in parameter 'limit'"),
        (api_errors.empty_parameter("limit"), 400, -1105, "Parameter 'limit' was empty."),
        (api_errors.bad_combination(), 400, -1128, "Combination of optional parameters invalid."),
        (api_errors.no_book(), 503, -1001, "Please try again"),
        (api_errors.too_many_requests(6000), 429, -1003, "6000 request weight"),
        (api_errors.unknown_path(), 404, -1000, "serves ping, time"),
    ],
)
def test_an_error_is_an_answer_in_json(error: ApiError, status: int, code: int, text: str) -> None:
    assert error.status == status
    body = json.loads(error.body)
    assert body["code"] == code
    assert text in body["msg"]
