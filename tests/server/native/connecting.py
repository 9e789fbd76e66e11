"""Connections of a client that knows nothing of hftlab."""

from __future__ import annotations

from websockets.asyncio.client import connect

__all__ = ["connected"]


def connected(url: str) -> connect:
    """Connect without a bound on what waits to be read: a full queue would keep a close frame from being seen."""
    return connect(url, max_queue=None)
