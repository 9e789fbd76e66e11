"""Magics of notebooks, after `%load_ext hftlab`: %hft shows what runs, %%replay runs a cell on a replay."""

from __future__ import annotations

import argparse
import ast
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from hftlab.errors import HftlabError
from hftlab.lab.client import connect
from hftlab.lab.completion import Matcher
from hftlab.lab.server import LabServer, serve
from hftlab.lab.status_table import StatusTable
from hftlab.protocol.enums import DataType
from hftlab.session import Replay, Session, open_session

__all__ = ["HftMagics", "load", "unload"]

_USAGE: Final = "%%replay SESSION [--speed N] [--symbols SYMBOL ...] [--loop] [--fills MODEL]"
_DATA_TYPES: Final = (DataType.QUOTES, DataType.ORDER_BOOK, DataType.TRADES, DataType.STATISTICS)


def _speed(text: str) -> float:
    """Read a speed: a number above 0, or max."""
    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"the speed must be a number above 0, or max, got {text!r}")
    return speed


class _Parser(argparse.ArgumentParser):
    """Arguments of a magic; what is wrong with them is one line in the notebook."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ({self.usage})")


_PARSER: Final = _Parser("%%replay", usage=_USAGE, add_help=False)
_PARSER.add_argument("session")
_PARSER.add_argument("--speed", type=_speed, default=1.0)
_PARSER.add_argument("--symbols", nargs="+")
_PARSER.add_argument("--loop", action="store_true")
_PARSER.add_argument("--fills")


@magics_class
class HftMagics(Magics):
    """The magics %hft and %%replay."""

    @line_magic
    def hft(self, line: str) -> StatusTable:
        """Show the servers, clients and recordings of this kernel."""
        if line.strip():
            raise UsageError(f"%hft takes no arguments, got {line.strip()!r}")
        return StatusTable(self._shell.user_ns)

    @cell_magic
    def replay(self, line: str, cell: str) -> Any:
        """Run the cell on a replay of a session.

            %%replay SESSION [--speed N] [--symbols SYMBOL ...] [--loop] [--fills MODEL]

        SESSION is a folder, or a variable that holds a session. The speed is a multiple of real time, or max. With a
        fill model, such as risk_averse or power(3), the replay takes orders. The cell finds `session`, `server`, and
        `client`, which is subscribed to all symbols or to those given. Server and client end with the cell, and
        variables of these names have their earlier values afterwards.
        """
        options = _PARSER.parse_args(_words(line))
        session = self._session(options.session)
        symbols = session.manifest.symbols if options.symbols is None else options.symbols
        with (
            self._serve(session.replay(options.speed, loop=options.loop), options.fills) as server,
            connect(server.url) as client,
        ):
            self._subscribe(client, symbols)
            with self._variables(client=client, server=server, session=session):
                return self._run(cell)

    def _serve(self, replay: Replay, fills: str | None) -> LabServer:
        try:
            return serve(replay, port=0, fills=fills)
        except (HftlabError, ValueError) as error:
            raise UsageError(f"%%replay: {error}") from None

    def _session(self, given: str) -> Session:
        named = self._shell.user_ns.get(given)
        if isinstance(named, Session):
            return named
        try:
            return open_session(given.strip("\"'"))
        except HftlabError as error:
            raise UsageError(f"%%replay: {error}") from None

    def _subscribe(self, client: Any, symbols: list[str]) -> None:
        try:
            client.subscribe(symbols, data_types=_DATA_TYPES, frequency=0)
        except (HftlabError, ValueError) as error:
            raise UsageError(f"%%replay: {error}") from None

    @contextmanager
    def _variables(self, **values: Any) -> Iterator[None]:
        """Give variables these values, and their earlier ones back afterwards."""
        namespace = self._shell.user_ns
        before = {name: namespace[name] for name in values if name in namespace}
        namespace.update(values)
        try:
            yield
        finally:
            for name in values:
                namespace.pop(name, None)
            namespace.update(before)

    def _run(self, cell: str) -> Any:
        """Run code in the notebook's namespace, and return the value of its last line if that is an expression."""
        shell = self._shell
        code = shell.transform_cell(cell)
        name = shell.compile.cache(code, raw_code=cell)
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        places = shell.user_global_ns, shell.user_ns
        exec(compile(tree, name, "exec"), *places)  # noqa: S102  the user's own cell
        if last is None:
            return None
        value = eval(compile(ast.Expression(last.value), name, "eval"), *places)  # noqa: S307
        return None if cell.rstrip().endswith(";") else value

    @property
    def _shell(self) -> Any:
        return self.shell


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error} ({_USAGE})") from None


_MATCHER: Final = "_hftlab_matcher"


def load(shell: Any) -> None:
    """Register the magics and the completions with an IPython shell; loading again replaces them."""
    unload(shell)
    shell.register_magics(HftMagics)
    matcher = Matcher(shell.user_ns)
    shell.Completer.custom_matchers.append(matcher.match)
    setattr(shell, _MATCHER, matcher.match)


def unload(shell: Any) -> None:
    """Take the magics and the completions away again."""
    shell.magics_manager.magics["line"].pop("hft", None)
    shell.magics_manager.magics["cell"].pop("replay", None)
    matcher = getattr(shell, _MATCHER, None)
    if matcher is not None:
        shell.Completer.custom_matchers[:] = [each for each in shell.Completer.custom_matchers if each is not matcher]
        delattr(shell, _MATCHER)
