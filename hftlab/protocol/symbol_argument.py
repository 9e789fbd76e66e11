"""Arguments that are one symbol."""

from __future__ import annotations

from typing import Any

from hftlab.errors import ArgumentTypeError

__all__ = ["symbol_name"]


def symbol_name(symbol: object, call: str = "this") -> str:
    """Check one symbol, for `call`, such as "client.ladder()", that takes no list. Raises ArgumentTypeError."""
    if isinstance(symbol, str):
        return symbol
    alone = symbol[0] if isinstance(symbol, list | tuple) and len(symbol) == 1 else None
    example = repr(alone) if isinstance(alone, str) else "'AAPL'"
    error = ArgumentTypeError(f"{call} takes one symbol, such as {example}; got {symbol!r}")
    better: dict[Any, str] = {(alone,): example} if isinstance(alone, str) else {}
    raise error.advise(instead=better)
