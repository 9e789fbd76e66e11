"""Answers to plain HTTP requests (RFC 9112). No I/O."""

from __future__ import annotations

import email.utils
import http
import json
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Response

__all__ = ["answer", "json_answer", "preflight", "shared", "text_answer"]


def answer(status: int, body: bytes, content_type: str, **more: str) -> Response:
    """Build an answer after which the connection closes; `more` are headers, with `_` in place of `-`."""
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
    """Build an answer with a JSON object."""
    return answer(status, json.dumps(value).encode(), "application/json", **more)


def text_answer(status: int, sentence: str, **more: str) -> Response:
    """Build an answer with one line of text."""
    return answer(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8", **more)


def preflight(origin: str) -> Response:
    """Allow a browser to let a page POST JSON to another origin (Fetch, section 3.3)."""
    more = {
        "Access_Control_Allow_Methods": "POST",
        "Access_Control_Allow_Headers": "content-type",
        "Access_Control_Max_Age": "600",
    }
    return shared(text_answer(200, "POST", **more), origin)


def shared(response: Response, origin: str | None) -> Response:
    """Let a page of `origin`, which the caller has found in its list, read an answer; no other page may."""
    response.headers["Vary"] = "Origin"
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response
