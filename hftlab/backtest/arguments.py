"""Checks of the arguments of a backtest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from os import PathLike
from typing import Any

from hftlab.backtest.latency_models import Latency
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.session import Session, open_session

__all__ = ["latency_of", "parameters_of", "seconds_of", "sessions_of"]


def latency_of(latency: Latency | None) -> Latency:
    """Return the latency, none at all for None. Raises ArgumentTypeError, which shows how to write one."""
    if latency is None:
        return Latency.none
    if not isinstance(latency, Latency):
        raise ArgumentTypeError(
            f"latency is {latency!r}: give the parts, as in hl.backtest.Latency(entry='5ms', response='5ms')"
        )
    return latency


def parameters_of(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters of a strategy's class by name. Raises ArgumentTypeError."""
    if parameters is not None and not isinstance(parameters, Mapping):
        raise ArgumentTypeError(f"parameters is {parameters!r}: give values by name, such as {{'lean': 0.01}}")
    return dict(parameters or {})


def seconds_of(seconds: float | None) -> float:
    """Return for how long to let an exchange run. Raises ArgumentError."""
    if isinstance(seconds, bool) or not isinstance(seconds, Real) or not 0 < seconds < math.inf:
        raise ArgumentError(f"seconds is how long to let the exchange run, above 0 and finite, got {seconds!r}")
    return float(seconds)


def sessions_of(sessions: Any) -> list[Session]:
    """Open one session, or each of several. Raises ArgumentError for none, ArgumentTypeError for something else."""
    listed = [sessions] if isinstance(sessions, Session | str | PathLike) else sessions
    if not isinstance(listed, Iterable):
        raise ArgumentTypeError(
            f"session is {sessions!r}: give a session or its folder, a list of them, or hl.simulator.Exchange()"
        )
    opened = [one if isinstance(one, Session) else open_session(one) for one in listed]
    if not opened:
        raise ArgumentError("there is nothing to run on: give at least one session")
    return opened
