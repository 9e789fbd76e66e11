"""The calls of a strategy: a check that they can be made, and the traceback of an exception of theirs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import TracebackType
from typing import Final

from hftlab.backtest.strategy import Strategy
from hftlab.error_card import is_own
from hftlab.errors import ArgumentError

__all__ = ["check_calls", "strategy_trace"]

_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "on_start": (),
    "on_market_data": ("message",),
    "on_timer": ("at",),
    "on_order_update": ("update",),
    "on_end": (),
}
"""Events that a strategy reacts to, and the arguments of each call."""


def check_calls(kind: type[Strategy]) -> None:
    """Check that the methods of a strategy can be called, and that none is misspelt. Raises ArgumentError."""
    own = [name for name in _CALLS if getattr(kind, name) is not getattr(Strategy, name)]
    others = [name for name in dir(kind) if name.startswith("on_") and name not in _CALLS]
    if others and not own:
        raise ArgumentError(f"{kind.__qualname__}.{others[0]}() is never called: a strategy has {', '.join(_CALLS)}")
    for name in own:
        given = _CALLS[name]
        try:
            inspect.signature(getattr(kind, name)).bind(None, *given)
        except TypeError as error:
            takes = ", ".join(("self", *given))
            raise ArgumentError(
                f"{kind.__qualname__}.{name}() cannot be called ({error}): write def {name}({takes})"
            ) from None
        except ValueError:  # a callable without a signature, such as one of another language
            continue


def strategy_trace(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback from the strategy's own line on; all of it where the error is not the strategy's.

    What lies between the user's call and the strategy is the engine, which says nothing of what is wrong.
    """
    found = trace
    while found is not None and not is_own(found.tb_frame.f_code.co_filename):
        found = found.tb_next
    return found or trace
