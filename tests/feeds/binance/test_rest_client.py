"""Requests that cannot be made at all; those that a venue answers are in test_feed.py."""

from __future__ import annotations

import pytest

from hftlab.errors import HftlabError
from hftlab.feeds.binance.request_weight import RequestWeight
from hftlab.feeds.binance.rest_client import RestClient


def test_a_proxy_of_the_environment_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "gopher://127.0.0.1:1")
    with pytest.raises(HftlabError, match=r"cannot ask https://venue\.invalid .*gopher.*HTTPS_PROXY"):
        RestClient("https://venue.invalid", RequestWeight(6000, 0.0), 1.0)
