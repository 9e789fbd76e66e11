"""Plain calls for notebooks and scripts: one background I/O loop, and handles on what runs there.

A cell that computes or sleeps does not stop the stream, and the kernel's own loop is left to the user. A call that
waits can be interrupted; what runs on the loop goes on.
"""

from __future__ import annotations

from hftlab.lab.client import LabClient, connect
from hftlab.lab.recording import LabRecording, record
from hftlab.lab.server import LabServer, serve

__all__ = ["LabClient", "LabRecording", "LabServer", "connect", "enable_nested", "record", "serve"]


def enable_nested() -> None:
    """Let asyncio.run() be called inside a running loop, for code that insists on it; changes the whole process."""
    import nest_asyncio2

    nest_asyncio2.apply()
