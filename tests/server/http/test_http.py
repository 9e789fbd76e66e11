"""Everything on the port that is no WebSocket: who is let in, monitoring, refreshed tokens, TLS."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from typing import Any

import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hftlab.errors import HftlabError
from hftlab.server import Server, ServerLimits
from hftlab.server.http.admission import Admission, is_loopback
from hftlab.server.http.monitor import Broadcasts
from tests.protocol.conftest import market_data, symbol
from tests.server.conversation import PATIENCE, receive, request, subscribe


async def exchange(port: int, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read to the end, and take the answer apart."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


async def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in ({"Host": f"localhost:{server.port}"} | headers).items())
    return await exchange(server.port, f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())


async def post(server: Server, body: bytes, path: str = "/api/auth/refresh", **headers: str) -> tuple[int, Any]:
    fields = {"Host": f"localhost:{server.port}", "Content-Length": str(len(body))} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    status, answer, data = await exchange(server.port, f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    assert answer["connection"] == "close"
    assert int(answer["content-length"]) == len(data)
    return status, json.loads(data)


class TestGate:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1", "::ffff:127.0.0.1"])
    def test_loopback(self, host: str) -> None:
        assert is_loopback(host)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "localhost.evil.example", "::ffff:192.0.2.1"])
    def test_not_loopback(self, host: str) -> None:
        assert not is_loopback(host)

    def test_an_address_has_its_share(self) -> None:
        admission = Admission("0.0.0.0", ServerLimits(connections_per_address=2))
        for _ in range(3):
            admission.enter("192.0.2.1")
            admission.enter("127.0.0.1")
        admission.enter("192.0.2.2")
        refusal = admission.check_room("192.0.2.1")
        assert refusal is not None
        assert refusal.status == 503
        assert admission.check_room("127.0.0.1") is admission.check_room("192.0.2.2") is None
        admission.leave("192.0.2.1")
        assert admission.check_room("192.0.2.1") is None


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


class TestMonitoring:
    async def test_health_and_ready(self, hand_server: Server) -> None:
        for path in ("/health", "/ready"):
            status, headers, body = await get(hand_server, path)
            assert (status, headers["content-type"]) == (200, "application/json")
            assert "status" in json.loads(body)

    async def test_metrics_are_those_of_stats(self, hand_server: Server) -> None:
        async with connect(hand_server.url) as connection:
            await subscribe(connection, "A", frequency=0)
            hand_server.publish(market_data(symbol("A")))
            await receive(connection)
            await connection.send("{")
            await receive(connection)
            _, headers, body = await get(hand_server, "/metrics")
        assert headers["content-type"].startswith("text/plain")
        lines = body.decode().splitlines()
        for line in (
            "hftlab_connections 1.0",
            "hftlab_channels 1.0",
            "hftlab_messages_received_total 2.0",
            "hftlab_messages_sent_total 1.0",
            'hftlab_errors_total{type="MESSAGE_PARSE_ERROR"} 1.0',
        ):
            assert line in lines
        assert any(line.startswith('hftlab_broadcast_seconds_bucket{le="+Inf"}') for line in lines)

    async def test_required_authentication_closes_the_metrics(self) -> None:
        """And leaves of /health and /ready what a load balancer needs."""
        async with Server(port=0, auth="required") as server:
            token = server.issue_tokens("prometheus").access
            for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"Authorization": f"Basic {token}"}):
                status, answer, body = await get(server, "/metrics", **headers)
                assert (status, answer["www-authenticate"]) == (401, "bearer")
                assert b"Authorization: Bearer" in body
                assert json.loads((await get(server, "/health", **headers))[2]) == {"status": "ok"}
                assert json.loads((await get(server, "/ready", **headers))[2]) == {"status": "ready"}
            signed = {"Authorization": f"Bearer {token}"}
            assert b"hftlab_connections 0.0" in (await get(server, "/metrics", **signed))[2]
            assert json.loads((await get(server, "/health", **signed))[2]) == {"status": "ok", "connections": 0}

    def test_slow_broadcasts_are_logged_but_not_each(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        caplog.set_level("INFO", logger="hftlab.server")
        broadcasts = Broadcasts()
        for seconds in (0.0001, 0.0012, 0.002, 0.5):
            broadcasts.add(seconds)
        assert len(caplog.records) == 1
        assert "milliseconds=1.2" in caplog.text
        assert broadcasts.histogram.count == 4

    async def test_other_paths_want_a_websocket(self, hand_server: Server) -> None:
        assert (await get(hand_server, "/"))[0] == 426

    async def test_stats_keep_their_keys(self, hand_server: Server) -> None:
        assert {"connections", "channels", "published", "messages_sent", "bytes_sent", "messages_received"} | {
            "conflated",
            "gaps",
            "aborted",
        } <= hand_server.stats().keys()


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


class TestTls:
    async def test_it_is_served_over_tls(self) -> None:
        authority = trustme.CA()
        server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(server_side)
        authority.configure_trust(client_side)
        async with Server(port=0, ssl=server_side) as server:
            assert server.url == f"wss://127.0.0.1:{server.port}"
            async with connect(server.url, ssl=client_side) as connection:
                await subscribe(connection, "A", frequency=0)
                server.publish(market_data(symbol("A", 3.0)))
                assert (await receive(connection))["symbols"][0]["price"] == 3.0

    async def test_a_port_open_to_the_network_needs_it(self) -> None:
        for options in ({}, {"auth": "required"}):
            with pytest.raises(HftlabError, match="TLS and required authentication"):
                await Server(host="0.0.0.0", port=0, **options).start()
