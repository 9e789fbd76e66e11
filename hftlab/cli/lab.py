"""`hftlab lab`: JupyterLab on the tutorials, also as root and on a machine without a display."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import typer

__all__ = ["jupyter_options", "lab"]

_FIRST: Final = Path("notebooks/01_quickstart.ipynb")
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
"""Variables of a Linux session that can open a browser window; without one only text browsers would be found."""

_COMPILE: Final = "from hftlab.simulator import Exchange; Exchange(seed=0)"


def lab(context: typer.Context) -> None:
    """Open JupyterLab on the tutorials; options that follow go to `jupyter lab`, such as --no-browser.

    Prints the address to open. It is on this machine alone and holds a token, unless other options say otherwise.
    """
    if not _FIRST.is_file():
        typer.echo("no notebooks/ here: JupyterLab opens on this folder", err=True)
    _compile_kernels()
    _run_jupyterlab([*jupyter_options(Path.cwd(), os.environ), *context.args])


def jupyter_options(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """The options with which JupyterLab starts in `folder` for this user."""
    options = [f"--ServerApp.root_dir={folder}"]
    if (folder / _FIRST).is_file():
        # Naming the file instead would make its folder the root, and the recordings would be out of sight.
        options.append(f"--LabApp.default_url=/lab/tree/{_FIRST.as_posix()}")
    if _is_root():
        options.append("--allow-root")
    if sys.platform.startswith("linux") and not any(environment.get(name) for name in _DISPLAYS):
        options.append("--no-browser")
    return options


def _run_jupyterlab(options: Sequence[str]) -> None:
    """Run JupyterLab until it is stopped; prints its address as soon as it accepts connections."""
    from jupyterlab.labapp import LabApp

    server = LabApp.initialize_server(argv=list(options))
    # The loop's first callback binds the port; this one comes next. A token from a configuration file is not shown.
    server.io_loop.add_callback(lambda: print(server.local_url, flush=True))  # noqa: T201 - what programs read
    server.start()


def _compile_kernels() -> None:
    """Compile the simulated exchange now, so that the first cell of the first notebook does not wait in silence.

    In a process of its own, whose memory JupyterLab then does not keep.
    """
    from rich.console import Console

    console = Console(stderr=True)
    said = "Compiling the simulated exchange; the first time takes up to a minute"
    if not console.is_terminal:  # where a status line does not show
        console.print(said)
    with console.status(said):
        # What goes wrong here goes wrong in that cell as well, where it can be read.
        subprocess.run([sys.executable, "-c", _COMPILE], stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - this Python


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
