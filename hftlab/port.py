"""The default TCP port, and the process that holds a port."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from hftlab.processes import process_name

__all__ = ["DEFAULT_PORT", "is_held_here", "port_holder"]

DEFAULT_PORT: Final = 8081


def port_holder(port: int) -> str | None:
    """Name the process that listens on a TCP port; None where there is none or the system does not say."""
    number = _listening(port)
    return None if number is None else process_name(number)


def is_held_here(port: int) -> bool:
    """Tell whether this process listens on a TCP port."""
    return _listening(port) == os.getpid()


def _listening(port: int) -> int | None:
    """Return the process that listens on a TCP port; None where there is none or the system does not say."""
    import psutil  # not at the top: `hftlab doctor` runs without it

    with suppress(psutil.Error, OSError):
        for entry in psutil.net_connections("tcp"):
            if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port and entry.pid:
                return int(entry.pid)
    return None
