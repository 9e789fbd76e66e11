"""The port that servers and clients meet on, and who has it."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

__all__ = ["DEFAULT_PORT", "port_holder"]

DEFAULT_PORT: Final = 8081


def port_holder(port: int) -> str | None:
    """Who listens on a TCP port, as far as the system tells an ordinary user."""
    import psutil  # the doctor comes here without it

    with suppress(psutil.Error, OSError):
        for entry in psutil.net_connections("tcp"):
            if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port and entry.pid:
                return f"{psutil.Process(entry.pid).name()} (process {entry.pid})"
    return None
