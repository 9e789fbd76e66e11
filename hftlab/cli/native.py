"""Captures for `hftlab replay --as VENUE`, each imported to a folder of the moment."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import get_args

from hftlab.cli.feed import MARKETS
from hftlab.cli.progress import Progress
from hftlab.errors import HftlabError
from hftlab.printable import printable

__all__ = ["as_session", "check_wire"]


def check_wire(wire: str | None, market: str | None, sessions: int) -> None:
    """Raise HftlabError for options that do not go together."""
    if wire is None:
        if market is not None:
            raise HftlabError(f"--market {market} is for a venue's own wire: give --as binance as well")
        return
    from hftlab.server.native.wires import Wire

    if wire not in get_args(Wire):
        raise HftlabError(f"--as {wire} is not known: give {' or '.join(f'--as {name}' for name in get_args(Wire))}")
    if market is not None and wire != "binance":
        raise HftlabError(f"--market {market} is for --as binance: leave it out with --as {wire}")
    if market not in (None, *MARKETS):
        raise HftlabError(f"--market {market} is not one of Binance's: give spot, usdm or coinm")
    if sessions > 1:
        raise HftlabError(f"--as {wire} serves one recording, but {sessions} are given: serve them one by one")


def as_session(name: str) -> str:
    """Return the folder of a session: `name` itself, or one that a capture is imported to until the process ends."""
    path = Path(name)
    if not path.is_file():
        return name
    from hftlab.ingest import import_capture
    from hftlab.venues.recognition import recognise_format

    parent = Path(tempfile.mkdtemp(prefix="hftlab-"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    folder = parent / path.name.partition(".")[0]
    with Progress(f"importing {printable(path.name)}", path.stat().st_size, "bytes") as progress:
        import_capture(recognise_format(path), path, folder, progress=progress.advance)
    return str(folder)
