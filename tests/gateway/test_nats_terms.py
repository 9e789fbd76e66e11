from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import nkeys  # type: ignore[import-untyped]
import pytest
import trustme

from hftlab.errors import ArgumentError, ConnectionFailed, HftlabError
from hftlab.gateway import Gateway, NatsServer, NatsTerms, PublisherNode, nats_terms
from hftlab.simulator import RandomWalk
from tests.gateway.conftest import free_port, until


async def connected(terms: NatsTerms, patience: float = 5.0) -> bool:
    told: list[str | None] = []
    client = await terms.connect("test", told=told.append, patience=patience)
    try:
        await client.flush()
        return client.is_connected and told[-1] is None
    finally:
        await client.close()


class TestArguments:
    def test_an_address_without_a_scheme_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match="not the address of a NATS server"):
            NatsTerms(servers=["127.0.0.1:4222"])

    @pytest.mark.parametrize("scheme", ["ws", "wss"])
    def test_an_address_for_websockets_is_refused(self, scheme: str) -> None:
        with pytest.raises(ArgumentError, match=r"address for WebSockets.*give the address for NATS' own protocol"):
            NatsTerms(servers=[f"{scheme}://127.0.0.1:4222"])

    def test_two_ways_to_sign_in_are_refused(self) -> None:
        with pytest.raises(ArgumentError, match="one of user, token and credentials"):
            NatsTerms(user="a", password="b", token="c")

    def test_a_user_needs_a_password(self) -> None:
        with pytest.raises(ArgumentError, match="go together"):
            NatsTerms(user="a")

    def test_passwords_are_not_shown(self) -> None:
        terms = NatsTerms(servers=["nats://alice:secret@127.0.0.1:4222"], token=None)
        assert "secret" not in terms.shown + repr(terms)
        assert "secret" not in repr(NatsTerms(user="alice", password="secret"))


