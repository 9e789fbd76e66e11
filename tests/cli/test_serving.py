"""Keys, certificates, names and tokens on the command line."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import trustme
from websockets.sync.client import connect
from websockets.typing import Origin

import hftlab as hl
from hftlab.credentials import find_secret
from hftlab.protocol.publishing.authentication import REFRESH_LIFETIME, Authenticator
from hftlab.session import Session
from tests.command import Run, first_line, sentence, started
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("compiled")

KEY = b"0123456789abcdef" * 4


def key_file(folder: Path, content: bytes = KEY + b"\n", mode: int = 0o600) -> Path:
    path = folder / "lab.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path]:
    """Write a certificate chain and its key into a file each."""
    made = authority.issue_cert("localhost", "127.0.0.1", "lab.example")
    chain, key = tmp_path / "cert.pem", tmp_path / "cert.key"
    chain.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    made.private_key_pem.write_to_path(key)
    return chain, key


def ask(url: str, **fields: object) -> dict[str, object]:
    with connect(url) as connection:
        connection.recv()
        connection.send(json.dumps({"timestamp": 1, "id": "q"} | fields))
        while (reply := json.loads(connection.recv())).get("id") != "q":
            pass
        return dict(reply)


class TestToken:
    def test_it_is_one_that_a_server_with_the_same_key_takes(self, tmp_path: Path, run: Run) -> None:
        """A token that was signed with another key is refused."""
        path = key_file(tmp_path)
        status, out, err = run("token", "--key", path, "--subject", "alice", "--seconds", "60")
        assert (status, err, out.count("\n")) == (0, "", 1)
        identity = Authenticator(KEY).check(out.strip(), time.time())
        assert identity.subject == "alice"
        assert 50 < identity.expires_at - time.time() <= 60
        with started("serve", "--source", "walk", "--port", "0", "--key", path) as process:
            url = first_line(process)
            assert find_secret(int(url.rpartition(":")[2])) is None
            assert ask(url, type="AUTH", token=out.strip())["subject"] == "alice"
            assert ask(url, type="AUTH", token="a.b.c")["type"] == "AUTH_FAILED"

    @pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
    def test_a_line_end_is_no_part_of_the_key(self, tmp_path: Path, run: Run, end: bytes) -> None:
        out = run("token", "--key", key_file(tmp_path, KEY + end), "--subject", "alice").out
        assert Authenticator(KEY).check(out.strip(), time.time()).subject == "alice"

    def test_mistakes_are_said_in_one_sentence(self, tmp_path: Path, run: Run) -> None:
        path = key_file(tmp_path)
        assert "--subject '' is not a valid name" in sentence(run("token", "--key", path, "--subject", ""))
        absent = tmp_path / "absent"
        for wrong, reason in ((absent, "No such file or directory"), (tmp_path, "Is a directory")):
            for command in (("token", "--subject", "alice"), ("serve", "--port", "0")):
                said = sentence(run(*command, "--key", wrong))
                assert f"--key {wrong}: {reason}: give a file with a key" in said
        for command in (("token", "--subject", "alice"), ("serve", "--port", "0")):
            open_to_all = sentence(run(*command, "--key", key_file(tmp_path, mode=0o644)))
            assert f"chmod 600 {path}" in open_to_all
            assert "has 5 bytes, and needs 32" in sentence(run(*command, "--key", key_file(tmp_path, b"short")))

    def test_it_lasts_no_longer_than_a_year(self, tmp_path: Path, run: Run) -> None:
        arguments = ("token", "--key", key_file(tmp_path), "--subject", "alice", "--seconds")
        assert run(*arguments, str(10 * REFRESH_LIFETIME)).status == 0
        assert run(*arguments, "99999999999").status == 2

    def test_a_refresh_token_for_gateways_is_on_a_second_line(self, run: Run, tmp_path: Path) -> None:
        out = run("token", "--key", key_file(tmp_path), "--subject", "alice", "--refresh").out
        access, refresh = out.split()
        assert jwt.decode(access, options={"verify_signature": False})["aud"] == "hftlab"
        claims = jwt.decode(refresh, options={"verify_signature": False})
        assert (claims["sub"], claims["aud"], claims["number"]) == ("alice", "hftlab-refresh", 0)


class TestTls:
    @pytest.mark.parametrize("command", ["serve", "replay"])
    def test_both_commands_leave_loopback_with_it(
        self,
        command: str,
        session: Session,
        authority: trustme.CA,
        certificate: tuple[Path, Path],
        tmp_path: Path,
        run: Run,
    ) -> None:
        """By an allowed name, from a web page of an allowed origin, with a token of `hftlab token`."""
        chain, key = certificate
        options = ["--host", "0.0.0.0", "--port", "0", "--auth", "required", "--key", key_file(tmp_path)]
        options += ["--tls-cert", chain, "--tls-key", key]
        options += ["--allow-host", "lab.example", "--origin", "https://lab.example", "--origin", "https://b.example"]
        what = ["--source", "walk"] if command == "serve" else [session.folder]
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        with started(command, *what, *options) as process:
            url = first_line(process)
            assert url.startswith("wss://127.0.0.1:")
            token = run("token", "--key", key_file(tmp_path), "--subject", "alice").out.strip()
            port = url.rpartition(":")[2]
            for origin in (Origin("https://lab.example"), Origin("https://b.example")):
                opened = socket.create_connection(("127.0.0.1", int(port)))
                with connect(f"wss://lab.example:{port}", sock=opened, ssl=trust, origin=origin) as connection:
                    connection.recv()
                    connection.send(json.dumps({"type": "AUTH", "timestamp": 1, "token": token}))
                    assert json.loads(connection.recv())["type"] == "AUTH_SUCCESS"

    @pytest.mark.parametrize("command", ["serve", "replay"])
    def test_what_cannot_be_used_is_named(
        self, command: str, session: Session, certificate: tuple[Path, Path], tmp_path: Path, run: Run
    ) -> None:
        chain, key = certificate
        start = [command, *([session.folder] if command == "replay" else []), "--port", "0"]
        absent, text = tmp_path / "absent.pem", tmp_path / "text.pem"
        text.write_text("no certificate")
        assert f"--tls-cert {absent}: No such file" in sentence(run(*start, "--tls-cert", absent))
        assert f"--tls-key {absent}: No such file" in sentence(run(*start, "--tls-cert", chain, "--tls-key", absent))
        assert f"--tls-cert {text} cannot be used (not a PEM file)" in sentence(run(*start, "--tls-cert", text))
        other = trustme.CA().issue_cert("localhost").private_key_pem
        other.write_to_path(tmp_path / "other.key")
        mismatch = sentence(run(*start, "--tls-cert", chain, "--tls-key", tmp_path / "other.key"))
        assert "values mismatch" in mismatch
        assert str(tmp_path / "other.key") in mismatch
        assert "give --tls-cert as well" in sentence(run(*start, "--tls-key", key))

    def test_an_open_port_needs_it_and_a_key(self, certificate: tuple[Path, Path], run: Run) -> None:
        assert "--tls-cert FILE and --auth required" in sentence(run("serve", "--host", "0.0.0.0", "--port", "0"))
        chain, key = certificate
        options = ["--host", "0.0.0.0", "--port", "0", "--auth", "required", "--tls-cert", chain, "--tls-key", key]
        assert "`hftlab token --key FILE --subject NAME`" in sentence(run("serve", *options))
        assert "--auth open is not known" in sentence(run("serve", "--auth", "open"))


class TestAudit:
    @pytest.fixture
    def process(self, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
        options = ["--source", "walk", "--port", "0", "--audit", tmp_path / "audit.log"]
        with started("serve", *options) as process:
            yield process

    def test_it_is_a_line_each_in_a_file_of_this_user(self, process: subprocess.Popen[str], tmp_path: Path) -> None:
        path = tmp_path / "audit.log"
        with hl.connect(first_line(process)) as client:
            client.subscribe("AAPL")
        until(lambda: "event=disconnected" in path.read_text())
        lines = path.read_text().splitlines()
        assert [line.split()[2] for line in lines][:3] == ["event=connected", "event=authenticated", "event=subscribe"]
        assert all(line[:2] == "20" and line[23:25] == "Z " for line in lines)
        assert path.stat().st_mode & 0o077 == 0

    def test_a_file_that_cannot_be_written_is_named(self, tmp_path: Path, run: Run) -> None:
        path = tmp_path / "absent" / "audit.log"
        said = sentence(run("serve", "--port", "0", "--audit", path))
        assert f"--audit {path}: No such file or directory: give a file that you can write" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--auth", "oops"], "--auth oops is not known"),
        (["--key", "/absent/key"], "--key /absent/key: No such file"),
        (["--tls-cert", __file__], "not a PEM file"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:0"),
        (["--host", "0.0.0.0"], "without TLS and required authentication"),
        (["--host", ""], "--host '' is not an address"),
        (["--audit", "/absent/audit.log"], "--audit /absent/audit.log: No such file"),
        (["--allow-host", "x y"], "--allow-host 'x y' is not a host's name"),
        (["--origin", "foo bar"], "--origin 'foo bar' is not the origin of a web page"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "replay"])
def test_a_wrong_option_is_refused_before_the_source_is_made(
    command: str, options: list[str], said: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange may compile for a minute, and a recording is not opened in vain."""
    monkeypatch.setattr("hftlab.simulator.Exchange", None)
    what = [] if command == "serve" else [tmp_path / "absent"]
    assert said in sentence(run(command, *what, "--port", "0", *options))
