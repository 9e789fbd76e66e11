"""The design's figures as ratios, one file a benchmark, reached by `hftlab bench NAME`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from hftlab.errors import HftlabError

if TYPE_CHECKING:
    from hftlab.bench.result import Result

__all__ = ["BENCHMARKS", "run_bench"]

BENCHMARKS: Final = (
    "backtest",
    "book",
    "codec",
    "connections",
    "decode",
    "fanout",
    "fills",
    "gateway",
    "itch",
    "latency",
    "matching",
    "memory",
    "orders",
    "reconnect",
    "record",
    "replay",
    "sweep",
)


def run_bench(name: str) -> Result:
    """Run one benchmark, on a machine that does nothing else. Raises HftlabError for an unknown name."""
    if name not in BENCHMARKS:
        raise HftlabError(f"no benchmark is called {name!r}: choose one of {', '.join(BENCHMARKS)}")
    result: Result = importlib.import_module(f"hftlab.bench.{name}").run()
    return result
