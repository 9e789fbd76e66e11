"""Plain calls have the same named, typed arguments as the classes behind them, so that TAB and `?` help."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import hftlab as hl
from hftlab import widgets
from hftlab.client import Client
from hftlab.client.order import Order
from hftlab.client.trading import Trading
from hftlab.lab import LabClient, LabServer
from hftlab.lab.trading import LabOrder, LabTrading
from hftlab.server import Server


def parameters(function: Callable[..., object], *without: str) -> dict[str, tuple[Any, ...]]:
    """Kind, default and resolved annotation of each parameter by its name."""
    signature = inspect.signature(function, eval_str=True)
    return {
        name: (one.kind, one.default, one.annotation)
        for name, one in signature.parameters.items()
        if name not in ("self", *without)
    }


def test_connect_takes_what_a_client_takes() -> None:
    # A notebook's client is mostly looked at, and keeps little for messages() until somebody calls it.
    assert parameters(hl.connect, "name", "keep_unread") == parameters(Client, "keep_unread")


def test_serve_takes_what_a_server_takes() -> None:
    assert parameters(hl.serve, "name") == parameters(Server)


def test_methods_take_what_the_inner_ones_take() -> None:
    assert parameters(LabClient.subscribe, "wait") == parameters(Client.subscribe)
    assert parameters(LabClient.unsubscribe) == parameters(Client.unsubscribe)
    assert parameters(LabServer.publish) == parameters(Server.publish)


@pytest.mark.parametrize("name", ["buy", "sell", "cancel", "replace", "cancel_all", "wait"])
def test_trading_takes_what_the_inner_one_takes(name: str) -> None:
    assert parameters(getattr(LabTrading, name)) == parameters(getattr(Trading, name))
    assert parameters(LabTrading.buy) == parameters(LabTrading.sell)


@pytest.mark.parametrize("name", ["wait", "cancel", "replace"])
def test_orders_take_what_the_inner_ones_take(name: str) -> None:
    assert parameters(getattr(LabOrder, name)) == parameters(getattr(Order, name))


def test_every_argument_of_an_order_is_documented() -> None:
    for call in (LabTrading.buy, Trading.buy):
        given = set(parameters(call)) - {"symbol", "price", "stop_price", "timeout", "wait"}
        assert [name for name in given if f"`{name}`" not in (call.__doc__ or "")] == []


@pytest.mark.parametrize(
    ("method", "widget"),
    [
        (LabClient.ladder, widgets.Ladder),
        (LabClient.latency_panel, widgets.LatencyPanel),
        (LabClient.watchlist, widgets.WatchList),
        (LabClient.time_and_sales, widgets.TimeAndSales),
        (LabClient.depth_chart, widgets.DepthChart),
        (LabClient.connection_panel, widgets.ConnectionPanel),
    ],
)
def test_widgets_take_the_same_arguments(method: Callable[..., object], widget: type) -> None:
    """All arguments except those for tests."""
    wanted = inspect.signature(widget).parameters
    given = inspect.signature(method).parameters
    assert list(given)[1:] == [name for name in wanted if name not in ("client", "timer", "refresh_loop")]
    assert all(given[name].default == wanted[name].default for name in list(given)[1:])


@pytest.mark.parametrize(
    ("call", "inner"), [(hl.connect, "hftlab.lab.client.Client"), (hl.serve, "hftlab.lab.server.Server")]
)
def test_every_argument_is_documented_and_passed_on(
    call: Callable[..., object], inner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}

    class Stopped(Exception):
        pass

    def made(*positional: object, **named: object) -> None:
        given.update(named | dict(zip(wanted, positional, strict=False)))
        raise Stopped

    monkeypatch.setattr(inner, made)
    wanted: dict[str, object] = {name: object() for name in parameters(call, "name")}
    with pytest.raises(Stopped):
        call(**wanted)
    assert given == wanted
    assert call.__doc__ is not None
    for name in wanted:
        assert f"`{name}`" in call.__doc__


@pytest.mark.parametrize("call", [hl.connect, hl.serve])
def test_no_argument_is_anonymous(call: Callable[..., object]) -> None:
    kinds = {one.kind for one in inspect.signature(call).parameters.values()}
    assert kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
