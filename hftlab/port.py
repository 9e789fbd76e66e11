"""The default TCP port, and the process that holds a port."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

__all__ = ["DEFAULT_PORT", "port_holder"]

DEFAULT_PORT: Final = 8081


def port_holder(port: int) -> str | None:
    """Name the process that listens on a TCP port; None where there is none or the system does not say."""
    import psutil  # not at the top: `hftlab doctor` runs without it

    with suppress(psutil.Error, OSError):
        for entry in psutil.net_connections("tcp"):
            if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port and entry.pid:
                return f"{psutil.Process(entry.pid).name()} (process {entry.pid})"
    return None