class TestConnecting:
    async def test_an_absent_server_is_an_error_that_says_what_to_do(self) -> None:
        with pytest.raises(ConnectionFailed, match=r"cannot be reached.*start nats-server"):
            await connected(NatsTerms(servers=[f"nats://127.0.0.1:{free_port()}"]), patience=0.5)

    async def test_patience_ends_where_the_library_loses_a_cancellation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As it does while it closes an attempt: it went on for ever, and the publisher with it."""
        lost: list[str] = []

        async def connect(*_: object, **__: object) -> None:
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    lost.append("once")
                    if len(lost) % 2 == 0:
                        raise

        monkeypatch.setattr("nats.aio.client.Client.connect", connect)
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            await NatsTerms().connect("test", told=lambda _: None, patience=0.01)
        trying = asyncio.create_task(NatsTerms().connect("test", told=lambda _: None))
        await asyncio.sleep(0)
        await until(lambda: any(one.get_name() == "hftlab connects to NATS" for one in asyncio.all_tasks()))
        trying.cancel()
        await asyncio.wait([trying])
        assert trying.cancelled()
        assert len(lost) in (2, 3, 4)

    async def test_user_and_password(self, tmp_path: Path) -> None:
        with NatsServer(folder=tmp_path, jetstream=False, options=["--user", "u", "--pass", "p"]) as server:
            assert await connected(NatsTerms(servers=[server.url], user="u", password="p"))
            with pytest.raises(ConnectionFailed, match=r"refuses the credentials.*--nats-user"):
                await connected(NatsTerms(servers=[server.url], user="u", password="q"), patience=2.0)

    async def test_token(self, tmp_path: Path) -> None:
        with NatsServer(folder=tmp_path, jetstream=False, options=["--auth", "t0ken"]) as server:
            assert await connected(NatsTerms(servers=[server.url], token="t0ken"))
            with pytest.raises(ConnectionFailed, match="refuses the credentials"):
                await connected(NatsTerms(servers=[server.url]), patience=2.0)

    async def test_tls_on_both_sides(self, tmp_path: Path) -> None:
        authority = trustme.CA()
        for name, issued in (("server", authority.issue_cert("127.0.0.1")), ("client", authority.issue_cert("desk"))):
            issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        options = ["--tlsverify", "--tlscacert", str(tmp_path / "ca.pem")]
        options += [f"--tls{part}={tmp_path / 'server.pem'}" for part in ("cert", "key")]
        with NatsServer(folder=tmp_path / "nats", jetstream=False, options=options) as server:
            address = server.url.replace("nats://", "tls://")
            pem = tmp_path / "client.pem"
            assert await connected(NatsTerms(servers=[address], tls_ca=tmp_path / "ca.pem", tls_cert=pem))
            with pytest.raises(ConnectionFailed, match="--nats-ca"):
                await connected(NatsTerms(servers=[address]), patience=0.5)

    async def test_a_server_without_tls_is_sent_nothing_where_tls_is_asked_for(self, tmp_path: Path) -> None:
        """Who sits between could have taken TLS out of what the server offers."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        heard = bytearray()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'INFO {"server_id": "x", "version": "2.10.0", "max_payload": 1048576}\r\n')
            heard.extend(await reader.read())
            writer.close()

        async with await asyncio.start_server(listen, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            for scheme, given in (("tls", {}), ("nats", {"tls_ca": tmp_path / "ca.pem"})):
                terms = NatsTerms(servers=[f"{scheme}://127.0.0.1:{port}"], user="desk", password="secret", **given)
                with pytest.raises(ConnectionFailed, match="does not speak TLS, and nothing was sent to it"):
                    await connected(terms, patience=0.3)
        assert heard == b""

    async def test_a_connection_on_which_messages_come_lives(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The answer to a ping is behind all that JetStream has to send, which may be hundreds of megabytes."""
        monkeypatch.setattr(nats_terms, "_PING", 0.02)
        pings, come, sends = 0, 0, asyncio.Event()
        sends.set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal pings
            writer.write(b'INFO {"server_id": "x", "version": "2.10.0", "max_payload": 1048576}\r\n')
            await reader.readuntil(b"PING\r\n")
            writer.write(b"PONG\r\n")
            await reader.readuntil(b"SUB a  1\r\n")
            sending = asyncio.create_task(send(writer))
            while await reader.readline():
                pings += 1
            sending.cancel()
            writer.close()

        async def send(writer: asyncio.StreamWriter) -> None:
            while True:
                await sends.wait()
                writer.write(b"MSG a 1 2\r\nhi\r\n")
                await asyncio.sleep(0.001)

        async def count(_: object) -> None:
            nonlocal come
            come += 1

        told: list[str | None] = []
        async with await asyncio.start_server(talk, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            client = await NatsTerms(servers=[f"nats://127.0.0.1:{port}"]).connect("test", told=told.append)
            await client.subscribe("a", cb=count)
            await until(lambda: pings > 10 and come > 10)
            assert told == [None]
            sends.clear()
            await until(lambda: "is lost" in str(told))
            await client.close()

    @pytest.mark.parametrize(
        ("names", "expires", "given", "advice"),
        [
            ("127.0.0.1", 2025, {}, r"certificate has expired.*renew the certificate of nats-server"),
            ("nats.example.org", 2099, {}, r"not valid for '127.0.0.1'.*give an address that its certificate names"),
            ("127.0.0.1", 2099, {"tls_ca": "other"}, r"unable to get local issuer.*give --nats-ca"),
            ("127.0.0.1", 2099, {}, r"nats-server asks for a certificate: give --nats-cert and --nats-key"),
            ("127.0.0.1", 2099, {"tls_cert": "stranger"}, r"does not take the certificate of --nats-cert"),
        ],
    )
    async def test_what_is_wrong_with_certificates_is_said(
        self, tmp_path: Path, names: str, expires: int, given: dict[str, str], advice: str
    ) -> None:
        ours, others = trustme.CA(), trustme.CA()
        made = {
            "server": ours.issue_cert(names, not_before=datetime(2020, 1, 1), not_after=datetime(expires, 1, 1)),
            "stranger": others.issue_cert("desk"),
        }
        for name, issued in made.items():
            issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
        for name, authority in (("ca", ours), ("other", others)):
            authority.cert_pem.write_to_path(tmp_path / f"{name}.pem")
        options = ["--tlsverify", "--tlscacert", str(tmp_path / "ca.pem")]
        options += [f"--tls{part}={tmp_path / 'server.pem'}" for part in ("cert", "key")]
        files: dict[str, Any] = {name: tmp_path / f"{file}.pem" for name, file in ({"tls_ca": "ca"} | given).items()}
        with NatsServer(folder=tmp_path / "nats", jetstream=False, options=options) as server:
            terms = NatsTerms(servers=[server.url.replace("nats://", "tls://")], **files)
            with pytest.raises(ConnectionFailed, match=advice):
                await connected(terms, patience=0.4)

    @pytest.mark.parametrize("given", [{"tls_ca": "ca"}, {"tls_cert": "ca"}])
    async def test_files_that_are_no_certificates_are_named(self, tmp_path: Path, given: dict[str, str]) -> None:
        (tmp_path / "ca").write_text("nonsense")
        terms = NatsTerms(**{name: tmp_path / file for name, file in given.items()})
        with pytest.raises(HftlabError, match=rf"TLS for NATS: {tmp_path / 'ca'}.*PEM"):
            await connected(terms)

    async def test_what_is_not_permitted_is_said(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        config = tmp_path / "nats.conf"
        config.write_text(
            'authorization { users: [{user: u, password: p, permissions: {subscribe: ["hftlab.>", "_INBOX.>"], '
            'publish: {deny: "hftlab.>"}}}] }'
        )
        with NatsServer(folder=tmp_path / "nats", jetstream=False, options=["-c", str(config)]) as server:
            terms = NatsTerms(servers=[server.url], user="u", password="p")
            said = r"does not permit what a cluster needs \(nats: permissions violation for publish to"
            with pytest.raises(HftlabError, match=said):
                await PublisherNode(RandomWalk(7), terms).start()
            async with Gateway(terms, port=0) as gateway:
                await until(lambda: re.search(said, str(gateway.server.unready())))
            assert len([one for one in caplog.records if re.search(said, one.getMessage())]) >= 2

    async def test_a_server_that_ends_the_connection_with_a_reason_is_come_back_to(self, tmp_path: Path) -> None:
        """As where credentials have expired: the library itself would give up."""
        config = tmp_path / "nats.conf"
        config.write_text("authorization { token: right }")
        told: list[str | None] = []
        with NatsServer(folder=tmp_path / "nats", jetstream=False, options=["-c", str(config)]) as server:
            client = await NatsTerms(servers=[server.url], token="right").connect("test", told=told.append)
            config.write_text("authorization { token: other }")
            os.kill(server.pid, signal.SIGHUP)
            await until(lambda: "refuses the credentials" in str(told[-1]))
            config.write_text("authorization { token: right }")
            os.kill(server.pid, signal.SIGHUP)
            await until(lambda: told[-1] is None)
            await client.flush()
            await client.close()

    async def test_credentials(self, tmp_path: Path) -> None:
        operator, account, user, stranger = (_key(kind) for kind in ("OPERATOR", "ACCOUNT", "USER", "USER"))
        config = tmp_path / "nats.conf"
        config.write_text(
            f"operator: {_token(operator, operator, 'operator')}\nresolver: MEMORY\n"
            f"resolver_preload: {{ {_public(account)}: {_token(account, operator, 'account')} }}\n"
        )
        signed = _token(user, account, "user")
        for name, key in (("right", user), ("wrong", stranger)):
            (tmp_path / f"{name}.creds").write_text(
                f"-----BEGIN NATS USER JWT-----\n{signed}\n------END NATS USER JWT------\n\n"
                f"-----BEGIN USER NKEY SEED-----\n{key.seed.decode()}\n------END USER NKEY SEED------\n"
            )
        with NatsServer(folder=tmp_path / "nats", jetstream=False, options=["-c", str(config)]) as server:
            assert await connected(NatsTerms(servers=[server.url], credentials=tmp_path / "right.creds"))
            with pytest.raises(ConnectionFailed, match=r"refuses the credentials.*--nats-creds"):
                await connected(NatsTerms(servers=[server.url], credentials=tmp_path / "wrong.creds"), patience=0.5)


def _key(kind: str) -> Any:
    seed = nkeys.encode_seed(os.urandom(32), getattr(nkeys, f"PREFIX_BYTE_{kind}"))
    return nkeys.from_seed(bytearray(seed))


def _public(key: Any) -> str:
    return str(key.public_key.decode())


def _token(subject: Any, issuer: Any, kind: str) -> str:
    """A token as nsc makes it: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt."""
    unlimited = dict.fromkeys(("subs", "data", "payload", "conn", "leaf", "imports", "exports"), -1)
    limits: dict[str, dict[str, Any]] = {
        "account": {"limits": unlimited | {"wildcards": True}},
        "user": {"subs": -1, "data": -1, "payload": -1},
    }
    claims = {
        "jti": "test",
        "iat": 1,
        "iss": _public(issuer),
        "sub": _public(subject),
        "name": kind,
        "nats": limits.get(kind, {}) | {"type": kind, "version": 2},
    }
    parts = [_base64(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims)]
    return ".".join([*parts, _base64(issuer.sign(".".join(parts).encode()))])


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
