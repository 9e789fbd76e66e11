"""One run of a sweep, in whatever process: a strategy from its bytes, a session from its path, and what came of it."""

from __future__ import annotations

import hashlib
import pickle
import threading
import time
import traceback
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final, NamedTuple

import cloudpickle

from hftlab.backtest import CompiledStrategy, Latency, run_backtest
from hftlab.errors import HftlabError, SessionDamaged, SessionError, SessionNotFound
from hftlab.session import Session, open_session
from hftlab.session.manifest import MANIFEST
from hftlab.session.object_path import Location
from hftlab.sweeps.measures import measures_of
from hftlab.sweeps.planned_modules import Sources, check, forget, is_stale, prepare
from hftlab.sweeps.subject import SweptStrategy, made

__all__ = ["Outcome", "Task", "manifest_hash", "run_task"]

_STRATEGIES: Final = 4
_SESSIONS: Final = 64
"""Strategies and sessions that a process keeps. Sessions are closed files: their manifest was read, parts verified."""


class Task(NamedTuple):
    """Task of a run: the pickled strategy, a session's folder and the hash of its manifest, and a point of the grid.

    The point is pickled as well: parameters of the strategy and arguments of the backtest. `sources` are the modules
    that all of it is of.
    """

    strategy: bytes
    session: Location
    manifest: str
    point: bytes
    sources: Sources = ()


class Outcome(NamedTuple):
    """Outcome of a run: its measures by name, how long it took (s), and the text of what was raised."""

    measures: dict[str, Any]
    seconds: float
    error: str | None


def run_task(task: Task) -> Outcome:
    """Run a strategy over a session; what it raises is the outcome's text.

    The strategy is unpickled and compiled, and the session opened, once a process (of sessions once a thread).
    """
    started = time.perf_counter()
    try:
        strategy = _strategies.get(task.strategy, task.sources)
        session = _session(task.session, task.manifest)
        parameters, arguments = pickle.loads(task.point)  # noqa: S301 - of the sweep that this process works for
        started = time.perf_counter()
        measures = _run(strategy, session, parameters, arguments)
        check(task.sources)  # also of what it has imported as it ran
        _check_session(task)
    except (Exception, SystemExit) as error:  # a strategy that exits ends its run, and not the thread's program
        return Outcome({}, time.perf_counter() - started, _text(_cause(error, task)))
    return Outcome(measures, time.perf_counter() - started, None)


def _run(
    strategy: SweptStrategy, session: Session, parameters: dict[str, Any], arguments: dict[str, Any]
) -> dict[str, Any]:
    arguments = dict(arguments)
    seed = arguments.pop("seed", None)
    if seed is not None:
        arguments["latency"] = (arguments.get("latency") or Latency.none).with_seed(seed)
    if isinstance(strategy, CompiledStrategy) or not isinstance(strategy, type):
        result = run_backtest(made(strategy, parameters), session, **arguments)
    else:
        result = run_backtest(strategy, session, parameters=parameters, **arguments)
    return measures_of(result.summary())


def _text(error: BaseException) -> str:
    """Say what was raised, and where in the user's code."""
    said = str(error) if isinstance(error, HftlabError) else f"{type(error).__name__}: {error}"
    frames = [one for one in traceback.extract_tb(error.__traceback__) if f"{_PACKAGE}/" not in one.filename]
    if isinstance(error, HftlabError) or not frames:
        return said
    return f"{said} ({Path(frames[-1].filename).name}, line {frames[-1].lineno}: `{frames[-1].line}`)"


_PACKAGE: Final = Path(__file__).parents[1].as_posix()


def manifest_hash(folder: Location) -> str:
    """Return the SHA-256 of a session's manifest, which has the checksums of all of its data.

    Raises SessionNotFound.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise SessionNotFound(f"{folder} is gone since it was opened: open it where it lies now", path=folder) from None
    return hashlib.sha256(data).hexdigest()


class _Strategies:
    """Strategies of this process, by their bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Any] = OrderedDict()

    def get(self, data: bytes, sources: Sources) -> Any:
        """Unpickle and compile a strategy, or return the one that was. Raises StaleCode if it would be another."""
        key = hashlib.sha256(data + repr(sources).encode()).digest()
        with self._lock:  # threads of a pool wait for the one that compiles
            if is_stale(sources):
                forget(sources)
                self._kept.clear()
            prepare(sources)
            if key not in self._kept:
                strategy = cloudpickle.loads(data)
                check(sources)
                if isinstance(strategy, CompiledStrategy):
                    strategy.step  # noqa: B018 - compiles it
                self._kept[key] = strategy
                if len(self._kept) > _STRATEGIES:
                    self._kept.popitem(last=False)
            return self._kept[key]


_strategies: Final = _Strategies()
_thread: Final = threading.local()


def _session(folder: Location, manifest: str) -> Session:
    """Open a session, or return the one that this thread has. Raises SessionError if it is not what the sweep saw."""
    kept: OrderedDict[Location, tuple[str, Session]] = _thread.__dict__.setdefault("sessions", OrderedDict())
    if folder not in kept or kept[folder][0] != manifest:
        session = open_session(folder)
        if manifest_hash(session.folder) != manifest:
            raise _changed(folder)
        kept[folder] = (manifest, session)
        if len(kept) > _SESSIONS:
            kept.popitem(last=False)
    return kept[folder][1]


def _changed(folder: Location) -> SessionError:
    return SessionError(f"{folder} has changed since the sweep began: start it again", path=folder)


def _check_session(task: Task) -> None:
    """Raise SessionError if a folder has another session by now, as where a link leads elsewhere."""
    if isinstance(task.session, Path) and manifest_hash(task.session) != task.manifest:  # of a store it takes a request
        raise _changed(task.session)


def _cause(error: BaseException, task: Task) -> BaseException:
    """Return why a run has failed: data that does not fit its manifest is of another session, and not damaged."""
    if isinstance(error, SessionDamaged):
        try:
            _check_session(task)
        except (SessionError, OSError) as changed:
            return changed
    return error
