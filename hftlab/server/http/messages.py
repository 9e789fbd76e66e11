"""The little HTTP beside the WebSocket: POST requests read, answers written (RFC 9112). No I/O.

The library's parser takes requests without a body only, so a connection that starts with POST is read here instead.
"""

from __future__ import annotations

import email.utils
import http
import json
import re
from typing import Any, Final, NamedTuple

from websockets.datastructures import Headers
from websockets.http11 import Response

__all__ = [
    "POST",
    "BadRequest",
    "PostReader",
    "PostRequest",
    "answer",
    "json_answer",
    "preflight",
    "shared",
    "text_answer",
]

POST: Final = b"POST "
_MAX_HEAD: Final = 8 * 1024
_MAX_BODY: Final = 16 * 1024
_LENGTH: Final = re.compile(r"[0-9]{1,9}\Z")
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*?)[ \t]*\Z")


class BadRequest(Exception):
    """A request that is answered with `status` and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class PostRequest(NamedTuple):
    path: str
    headers: Headers
    body: bytes


class PostReader:
    """Collects one POST request, of bounded size, from the first bytes of a connection."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> PostRequest | None:
        """The request once it is whole. Raises BadRequest; there is nothing to feed after either."""
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end > _MAX_HEAD or (end < 0 and len(self._data) > _MAX_HEAD):
            raise BadRequest(431, "the request's head is too long")
        if end < 0:
            return None
        path, headers = _head(bytes(self._data[:end]))
        length, body = _length(headers), bytes(self._data[end + 4 :])
        return None if len(body) < length else PostRequest(path, headers, body[:length])


def _head(data: bytes) -> tuple[str, Headers]:
    first, *lines = data.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[0] != "POST" or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(400, "the request line is not of HTTP/1.1")
    headers = Headers()
    for line in lines:
        field = _HEADER.match(line)
        if field is None:
            raise BadRequest(400, "a header is not of HTTP/1.1")
        headers[field[1]] = field[2]
    return words[1], headers


def _length(headers: Headers) -> int:
    """RFC 9112 section 6.3: one Content-Length, and no other way to say where the body ends."""
    lengths = headers.get_all("Content-Length")
    if headers.get_all("Transfer-Encoding") or len(lengths) != 1:
        raise BadRequest(411, "exactly one Content-Length header is needed")
    if not _LENGTH.match(lengths[0]):
        raise BadRequest(400, "the Content-Length is no number")
    if int(lengths[0]) > _MAX_BODY:
        raise BadRequest(413, f"the body is longer than {_MAX_BODY} bytes")
    return int(lengths[0])


def answer(status: int, body: bytes, content_type: str, **more: str) -> Response:
    headers = Headers()
    headers["Date"] = email.utils.formatdate(usegmt=True)
    headers["Content-Type"] = content_type
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    headers["Cache-Control"] = "no-store"
    for name, value in more.items():
        headers[name.replace("_", "-")] = value
    return Response(status, http.HTTPStatus(status).phrase, headers, body)


def json_answer(status: int, value: dict[str, Any], **more: str) -> Response:
    return answer(status, json.dumps(value).encode(), "application/json", **more)


def text_answer(status: int, sentence: str, **more: str) -> Response:
    return answer(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8", **more)


def preflight(origin: str) -> Response:
    """What a browser asks before a page may POST JSON to another origin: it may (Fetch, section 3.3)."""
    more = {
        "Access_Control_Allow_Methods": "POST",
        "Access_Control_Allow_Headers": "content-type",
        "Access_Control_Max_Age": "600",
    }
    return shared(text_answer(200, "POST", **more), origin)


def shared(response: Response, origin: str | None) -> Response:
    """An answer that a page of `origin`, which the caller has found in the list, may read; no other."""
    response.headers["Vary"] = "Origin"
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response
