"""POST requests, which the WebSocket library's parser does not take: read with h11, within bounds. No I/O."""

from __future__ import annotations

from typing import Final, NamedTuple

import h11
from websockets.datastructures import Headers

__all__ = ["POST", "BadRequest", "PostReader", "PostRequest"]

POST: Final = b"POST "
"""First bytes of a connection that is read here."""
_MAX_HEAD: Final = 8 * 1024
_MAX_BODY: Final = 16 * 1024


class BadRequest(Exception):
    """A request that is answered with an HTTP `status` and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class PostRequest(NamedTuple):
    """One whole request."""

    path: str
    headers: Headers
    body: bytes


class PostReader:
    """Collects one POST request of bounded size from the first bytes of a connection."""

    def __init__(self) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        self._head: tuple[str, Headers] | None = None
        self._body = bytearray()

    def feed(self, data: bytes) -> PostRequest | None:
        """Return the request once it is whole. Raises BadRequest; feed nothing after either."""
        try:
            self._parser.receive_data(data)
            while True:
                event = self._parser.next_event()
                match event:
                    case h11.Request():
                        self._head = _head(event)
                    case h11.Data():
                        self._body += event.data
                    case h11.EndOfMessage():
                        assert self._head is not None
                        return PostRequest(*self._head, bytes(self._body))
                    case _:
                        return None
        except h11.RemoteProtocolError as exc:
            if exc.error_status_hint == 431:
                raise BadRequest(431, "the request's head is too long") from None
            raise BadRequest(
                400, "the request does not follow HTTP/1.1 (RFC 9112): look at its first line and headers"
            ) from None


def _head(request: h11.Request) -> tuple[str, Headers]:
    if request.http_version not in (b"1.0", b"1.1"):
        raise BadRequest(400, "the request is not of HTTP/1.1: send one that is")
    headers = Headers()
    for name, value in request.headers.raw_items():
        headers[name.decode("latin-1")] = value.decode("latin-1")
    if len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers) > _MAX_HEAD:
        raise BadRequest(431, "the request's head is too long")
    length = headers.get("Content-Length")  # the parser has checked it, and folded several of one value into one
    if length is None or "Transfer-Encoding" in headers:
        raise BadRequest(411, "a Content-Length header is needed, and no other way to say where the body ends")
    if int(length) > _MAX_BODY:
        raise BadRequest(413, f"the body is longer than {_MAX_BODY} bytes")
    return request.target.decode("latin-1"), headers
