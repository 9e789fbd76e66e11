"""POST requests read from bytes: whole ones, in pieces, and those that are refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.server.http.post import BadRequest, PostReader, PostRequest

HEAD = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nOrigin: y\r\n\r\n"


def read(data: bytes) -> PostRequest | None:
    return PostReader().feed(data)


@given(st.lists(st.integers(0, len(HEAD) + 5), max_size=10))
def test_it_may_come_in_pieces(cuts: list[int]) -> None:
    reader, data = PostReader(), HEAD + b"hello"
    places = [0, *sorted(cuts), len(data)]
    found = [reader.feed(data[start:end]) for start, end in pairwise(places) if start < end]
    request = found[-1]
    assert request is not None
    assert (request.path, request.body, request.headers["origin"]) == ("/a?b=c", b"hello", "y")
    assert found[:-1] == [None] * (len(found) - 1)


def test_what_is_behind_it_is_left() -> None:
    request = read(HEAD + b"hello and more")
    assert request is not None
    assert request.body == b"hello"


def test_an_old_client_needs_no_host() -> None:
    request = read(b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
    assert request is not None
    assert request.headers.get_all("Host") == []


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("Content-Length: x", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 411),
        ("Transfer-Encoding: chunked", 411),
        ("Transfer-Encoding: gzip", 400),
        ("Origin: y", 411),
        ("Content-Length: 16385", 413),
        ("Content-Length: 5\r\nBad Name: y", 400),
        ("Content-Length: 5\r\nX: a\x00b", 400),
        ("Content-Length: 5\r\nX: " + "y" * 9000, 431),
    ],
)
def test_what_is_refused(lines: str, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        read(f"POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\nhello".encode())
    assert caught.value.status == status


@pytest.mark.parametrize("first", ["POST /", "POST / HTTP/2", "POST  / HTTP/1.1", "POST / HTTP/1.1 x"])
def test_a_request_line_is_of_http_1(first: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(f"{first}\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    assert caught.value.status == 400


def test_a_head_without_an_end_is_given_up() -> None:
    reader = PostReader()
    with pytest.raises(BadRequest) as caught:
        for _ in range(100):
            reader.feed(b"POST / HTTP/1.1\r\nX: " + b"y" * 100)
    assert caught.value.status == 431


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_fail(data: bytes) -> None:
    try:
        read(b"POST " + data)
    except BadRequest as exc:
        assert exc.status in (400, 411, 413, 431)
