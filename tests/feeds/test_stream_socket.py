"""Connections that cannot be made; those that can are in the tests of the feeds."""

from __future__ import annotations

import pytest

from hftlab.errors import ConnectionFailed
from hftlab.feeds.stream_socket import open_stream


async def test_a_proxy_of_the_environment_that_cannot_be_used_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that the link knows, so that the feed tells it as its problem."""
    for name in ("HTTPS_PROXY", "https_proxy", "WSS_PROXY", "wss_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "gopher://127.0.0.1:1")
    with pytest.raises(ConnectionFailed, match=r"cannot connect to wss://venue\.invalid .*gopher"):
        await open_stream("wss://venue.invalid", lambda *_: None, 1.0)
