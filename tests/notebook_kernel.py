"""A notebook's kernel of its own, for what only IPython does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_client.manager import start_new_kernel

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SECONDS = 120


class Kernel:
    """A kernel that runs cells."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, cell: str) -> str:
        """Run a cell; returns what it shows, an error without its colours."""
        return _COLOURS.sub("", self.shown(cell))

    def shown(self, cell: str) -> str:
        """Run a cell; returns what it shows as it is."""
        parts: list[str] = []

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    parts.append(content["text"])
                case "error":
                    parts.append("\n".join(content["traceback"]) + "\n")
                case "execute_result" | "display_data":
                    parts.append(content["data"]["text/plain"] + "\n")

        self._client.execute_interactive(cell, output_hook=take, timeout=_SECONDS, allow_stdin=False)
        return "".join(parts)


@contextmanager
def kernel() -> Iterator[Kernel]:
    """Start a kernel, and end it with the block."""
    manager, client = start_new_kernel()
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
