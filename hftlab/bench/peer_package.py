"""hftbacktest, the peer of backtests, where it is installed."""

from __future__ import annotations

from typing import Any

from hftlab.errors import HftlabError

__all__ = ["peer_package"]


def peer_package() -> Any:
    """Return the package hftbacktest. Raises HftlabError if it is not installed."""
    try:
        import hftbacktest
    except ImportError as error:
        raise HftlabError(
            "the benchmark compares with hftbacktest, which is not installed: pip install --no-deps "
            "'hftbacktest>=2.4.4' (its wheel asks for an older numpy than it needs)"
        ) from error
    return hftbacktest
