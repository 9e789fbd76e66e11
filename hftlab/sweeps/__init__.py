"""Sweeps: one strategy over many sessions and parameters, on the cores of this machine or on a cluster.

sweep = hl.sweep(Maker, hl.sessions("data"), grid={"distance": [1, 2, 3]}, folder="sweeps/maker")
sweep.best("pnl")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hftlab.sweeps.sweep_result import Sweep, open_sweep
    from hftlab.sweeps.sweeping import sweep
    from hftlab.sweeps.worker_pool import WorkerPool

__all__ = ["Sweep", "WorkerPool", "open_sweep", "sweep"]

_HOMES: Final = {
    "Sweep": "sweep_result",
    "WorkerPool": "worker_pool",
    "open_sweep": "sweep_result",
    "sweep": "sweeping",
}
"""Modules that names come from: a process of a pool imports what its first call needs, and no more."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hftlab.sweeps' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"hftlab.sweeps.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
