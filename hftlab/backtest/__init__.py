"""Strategies on a virtual clock: fills modelled in recorded markets, latencies, and what came of it.

The package is itself the call: `hl.backtest(strategy, session)` is run_backtest().
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any

from hftlab.backtest.backtesting import run_backtest
from hftlab.backtest.comparison import Comparison, compare
from hftlab.backtest.compiled import CompiledStrategy, compiled
from hftlab.backtest.delay_models import Autocorrelated, Constant, Lognormal
from hftlab.backtest.facts import Facts
from hftlab.backtest.fill_models import FILL_MODELS, FillModel
from hftlab.backtest.latency_models import Latency
from hftlab.backtest.leave_one_out import LeaveOneOut
from hftlab.backtest.recorded_delays import Recorded
from hftlab.backtest.result import Result, open_result
from hftlab.backtest.strategy import Strategy
from hftlab.backtest.strategy_calls import strategy_trace
from hftlab.backtest.summary import Summary

__all__ = [
    "FILL_MODELS",
    "Autocorrelated",
    "Comparison",
    "CompiledStrategy",
    "Constant",
    "Facts",
    "FillModel",
    "Latency",
    "LeaveOneOut",
    "Lognormal",
    "Recorded",
    "Result",
    "Strategy",
    "Summary",
    "compare",
    "compiled",
    "open_result",
    "run_backtest",
]


class _Package(ModuleType):
    """The package as a module that can be called."""

    def __call__(self, *arguments: Any, **options: Any) -> Result:
        try:
            return run_backtest(*arguments, **options)
        except Exception as error:
            error.__traceback__ = strategy_trace(error.__traceback__)
            raise


_Package.__call__.__doc__ = run_backtest.__doc__
sys.modules[__name__].__class__ = _Package
__signature__ = inspect.signature(run_backtest)  # for TAB and help()
