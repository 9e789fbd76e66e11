"""Plain calls for notebooks and scripts: one background I/O loop, and handles on what runs there.

A cell that computes or sleeps does not stop the stream, and the kernel's own event loop stays free for the user. A call
that waits can be interrupted; the server, the client or the recording that it waits for goes on.
"""

from __future__ import annotations

from hftlab.lab.client import LabClient, connect
from hftlab.lab.cluster import LabCluster, cluster
from hftlab.lab.dashboard import dashboard
from hftlab.lab.heatmap import heatmap
from hftlab.lab.recording import LabRecording, record
from hftlab.lab.samples import sample
from hftlab.lab.server import LabServer, serve

__all__ = [
    "LabClient",
    "LabCluster",
    "LabRecording",
    "LabServer",
    "cluster",
    "connect",
    "dashboard",
    "enable_nested",
    "heatmap",
    "record",
    "sample",
    "serve",
]


def enable_nested() -> None:
    """Allow asyncio.run() inside a running loop, as some libraries call it; changes the whole process."""
    import nest_asyncio2

    nest_asyncio2.apply()
