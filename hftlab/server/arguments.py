"""Checks of a server's arguments."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Final

from hftlab.bounds import check_symbol
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import nearest
from hftlab.protocol import Message
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.source import Source, undecorated
from hftlab.trading.venue import TradingVenue

__all__ = [
    "check_steps",
    "host_address",
    "name_list",
    "port_number",
    "server_limits",
    "source_symbols",
    "streamed_source",
]

_NAMED: Final = {
    "exchange": "hl.simulator.Exchange()",
    "walk": "hl.simulator.RandomWalk()",
    "random_walk": "hl.simulator.RandomWalk()",
    "simulator": "hl.simulator.Exchange()",
}
"""Sources by the names that `hftlab serve --source` and people have for them."""


def host_address(host: str) -> str:
    """Check the address to listen on. Raises ValueError."""
    if not isinstance(host, str) or not host:
        raise ArgumentError(
            f"host={host!r} is not an address: give one such as '127.0.0.1', or '0.0.0.0' for all interfaces"
        )
    return host


def port_number(port: int) -> int:
    """Check the port to listen on. Raises ValueError."""
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        is_text = isinstance(port, str) and port.isdecimal() and int(port) <= 65535
        raise ArgumentError(
            f"port={port!r} is not a TCP port: give a whole number from 1 to 65535, or 0 for any"
        ).advise(arguments={"port": str(port) if is_text else "0"})
    return port


def server_limits(limits: ServerLimits | None) -> ServerLimits:
    """Check limits, by default those of the server. Raises TypeError."""
    if limits is None:
        return ServerLimits()
    if not isinstance(limits, ServerLimits):
        raise ArgumentTypeError(
            f"limits={limits!r} is not a ServerLimits: give one such as ServerLimits(connections=10)"
        )
    return limits


def name_list(option: str, names: Iterable[str]) -> list[str]:
    """List names; one string is one name, not its letters. Raises TypeError."""
    listed = [names] if isinstance(names, str) else list(names)
    for name in listed:
        if not isinstance(name, str):
            raise ArgumentTypeError(f"{option} are strings, got {name!r}")
    return listed


def streamed_source(source: Source[Message] | None) -> Source[Message] | None:
    """Check the source to serve; None if messages are published by hand. Raises TypeError."""
    if source is None or (isinstance(source, Source) and not isinstance(source, type)):
        return source
    advice, code = _advice(source)
    raise ArgumentTypeError(f"a server streams a source, got {source!r}: {advice}").advise(
        instead={} if code is None or not isinstance(source, str | int) else {source: code}
    )


def check_steps(stepped: bool, source: Source[Message] | None) -> None:
    """Check that clients can step a source which is not recorded, if they shall. Raises ArgumentError or TypeError."""
    if not isinstance(stepped, bool):
        raise ArgumentTypeError(f"stepped={stepped!r} is not a choice: give True or False")
    if not stepped:
        return
    if source is None or source.recorded or not isinstance(undecorated(source), TradingVenue):
        raise ArgumentError(
            f"stepped=True is for a market that takes orders, such as hl.simulator.Exchange(), and the source is "
            f"{source!r}: leave it out; a replay is stepped as it is"
        )


def source_symbols(source: Source[Message]) -> list[str]:
    """List the symbols of a source; one string is one symbol. Raises TypeError, or ValueError for a bad one."""
    symbols = source.symbols
    if not isinstance(symbols, Iterable):
        raise ArgumentTypeError(
            f"the symbols of {source.name!r} are {symbols!r}: give the source a list such as ['AAPL']"
        )
    return [check_symbol(symbol) for symbol in ([symbols] if isinstance(symbols, str) else symbols)]


def _advice(given: Any) -> tuple[str, str | None]:
    """Return what to serve instead, in words, and the code for a name that a source has on the command line."""
    if isinstance(given, type):
        return f"make one, such as {given.__name__}()", None
    if isinstance(given, str | PathLike):
        named = nearest(str(given), _NAMED) if isinstance(given, str) else None
        if named is not None and not Path(given).exists():
            return f"serve {_NAMED[named]}, or a recording as hl.open_session('data/session').replay()", _NAMED[named]
        replay = f"hl.open_session({str(given)!r}).replay()"
        return f"serve a recording as {replay}, or a simulator such as hl.simulator.Exchange()", replay
    if callable(getattr(given, "replay", None)):
        return "serve its replay()", None
    if isinstance(given, int) and not isinstance(given, bool):
        return f"a port is given as port={given}", f"port={given}"
    return "give a simulator such as hl.simulator.Exchange(), or session.replay()", None
