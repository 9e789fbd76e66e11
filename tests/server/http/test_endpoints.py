"""Requests that are no WebSocket: Host and Origin, refreshed tokens, preflights."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hftlab.server import Server, ServerLimits
from tests.server.conversation import PATIENCE, request
from tests.server.http.plain_http import exchange, get, post


class TestOriginAndHost:
    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", ""])
    async def test_pages_of_other_sites_are_refused(self, hand_server: Server, origin: str) -> None:
        status, _, body = await get(hand_server, "/health", Origin=origin)
        assert status == 403
        assert b"origins=[...] or --origin" in body

    async def test_an_origin_in_the_list_connects(self) -> None:
        async with (
            Server(port=0, origins=["https://lab.example"]) as server,
            connect(server.url, origin="https://lab.example"),
        ):
            with pytest.raises(InvalidStatus):
                await connect(server.url, origin="https://lab.example.evil.example")

    @pytest.mark.parametrize(
        "host", ["evil.example:{}", "127.0.0.1.evil.example", "localhost.:{}", "127.0.0.1:x", "[::1", "", "a b"]
    )
    async def test_other_names_are_refused(self, hand_server: Server, host: str) -> None:
        status, _, _ = await get(hand_server, "/health", Host=host.format(hand_server.port))
        assert status == 403

    async def test_a_host_is_needed_once(self, hand_server: Server) -> None:
        host = f"Host: localhost:{hand_server.port}\r\n"
        for headers in ("", host * 2):
            raw = f"GET /health HTTP/1.1\r\n{headers}\r\n".encode()
            assert (await exchange(hand_server.port, raw))[0] == 400

    async def test_names_in_the_list_are_taken(self) -> None:
        async with Server(port=0, hosts=["lab.example", "other.example:443"]) as server:
            for host in (
                "lab.example",
                f"LAB.example:{server.port}",
                f"127.0.0.1:{server.port}",
                "localhost:9",
                "other.example:443",
            ):
                assert (await get(server, "/health", Host=host))[0] == 200
            assert (await get(server, "/health", Host="other.example:80"))[0] == 403


class TestRefresh:
    async def test_a_token_is_exchanged_once(self, hand_server: Server) -> None:
        first = hand_server.issue_tokens("alice")
        body = json.dumps({"refreshToken": first.refresh}).encode()
        status, tokens = await post(hand_server, body)
        assert status == 200
        async with connect(hand_server.url) as connection:
            reply = await request(connection, type="AUTH", token=tokens["accessToken"])
            assert (reply["type"], reply["subject"]) == ("AUTH_SUCCESS", "alice")
        assert (await post(hand_server, body))[0] == 401
        again = json.dumps({"refreshToken": tokens["refreshToken"]}).encode()
        assert (await post(hand_server, again))[0] == 401

    async def test_a_page_of_an_allowed_origin_may_ask(self) -> None:
        """As a browser does: it asks first, then sends, and reads only what is meant for its origin."""
        origin = "https://lab.example"
        async with Server(port=0, origins=[origin, "https://other.example"]) as server:
            asked = (
                f"OPTIONS /api/auth/refresh HTTP/1.1\r\nHost: localhost:{server.port}\r\nOrigin: {{}}\r\n"
                "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
            )
            status, headers, _ = await exchange(server.port, asked.format(origin).encode())
            assert (status, headers["access-control-allow-origin"], headers["vary"]) == (200, origin, "origin")
            assert "post" in headers["access-control-allow-methods"]
            assert "content-type" in headers["access-control-allow-headers"]
            status, headers, _ = await exchange(server.port, asked.format("https://evil.example").encode())
            assert status == 403
            assert "access-control-allow-origin" not in headers
            tokens = server.issue_tokens("alice")
            for token, expected in ((tokens.refresh, 200), ("used", 401)):
                body = json.dumps({"refreshToken": token}).encode()
                raw = f"POST /api/auth/refresh HTTP/1.1\r\nHost: localhost:{server.port}\r\nOrigin: {origin}\r\n"
                raw += f"Content-Length: {len(body)}\r\n\r\n"
                status, headers, _ = await exchange(server.port, raw.encode() + body)
                assert (status, headers["access-control-allow-origin"]) == (expected, origin)
            raw = f"POST /api/auth/refresh HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Length: 0\r\n\r\n"
            _, headers, _ = await exchange(server.port, raw.encode())
            assert headers["vary"] == "origin"
            assert "access-control-allow-origin" not in headers

    async def test_other_preflights_are_refused(self) -> None:
        async with Server(port=0, origins=["https://lab.example"]) as server:
            for path, origin in (("/other", "Origin: https://lab.example\r\n"), ("/api/auth/refresh", "")):
                raw = f"OPTIONS {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n{origin}\r\n"
                status, headers, _ = await exchange(server.port, raw.encode())
                assert status == 405
                assert "access-control-allow-origin" not in headers

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"refreshToken": 7}', b"\xff", b"[" * 10_000])
    async def test_what_is_no_request_gets_400(self, hand_server: Server, body: bytes) -> None:
        assert (await post(hand_server, body))[0] == 400

    async def test_other_methods_paths_origins_and_lengths(self, hand_server: Server) -> None:
        status, headers, _ = await get(hand_server, "/api/auth/refresh")
        assert (status, headers["allow"]) == (405, "post")
        assert (await post(hand_server, b"{}", "/other"))[0] == 404
        assert (await post(hand_server, b"{}", "/api/auth/refresh?token=x"))[0] == 400
        assert (await post(hand_server, b"{}", Origin="https://evil.example"))[0] == 403
        assert (await post(hand_server, b"{}", Host="evil.example"))[0] == 403
        assert (await post(hand_server, b"", **{"Content-Length": "x"}))[0] == 400
        assert (await post(hand_server, b"", **{"Content-Length": "99999"}))[0] == 413
        assert (await post(hand_server, b"", **{"Transfer-Encoding": "chunked"}))[0] == 411
        assert (await post(hand_server, b"", X="y" * 10_000))[0] == 431

    async def test_it_may_come_byte_by_byte_but_not_for_ever(self) -> None:
        async with Server(port=0, limits=ServerLimits(open_timeout=0.2)) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            for byte in b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == b""
            writer.close()


async def test_a_connection_that_comes_when_the_server_has_closed_is_dropped() -> None:
    """The system may have accepted it already, and the event loop hands it over behind all others."""
    async with Server(port=0) as server:
        endpoints = server._listener.endpoints
    assert endpoints is not None
    assert not endpoints.admit("127.0.0.1")
    assert endpoints.refused == {"closing": 1}
    assert endpoints.admission.open.total() == 0
