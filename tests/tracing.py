"""Coverage's tracer, kept out of the code that it does not measure.

While a tracer is set, Python 3.11 runs every line of every package at half its speed.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from functools import wraps
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

import pytest
from numba.core.dispatcher import Dispatcher

__all__ = ["TracedTests"]

PACKAGE = "hftlab"


class TracedTests:
    """A plugin that has the main thread traced while modules of hftlab are imported, and while tests run.

    Collection, pytest's own work between tests, imports of other packages and numba's compiler are not traced. Other
    threads are, from their start to their end, as ever.
    """

    def __init__(self) -> None:
        self._tracer: Any = None
        _wrap(SourceFileLoader, "exec_module", self._importing)
        _wrap(Dispatcher, "compile", _untraced)

    @pytest.hookimpl(trylast=True)  # coverage has begun
    def pytest_sessionstart(self) -> None:
        self._pause()

    @pytest.hookimpl(wrapper=True, trylast=True)  # within all other wrappers
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        self._resume()
        try:
            return (yield)
        finally:
            self._pause()

    pytest_runtest_call = pytest_runtest_teardown = pytest_runtest_setup

    def _pause(self) -> None:
        # Another one each time that coverage has been stopped and started, as for tests that it leaves out.
        self._tracer = sys.gettrace() or self._tracer
        sys.settrace(None)

    def _resume(self) -> None:
        if sys.gettrace() is None and threading.current_thread() is threading.main_thread():
            sys.settrace(self._tracer)

    def _importing(self, execute: Callable[..., None]) -> Callable[..., None]:
        aside = _untraced(execute)

        @wraps(execute)
        def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
            if module.__name__.partition(".")[0] != PACKAGE:
                aside(loader, module)
                return
            before = sys.gettrace()
            self._resume()
            try:
                execute(loader, module)
            finally:
                sys.settrace(before)

        return exec_module


def _wrap(owner: type, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, wrapper(getattr(owner, name)))


def _untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        # Set anew in the frame that it was taken from in: the tracer counts the calls that it is in.
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(tracer)

    return call
