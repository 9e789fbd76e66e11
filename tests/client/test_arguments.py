from __future__ import annotations

import math
from typing import Any

import pytest

from hftlab.client import Client
from hftlab.client.arguments import (
    data_type_list,
    interval,
    message_count,
    slow_consumer_policy,
    symbol_list,
    waiting_seconds,
)
from hftlab.errors import ArgumentError, ArgumentTypeError, SubscriptionFailed
from hftlab.server import Server
from tests.client.servers import scripted


@pytest.mark.parametrize("value", [0, -1, 30_000, math.nan, math.inf, "30", None, True])
def test_a_heartbeat_interval_is_in_seconds(value: Any) -> None:
    with pytest.raises(ValueError, match="heartbeat_interval is in seconds"):
        Client("ws://x", heartbeat_interval=value)


@pytest.mark.parametrize("value", [0, -1, 1000, "1"])
def test_a_reconnect_interval_is_in_seconds(value: Any) -> None:
    with pytest.raises(ValueError, match="reconnect_interval is in seconds"):
        Client("ws://x", reconnect_interval=value)


@pytest.mark.parametrize("value", [-1, 1.5, "3", True])
def test_attempts_are_a_number_of_tries(value: Any) -> None:
    with pytest.raises(ValueError, match="max_reconnect_attempts"):
        Client("ws://x", max_reconnect_attempts=value)


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [("heartbeat_interval", 30_000, "30"), ("reconnect_interval", 1000, "1"), ("reconnect_interval", 0, None)],
)
def test_milliseconds_are_told_as_seconds(option: str, value: float, code: str | None) -> None:
    with pytest.raises(ArgumentError) as caught:
        Client("ws://x", **{option: value})
    assert caught.value.arguments.get(option) == code


@pytest.mark.parametrize("value", [None, 8081, b"ws://x"])
def test_an_address_is_text(value: Any) -> None:
    with pytest.raises(TypeError, match="a server's address is a string"):
        Client(value)


def test_a_port_alone_is_one_of_this_machine() -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        Client(8081)  # type: ignore[arg-type]
    assert caught.value.instead == {8081: "'ws://127.0.0.1:8081'"}


async def test_a_server_has_its_address(walk_server: Server) -> None:
    async with Client(walk_server) as client:
        assert client.url == walk_server.url


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.1, "100"), (1.5, "1500"), ("100", "100"), (-1, None), (60_001, None), (math.nan, None), (90.5, None)],
)
def test_a_frequency_in_seconds_is_told_in_milliseconds(value: Any, code: str | None) -> None:
    with pytest.raises(SubscriptionFailed, match="from 0 \\(every change\\) to 60,000; got ") as caught:
        interval(value)
    assert caught.value.arguments.get("frequency") == code


@pytest.mark.parametrize("value", [math.nan, 1.5, "100", True])
def test_a_frequency_is_a_whole_number_of_milliseconds(value: Any) -> None:
    """NaN would be sent as null, the server's own."""
    with pytest.raises(SubscriptionFailed, match="frequency is a whole number of milliseconds"):
        interval(value)
    assert (interval(None), interval(0)) == (None, 0)


@pytest.mark.parametrize("value", [None, 5])
def test_symbols_are_a_list(value: Any) -> None:
    with pytest.raises(SubscriptionFailed, match=f"symbols is {value}: give a list such as"):
        symbol_list(value)


@pytest.mark.parametrize("value", ["", "a\nb", "x" * 129, 7])
def test_an_account_is_a_printable_name(value: Any) -> None:
    with pytest.raises(ValueError, match="an account is a printable name"):
        Client("ws://x", account=value)


def test_options_can_be_read_back() -> None:
    options: dict[str, Any] = {
        "auto_reconnect": False,
        "max_reconnect_attempts": None,
        "reconnect_interval": 0.5,
        "heartbeat_interval": 7,
        "enable_performance_metrics": False,
    }
    client = Client("ws://x", **options)
    assert {name: getattr(client, name) for name in options} == options


def test_one_string_is_one_symbol_or_one_data_type() -> None:
    assert symbol_list("AAPL") == ["AAPL"]
    assert data_type_list("quotes") == data_type_list(["QUOTES"]) == ["QUOTES"]
    assert data_type_list(None) is None
    with pytest.raises(SubscriptionFailed, match="'LEVEL3'"):
        data_type_list("LEVEL3")


@pytest.mark.parametrize("value", [5, [5], [None]])
def test_data_types_are_names(value: Any) -> None:
    with pytest.raises(SubscriptionFailed, match=r"data.type"):
        data_type_list(value)


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(SubscriptionFailed, match=r"unknown data type 'QUOTE' \(nearest: 'QUOTES'\)") as caught:
        data_type_list(["QUOTE"])
    assert caught.value.instead == {"QUOTE": "'QUOTES'"}
    with pytest.raises(SubscriptionFailed, match=r"'GAPS' \(nearest: 'GAP'\)"):
        slow_consumer_policy("gaps".upper())
    with pytest.raises(ArgumentError, match="unknown encoding 'jsn'"):
        Client("ws://x", encoding="jsn")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1, 1.5, "5", True])
def test_a_count_is_a_whole_number(value: Any) -> None:
    with pytest.raises(ArgumentError, match="count is a whole number of messages"):
        message_count(value)
    assert (message_count(None), message_count(0)) == (None, 0)


@pytest.mark.parametrize("value", [-1, "5", True, math.nan])
def test_a_wait_is_in_seconds(value: Any) -> None:
    with pytest.raises(ArgumentError, match="timeout is a number of seconds"):
        waiting_seconds("timeout", value)
    assert (waiting_seconds("timeout", None), waiting_seconds("timeout", 1)) == (None, 1.0)


async def test_no_symbols_are_a_mistake_that_is_told_here() -> None:
    async with scripted() as script, Client(script.url) as client:
        with pytest.raises(SubscriptionFailed, match="no symbols were given"):
            await client.subscribe([])
        assert script.requests == []
