"""A Jupyter kernel of its own process, and pages that speak to it over comms as JupyterLab does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
WAIT = 60.0  # seconds until a test gives up; none takes as long

Message = dict[str, Any]


class Kernel:
    """A running kernel, and everything that it has published."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.published: list[Message] = []

    def start(self, code: str) -> str:
        """Start a cell; returns the name of the request."""
        return self.client.execute(code)

    def run(self, code: str) -> str:
        """Run a cell to its end; returns what it printed."""
        since = len(self.published)
        request = self.start(code)
        self.until(lambda: self.has_ended(request))
        own = [message for message in self.published[since:] if message["parent_header"].get("msg_id") == request]
        errors = [message["content"]["traceback"] for message in own if message["msg_type"] == "error"]
        assert not errors, "\n".join(errors[0])
        return "".join(message["content"]["text"] for message in own if message["msg_type"] == "stream")

    def has_ended(self, request: str) -> bool:
        """Whether the cell of a request has ended, as far as was read."""
        return any(
            message["msg_type"] == "status"
            and message["content"]["execution_state"] == "idle"
            and message["parent_header"].get("msg_id") == request
            for message in self.published
        )

    def until(self, condition: Callable[[], bool], each: Callable[[], None] = lambda: None) -> None:
        """Read what the kernel publishes until a condition holds; `each` is called again and again meanwhile."""
        deadline = time.monotonic() + WAIT
        while not condition():
            assert time.monotonic() < deadline, "the kernel does not do it"
            each()
            try:
                self.published.append(self.client.get_iopub_msg(timeout=0.05))
            except Empty:
                continue

    def create_subshell(self) -> str:
        """Ask for a subshell, as JupyterLab 4.4 does for the comms of widgets; returns its name."""
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        while (reply := self.client.get_control_msg(timeout=WAIT))["parent_header"].get("msg_id") != request["msg_id"]:
            pass
        return str(reply["content"]["subshell_id"])


class Page:
    """A page that shows a widget, sends heartbeats, and takes what comes for it."""

    BEAT = 0.2  # seconds

    def __init__(self, kernel: Kernel, comm: str, subshell: str | None) -> None:
        self._kernel = kernel
        self._comm = comm
        self._subshell = subshell
        self._beats = 0
        self._beat = float("-inf")
        self._since = len(kernel.published)

    def say(self, content: dict[str, Any]) -> None:
        """Send a custom message to the widget."""
        data = {"method": "custom", "content": content}
        message = self._kernel.client.session.msg("comm_msg", {"comm_id": self._comm, "data": data})
        message["header"]["subshell_id"] = self._subshell
        self._kernel.client.shell_channel.send(message)

    def show(self) -> None:
        """Send a heartbeat if one is due."""
        if time.monotonic() - self._beat > self.BEAT:
            self._beat = time.monotonic()
            self._beats += 1
            self.say({"view": str(id(self)), "visible": True, "beat": self._beats})

    def _received(self) -> Iterator[Message]:
        for message in self._kernel.published[self._since :]:
            if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == self._comm:
                yield message["content"]["data"]

    def updates(self) -> int:
        """The number of updates of the widget's state that have come."""
        return sum(data["method"] == "update" for data in self._received())

    def messages(self) -> list[Message]:
        """The custom messages that have come."""
        return [data["content"] for data in self._received() if data["method"] == "custom"]

    def answered(self) -> int:
        """The last heartbeat that was answered; 0 before the first one."""
        return max((int(content.get("beat", 0)) for content in self.messages()), default=0)

    def state(self, name: str) -> Any:
        """The last value that came of a trait; None without one."""
        values = [data["state"][name] for data in self._received() if name in data.get("state", {})]
        return values[-1] if values else None


@contextmanager
def running_kernel(first: Path | None = None) -> Iterator[Kernel]:
    """Run a kernel that imports this checkout, and before all else what is in the folder `first`."""
    path = os.pathsep.join(str(each) for each in (first, ROOT) if each)
    manager = KernelManager()
    # Not an installed kernelspec, which may lead to another Python.
    manager._kernel_spec = KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    manager.start_kernel(env={**os.environ, "PYTHONPATH": path}, cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=WAIT)
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()
