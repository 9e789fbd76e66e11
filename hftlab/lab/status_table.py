"""Table of the servers, clients and recordings of this process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hftlab.html_table import rows_table
from hftlab.lab.client import LabClient, clients
from hftlab.lab.recording import LabRecording, recordings
from hftlab.lab.server import LabServer, servers

__all__ = ["StatusTable"]

_HEADS: Final = ("kind", "variable", "address", "state", "what")


class StatusTable:
    """The servers, clients and recordings of this process, as they were when it was made.

    `namespace` holds a notebook's variables, whose names are shown. A client without a name of its own is known only
    while a variable holds it.
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        variables = {id(value): name for name, value in namespace.items() if not name.startswith("_")}
        held = [value for value in namespace.values() if isinstance(value, LabClient)]
        self.rows = [
            *(_server(server, variables) for server in servers()),
            *(_client(client, variables) for client in _once([*clients(), *held])),
            *(_recording(recording, variables) for recording in recordings()),
        ]
        """Kind, variable, address or folder, state, and a few facts of each."""

    def __repr__(self) -> str:
        if not self.rows:
            return _NOTHING
        rows = [_HEADS, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
        lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        return rows_table("hftlab in this kernel" if self.rows else _NOTHING, _HEADS if self.rows else (), self.rows)


_NOTHING: Final = "no servers, clients or recordings: hl.serve(), hl.connect() and hl.record() start some"


def _server(server: LabServer, variables: Mapping[int, str]) -> tuple[str, ...]:
    stats = server.stats()
    source = server.inner.source
    name = "published by hand" if source is None else source.name
    facts = f"{name}; {stats['connections']:,} connected, {stats['messages_sent']:,} messages sent"
    state = "failed" if stats["failure"] else "running" if server.is_running else "stopped"
    return "server", variables.get(id(server), ""), server.url, state, facts


def _client(client: LabClient, variables: Mapping[int, str]) -> tuple[str, ...]:
    metrics = client.metrics
    lost = f", {metrics.messages_lost:,} lost" if metrics.messages_lost else ""
    facts = f"{len(client.symbols):,} symbols, {metrics.messages_received:,} messages{lost}"
    return "client", variables.get(id(client), ""), client.url, str(client.connection_status).lower(), facts


def _recording(recording: LabRecording, variables: Mapping[int, str]) -> tuple[str, ...]:
    state = "recording" if recording.problem is None else "failing"
    facts = f"{recording.recorded:,} messages on disk" + ("" if recording.problem is None else f"; {recording.problem}")
    return "recording", variables.get(id(recording), ""), str(recording.folder), state, facts


def _once(clients: Iterable[LabClient]) -> list[LabClient]:
    return list({id(client): client for client in clients}.values())
