"""The way in which hftlab is called: awaited, or in plain calls that wait. Errors give their advice in it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Final, TypeVar

__all__ = ["awaited", "is_plain", "iterated", "plainly", "use_plain_calls"]

T = TypeVar("T")

_plain: Final[ContextVar[bool]] = ContextVar("hftlab_plain_calls", default=False)


def use_plain_calls() -> None:
    """Write advice for plain calls from now on, in this context and in tasks that it starts."""
    _plain.set(True)


def plainly(function: Callable[[], T]) -> T:
    """Call a function with its advice written for plain calls."""
    context = copy_context()
    context.run(use_plain_calls)
    return context.run(function)


def is_plain() -> bool:
    """Tell whether hftlab is called in plain calls, as in a notebook."""
    return _plain.get()


def awaited(call: str) -> str:
    """Write a call of a coroutine function as it is made: `await client.connect()`, or `client.connect()`."""
    return call if is_plain() else f"await {call}"


def iterated(loop: str) -> str:
    """Write the head of a loop over messages: `async for message in client`, or `for message in client`."""
    return loop if is_plain() else f"async {loop}"
