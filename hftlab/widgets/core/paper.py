"""Tells whether a replay takes the orders: their fills are modelled then, and its recorded books are without them."""

from __future__ import annotations

from hftlab.widgets.core.interfaces import Client

__all__ = ["is_paper"]


def is_paper(client: Client) -> bool:
    """Tell whether the client's server streams a recording, which has an end, in which accounts trade."""
    status = client.replay.status
    return status is not None and status.order_time is not None and status.end is not None
