"""Errors of Binance's requests and of its WebSocket messages, with its codes.

Sources: Binance Spot API, "Error codes for Binance" and "WebSocket Streams", "Error Messages"; USDⓈ-M Futures API,
"Error Code".
"""

from __future__ import annotations

import json

__all__ = [
    "ApiError",
    "StreamError",
    "bad_combination",
    "bad_symbol",
    "empty_parameter",
    "illegal_parameter",
    "missing_parameter",
    "no_book",
    "too_many_requests",
    "unknown_path",
]


class ApiError(Exception):
    """Answer to a request that cannot be served: an HTTP `status`, and Binance's `code` and `text`."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text

    @property
    def body(self) -> bytes:
        """The answer as JSON."""
        return json.dumps({"code": self.code, "msg": self.text}).encode()


def bad_symbol() -> ApiError:
    """Return the error for a symbol that the market does not have."""
    return ApiError(400, -1121, "Invalid symbol.")


def missing_parameter(name: str) -> ApiError:
    """Return the error for a parameter that was not sent."""
    return ApiError(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def empty_parameter(name: str) -> ApiError:
    """Return the error for a parameter without a value."""
    return ApiError(400, -1105, f"Parameter '{name}' was empty.")


def bad_combination() -> ApiError:
    """Return the error for parameters that exclude each other."""
    return ApiError(400, -1128, "Combination of optional parameters invalid.")


def illegal_parameter(name: str, *, rule: str = "^[0-9]{1,20}$") -> ApiError:
    """Return the error for a parameter that has another form than `rule`."""
    return ApiError(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{rule}'.")


def no_book() -> ApiError:
    """Return the error for a book that the recording does not have at its position."""
    return ApiError(503, -1001, "Internal error; unable to process your request. Please try again.")


def too_many_requests(weight: int) -> ApiError:
    """Return the error for an address that has spent its weight of the minute."""
    return ApiError(429, -1003, f"Too much request weight used; current limit is {weight} request weight per 1 MINUTE.")


def unknown_path() -> ApiError:
    """Return the error for a path that is not served here."""
    served = "ping, time, exchangeInfo, depth, trades, aggTrades, ticker/price, ticker/bookTicker, ticker/24hr"
    return ApiError(404, -1000, f"Path not found: a recording serves {served}.")


class StreamError(Exception):
    """Answer to a message on a WebSocket that cannot be served: Binance's `code` and `text`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text
