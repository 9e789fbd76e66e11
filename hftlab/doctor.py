"""Whether this installation can do what hftlab is for, and what to do where it cannot."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from hftlab.port import DEFAULT_PORT, port_holder

__all__ = ["Check", "examine"]

_LIBRARIES: Final = (
    *("websockets", "msgspec", "jwt", "structlog", "prometheus_client", "psutil"),
    *("polars", "pyarrow", "numpy", "numba"),
    *("jupyterlab", "ipykernel", "ipywidgets", "anywidget", "plotly", "uvloop"),
)
_PACKAGES: Final = {"jwt": "pyjwt", "prometheus_client": "prometheus-client"}
"""Where the name to install is another than the name to import."""
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "firefox", "brave-browser", "microsoft-edge")
_ROOM: Final = 2 * 10**9
_FILES: Final = 2100
"""A server takes 2,000 connections, and has files open besides."""


class Check(NamedTuple):
    """`advice` says what to do if it is not `ok`; one that is not `needed` only takes something away."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


def examine(folder: Path | None = None) -> Iterator[Check]:
    """All checks, one after the other; `folder` is where recordings will go (default: the current one)."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or later")
    for library in _LIBRARIES:
        yield _library(library)
    yield _loopback()
    yield _port()
    yield _files()
    yield _browser()
    yield _disk(folder or Path.cwd())


def _library(name: str) -> Check:
    needed, package = name != "uvloop", _PACKAGES.get(name, name)
    advice = f"run `pip install --upgrade {package}` in the environment of hftlab"
    try:
        importlib.import_module(name)
        return Check(package, True, importlib.metadata.version(package))
    except Exception as exc:
        return Check(package, False, f"cannot be imported: {exc}", advice, needed)


def _loopback() -> Check:
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
            return Check("loopback", True, "127.0.0.1 connects")
    except OSError as exc:
        return Check("loopback", False, str(exc), "allow connections to 127.0.0.1 in the firewall or sandbox")


def _port() -> Check:
    try:
        with socket.create_server(("127.0.0.1", DEFAULT_PORT)):
            return Check(f"port {DEFAULT_PORT}", True, "free")
    except OSError:
        holder = "another process"
        with suppress(ImportError):  # of psutil, which has a line of its own
            holder = port_holder(DEFAULT_PORT) or holder
        advice = "stop it, or give another port: hl.serve(port=0) takes any free one"
        return Check(f"port {DEFAULT_PORT}", False, f"in use by {holder}", advice, needed=False)


def _files() -> Check:
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return Check("open files", True, "no limit")
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = limit == resource.RLIM_INFINITY or limit >= _FILES
    advice = f"for a server with 2,000 connections run `ulimit -n {_FILES}` first"
    found = "no limit" if limit == resource.RLIM_INFINITY else f"{limit:,} at once"
    return Check("open files", enough, found, advice, needed=False)


def _browser() -> Check:
    for name in _BROWSERS:
        path = shutil.which(name)
        if path:
            return Check("browser", True, path)
    return Check(
        "browser", False, "none found", "install one to see the notebooks, such as `apt install chromium`", False
    )


def _disk(folder: Path) -> Check:
    advice = "record to a disk with more room (hl.record takes any path)"
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as exc:
        return Check("disk", False, f"{folder}: {exc.strerror}", "choose a folder that you may write to")
    return Check("disk", free >= _ROOM, f"{free / 1e9:,.1f} GB free in {folder}", advice)
