"""hftlab: a research and replay environment for high-frequency market data, driven from notebooks.

`import hftlab as hl` takes milliseconds: each part is imported when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, Final

from hftlab.version import __version__

if TYPE_CHECKING:
    from hftlab import (
        analysis,
        backtest,
        book,
        client,
        errors,
        feeds,
        gateway,
        ingest,
        market,
        protocol,
        recorder,
        session,
        simulator,
        sweeps,
        testing,
        trading,
        venues,
        widgets,
    )
    from hftlab.backtest import Strategy, compare, compiled, open_result
    from hftlab.client import Client
    from hftlab.clock import Clock
    from hftlab.errors import HftlabError
    from hftlab.events import EventBatch
    from hftlab.lab import cluster, connect, dashboard, enable_nested, heatmap, record, sample, serve
    from hftlab.lab.running import run
    from hftlab.server import Server
    from hftlab.session import Session, compact, diff, download, merged, open_session, recover, sessions, upload
    from hftlab.source import Source
    from hftlab.sweeps import open_sweep, sweep

__all__ = [
    "Client",
    "Clock",
    "EventBatch",
    "HftlabError",
    "Server",
    "Session",
    "Source",
    "Strategy",
    "__version__",
    "analysis",
    "backtest",
    "book",
    "client",
    "cluster",
    "compact",
    "compare",
    "compiled",
    "connect",
    "dashboard",
    "diff",
    "download",
    "enable_nested",
    "errors",
    "feeds",
    "gateway",
    "heatmap",
    "ingest",
    "market",
    "merged",
    "open_result",
    "open_session",
    "open_sweep",
    "protocol",
    "record",
    "recorder",
    "recover",
    "run",
    "sample",
    "serve",
    "session",
    "sessions",
    "simulator",
    "sweep",
    "sweeps",
    "testing",
    "trading",
    "upload",
    "venues",
    "widgets",
]

_HOMES: Final = {
    "Client": "client",
    "Clock": "clock",
    "EventBatch": "events",
    "HftlabError": "errors",
    "Server": "server",
    "Session": "session",
    "Source": "source",
    "Strategy": "backtest",
    "cluster": "lab",
    "compact": "session",
    "compare": "backtest",
    "compiled": "backtest",
    "connect": "lab",
    "dashboard": "lab",
    "diff": "session",
    "download": "session",
    "enable_nested": "lab",
    "heatmap": "lab",
    "merged": "session",
    "open_result": "backtest",
    "open_session": "session",
    "open_sweep": "sweeps",
    "record": "lab",
    "recover": "session",
    "run": "lab.running",
    "sample": "lab",
    "serve": "lab",
    "sessions": "session",
    "sweep": "sweeps",
    "upload": "session",
}
"""The modules that names come from; every other name is a module itself."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise _not_found(name)
    if name in _HOMES:
        value = getattr(importlib.import_module(f"hftlab.{_HOMES[name]}"), name)
    else:
        value = importlib.import_module(f"hftlab.{name}")
    globals()[name] = value
    return value


def _not_found(name: str) -> AttributeError:
    if name.startswith("_"):
        return AttributeError(f"module 'hftlab' has no attribute {name!r}")
    from hftlab.errors import AttributeNotFound
    from hftlab.nearest import describe_unknown, meant

    error = AttributeNotFound(f"module 'hftlab' has no attribute {describe_unknown([name], __all__)}")
    return error.advise(instead=meant([name], __all__))


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """Register %hft, %%replay and the completion of symbols, data types and sessions: `%load_ext hftlab`."""
    from hftlab.lab.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take them away again: `%unload_ext hftlab`."""
    from hftlab.lab.magics import unload

    unload(shell)


if "IPython" in sys.modules or "marimo" in sys.modules:
    from hftlab.display import register

    register()
    del register
