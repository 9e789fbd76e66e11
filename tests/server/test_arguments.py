"""A server's arguments are checked when it is made, with errors that say what to give instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hftlab.server import Server, ServerLimits
from hftlab.server.arguments import name_list, port_number, source_symbols, streamed_source
from hftlab.server.http.admission import Admission
from hftlab.simulator import RandomWalk
from tests.listed_source import ListedSource


class Recorded:
    """As a session is."""

    def replay(self) -> RandomWalk:
        return RandomWalk()


@pytest.mark.parametrize("port", [0, 1, 8081, 65535])
def test_ports(port: int) -> None:
    assert port_number(port) == port


@pytest.mark.parametrize("port", [-1, 65536, 70000, 8081.0, "8081", None, True])
def test_what_is_not_a_port_is_refused(port: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"port={port!r} is not a TCP port: give a whole number")):
        Server(port=port)


def test_one_string_is_one_name() -> None:
    assert name_list("hosts", "lab.example") == ["lab.example"]
    assert name_list("hosts", ("a", "b")) == ["a", "b"]


def test_names_are_strings() -> None:
    with pytest.raises(TypeError, match="origins are strings, got 3"):
        Admission("127.0.0.1", ServerLimits(), origins=[3])  # type: ignore[list-item]


@pytest.mark.parametrize("limits", [3, {}, ServerLimits])
def test_limits_are_server_limits(limits: Any) -> None:
    with pytest.raises(TypeError, match=r"is not a ServerLimits: give one such as ServerLimits\(connections=10\)"):
        Server(limits=limits)


def test_sources_pass() -> None:
    walk = RandomWalk(7)
    assert streamed_source(walk) is walk
    assert streamed_source(None) is None


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (RandomWalk, "make one, such as RandomWalk()"),
        ("walk", "serve hl.simulator.RandomWalk(), or a recording as hl.open_session('data/session').replay()"),
        ("exchnge", "serve hl.simulator.Exchange(), or a recording"),
        ("a/b", "serve a recording as hl.open_session('a/b').replay(), or a simulator such as hl.simulator.Exchange()"),
        (Path("walk"), "serve a recording as hl.open_session('walk').replay()"),
        (8081, "a port is given as port=8081"),
        (Recorded(), "serve its replay()"),
        (3.0, "give a simulator such as hl.simulator.Exchange(), or session.replay()"),
    ],
)
def test_what_is_not_a_source_is_refused(given: Any, advice: str) -> None:
    with pytest.raises(TypeError, match="a server streams a source, got .*" + re.escape(advice)):
        Server(given)


class TestSymbolsOfASource:
    def test_one_string_is_one_symbol(self) -> None:
        walk: Any = RandomWalk(7)
        assert source_symbols(walk) == list(walk.symbols)
        assert source_symbols(_with_symbols("AAPL")) == ["AAPL"]

    @pytest.mark.parametrize("symbols", [None, 5])
    def test_what_is_no_list_is_refused(self, symbols: Any) -> None:
        with pytest.raises(TypeError, match=f"the symbols of 'listed' are {symbols}: give the source a list"):
            Server(_with_symbols(symbols))

    @pytest.mark.parametrize("symbol", [1, "", " x", "A\nB"])
    def test_what_is_no_symbol_is_refused(self, symbol: Any) -> None:
        with pytest.raises(ValueError, match=r"not text|is not a symbol"):
            Server(_with_symbols([symbol]))


def _with_symbols(symbols: Any) -> Any:
    source = ListedSource([])
    source.symbols = symbols
    return source
