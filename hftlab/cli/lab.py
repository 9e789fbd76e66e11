"""`hftlab lab`: JupyterLab on the tutorials, also as root and on a machine without a display."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from hftlab.errors import HftlabError
from hftlab.tutorials import FIRST, Copied, copy_tutorials

__all__ = ["jupyter_options", "lab"]

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
"""Variables of a Linux session that can open a browser window; without one only text browsers would be found."""
_FOLDER: Final = Path("hftlab-tutorials")
"""Folder of the copied tutorials if the user names none."""

_COMPILE: Final = "from hftlab.simulator import Exchange; Exchange(seed=0)"


def lab(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER JUPYTERLAB_OPTIONS",
            help=f"Folder to copy the tutorials to; default: this folder if it has them in notebooks/, else {_FOLDER}. "
            "Options that follow go to `jupyter lab`, such as --no-browser or --port=8890.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Copy the tutorials to a folder and open them in JupyterLab.

    A notebook that you have changed is never overwritten. Prints the address to open: it is on this machine alone and
    holds a token, unless other options say otherwise.
    """
    given, options = _folder_and_options(arguments or [])
    is_here = given is None and FIRST.is_file()
    folder = Path.cwd() if is_here else (given or _FOLDER).absolute()
    if not is_here:
        _copy(folder)
    _compile_kernels()
    _run_jupyterlab([*jupyter_options(folder, os.environ), *options])


def jupyter_options(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the options with which JupyterLab starts in `folder` for this user."""
    options = [f"--ServerApp.root_dir={folder}"]
    if (folder / FIRST).is_file():
        # Naming the file instead would make its folder the root, and the recordings would be out of sight.
        options.append(f"--LabApp.default_url=/lab/tree/{FIRST.as_posix()}")
    if _is_root():
        options.append("--allow-root")
    if sys.platform.startswith("linux") and not any(environment.get(name) for name in _DISPLAYS):
        options.append("--no-browser")
    return options


def _folder_and_options(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Tell the folder, which comes first, from JupyterLab's options. Raises HftlabError."""
    first, rest = arguments[:1], list(arguments[1:])
    if not first or first[0].startswith("-"):
        return None, list(arguments)
    if rest and not rest[0].startswith("-"):
        raise HftlabError(f"lab takes one folder, but {first[0]} and {rest[0]} are given")
    return Path(first[0]), rest


def _copy(folder: Path) -> None:
    """Copy the tutorials, and say on standard error what was done. Raises HftlabError."""
    if folder.exists() and not folder.is_dir():
        raise HftlabError(f"{folder} is a file: give a folder, which may be a new one, to copy the tutorials to")
    copied = copy_tutorials(folder)
    for line in _report(folder, copied):
        typer.echo(line, err=True)


def _report(folder: Path, copied: Copied) -> list[str]:
    lines = []
    if copied.written:
        names = [name for name in copied.written if name.suffix == ".ipynb"]
        lines.append(f"copied {len(names)} tutorials to {folder}")
    if copied.kept:
        lines.append(f"kept {_names(copied.kept)}, which you have changed")
    if copied.outdated:
        first = shlex.quote(str(folder / copied.outdated[0]))
        lines.append(
            f"this version of hftlab has another {_names(copied.outdated)}: to get it, move yours away (such as "
            f"`mv {first} {first.removesuffix('.ipynb')}-mine.ipynb`) and run this again, or give another folder"
        )
    elif copied.kept:
        lines.append("to begin one anew, move yours away and run this again, or give another folder")
    return lines


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(path.name for path in paths)


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
