from __future__ import annotations

import pytest

from hftlab.client import Client
from hftlab.client.diagnostics import check
from hftlab.errors import ConnectionFailed
from hftlab.transport.address import is_local, nearest_address, redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ws://127.0.0.1:8081/a?b=c", "ws://127.0.0.1:8081/a?b=c"),
        ("wss://user:pw@host:1/a@b:c", "wss://user:***@host:1/a@b:c"),
        ("wss://user:p@w:x@host", "wss://user:***@host"),
        ("wss://user@host", "wss://user@host"),
        ("ws://user:pw@[::1]:1", "ws://user:***@[::1]:1"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_local(f"ws://{host}:8081/")
    assert not is_local(f"ws://{host[:-1]}x:8081/")


async def test_a_client_shows_its_address_without_the_password() -> None:
    """In its error, its log and a diagnosis; what connects has the whole of it."""
    client = Client("ws://user:s3cret@127.0.0.1:1")
    with pytest.raises(ConnectionFailed) as raised:
        await client.connect()
    told = [str(raised.value), client.url, client.debug_log.export(), str(await check(client.address))]
    assert all("user:***@127.0.0.1:1" in text and "s3cret" not in text for text in told[:2])
    assert "s3cret" not in "".join(told)
    assert client.address == "ws://user:s3cret@127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8081", "ws://127.0.0.1:8081"),
        (" 9000 ", "ws://127.0.0.1:9000"),
        ("127.0.0.1:9000", "ws://127.0.0.1:9000"),
        ("localhost", "ws://localhost:8081"),
        ("lab.example:9000/ws", "ws://lab.example:9000/ws"),
        ("http://lab.example:9000", "ws://lab.example:9000"),
        ("https://lab.example", "wss://lab.example"),
        ("ws://lab.example:9000", None),
        ("ws://127.0.0.1:99999", None),
        ("99999", None),
        ("data/session", None),
        ("ftp://lab.example", None),
        ("", None),
    ],
)
def test_what_is_nearly_an_address_is_told_as_one(text: str, address: str | None) -> None:
    assert nearest_address(text) == address
