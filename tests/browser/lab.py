"""A JupyterLab with one notebook in a real Chromium, and what the notebook's page and kernel do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking import BlockingKernelClient

from tests.command import ROOT, environment
from tests.widgets.kernel import Kernel

__all__ = ["LAB", "NOTEBOOK_7", "Notebook", "jupyterlab", "program_of_jupyter"]

WAIT = 150_000  # ms until a test gives up; none takes as long

_SERVER = """
import importlib
import sys
module, name = sys.argv[1].split(":")
server = getattr(importlib.import_module(module), name).initialize_server(argv=sys.argv[2:])
server.io_loop.add_callback(lambda: print(server.local_url, flush=True))
server.start()
"""

# What the tests ask a page. The newest frame of a widget is told from the kernel's messages, before any widget sees it.
_PAGE = """
window.panel = () => window.jupyterapp?.shell.currentWidget;
window.kernel = () => panel()?.sessionContext?.session?.kernel;
window.isReady = () => {
  if (!panel()?.context?.isReady || kernel()?.connectionStatus !== "connected") return false;
  if (kernel().status !== "idle") return false;
  if (window.watched !== kernel()) {
    window.watched = kernel();
    kernel().anyMessage.connect((_, { msg, direction }) => {
      if (direction !== "recv" || msg.header.msg_type !== "comm_msg") return;
      const data = msg.content.data;
      traffic.messages += 1;
      traffic.bytes += JSON.stringify(msg.content).length;
      for (const buffer of msg.buffers ?? []) traffic.bytes += buffer.byteLength;
      if (data.method === "update" && "pulse" in data.state) window.updates += 1;
      if (data.method === "custom" && "beat" in data.content) window.answers += 1;
    });
  }
  return true;
};
window.traffic = { messages: 0, bytes: 0 };
window.updates = 0;
window.answers = 0;
window.cell = (index) => panel().content.widgets[index].model;
window.run = (index) => {
  panel().content.activeCellIndex = index;
  panel().content.deselectAll();
  return window.jupyterapp.commands.execute("notebook:run-cell");
};
window.level = () => document.querySelector(".hftlab-view .dot")?.className.replace("dot ", "");
window.veil = () => {
  const veil = document.querySelector(".hftlab-view .veil");
  return veil && !veil.hidden ? veil.innerText : "";
};
"""


LAB = "jupyterlab.labapp:LabApp"
NOTEBOOK_7 = "notebook.app:JupyterNotebookApp"


@contextmanager
def jupyterlab(folder: Path, app: str = LAB) -> Iterator[str]:
    """Run JupyterLab or Notebook 7 on a folder, without the question about news; yields its address.

    Cells that are far from the view are not on the page, or hidden ("full" windowing).
    """
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
    for name, setting in {
        "apputils-extension/notification": '{"fetchNews": "false"}',
        "notebook-extension/tracker": '{"windowingMode": "full"}',
    }.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(setting)
    options = [f"--ServerApp.root_dir={folder}", "--port=0", "--no-browser", "--expose-app-in-browser", "--allow-root"]
    with program_of_jupyter([sys.executable, "-c", _SERVER, app, *options], folder) as address:
        yield address


@contextmanager
def program_of_jupyter(command: list[str], folder: Path) -> Iterator[str]:
    """Run a command that starts a Jupyter server, with its files in a folder; yields the address that it prints."""
    folders = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("RUNTIME", "CONFIG")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(**folders, PYTHONPATH=str(ROOT)),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address, (folder / "log").read_text()
            yield address
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


class Notebook:
    """A notebook that a page shows, with its kernel idle at first."""

    def __init__(self, browser: Any, folder: Path, address: str, cells: list[str]) -> None:
        self.folder = folder
        path = folder / "test.ipynb"
        empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        path.write_text(
            json.dumps(
                {
                    "nbformat": 4,
                    "nbformat_minor": 5,
                    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
                    "cells": [{**empty, "id": f"cell-{at}", "source": cell} for at, cell in enumerate(cells)],
                }
            )
        )
        self.context = browser.new_context(viewport={"width": 1200, "height": 900})
        # JupyterLab's address ends with /lab, that of Notebook 7 with /tree.
        place = {"lab": "lab/tree", "tree": "notebooks"}
        self._address = re.sub(r"/(lab|tree)(?=\?|$)", lambda found: f"/{place[found[1]]}/{path.name}", address)
        self.open()

    def open(self) -> None:
        """Show the notebook in a new tab."""
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.page.add_init_script(_PAGE)
        self.page.goto(self._address)
        self.until("isReady()")

    def run(self, index: int) -> None:
        """Run a cell to its end."""
        self.page.evaluate("index => run(index)", index)
        outputs = self.page.evaluate("index => cell(index).outputs.toJSON()", index)
        errors = [output for output in outputs if output["output_type"] == "error"]
        assert errors == []

    def start(self, index: int) -> None:
        """Run a long cell, and wait until it has started."""
        self.page.evaluate("index => void run(index)", index)
        self.until("index => cell(index).executionState === 'running'", index)

    def until(self, condition: str, argument: Any = None) -> None:
        self.page.wait_for_function(condition, arg=argument, timeout=WAIT)

    @contextmanager
    def kernel(self) -> Iterator[Kernel]:
        """The notebook's kernel, seen by another client."""
        name = self.page.evaluate("kernel().id")
        client = BlockingKernelClient(connection_file=str(self.folder / "runtime" / f"kernel-{name}.json"))
        client.load_connection_file()
        client.start_channels()
        try:
            yield Kernel(client)
        finally:
            client.stop_channels()

    def picture(self, name: str) -> None:
        """Keep a picture of the page where HFTLAB_SCREENSHOTS says."""
        if folder := os.environ.get("HFTLAB_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")
