"""`hftlab info` and `hftlab recover`."""

from __future__ import annotations

from typing import Annotated

import typer

from hftlab.cli.counts import echo_counts, fact_text
from hftlab.cli.options import Folder
from hftlab.printable import printable

__all__ = ["info", "recover"]


def info(
    session: Folder, as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False
) -> None:
    """Show what a session holds, after checking every part against its checksum."""
    from hftlab.session import open_session

    opened = open_session(session)
    opened.verify()
    if as_json:
        typer.echo((session / "manifest.json").read_text())
        return
    manifest = opened.manifest
    typer.echo(repr(opened))
    source = dict(manifest.source)
    counted = source.pop("stats", {})
    typer.echo(f"  source: {fact_text(source)}")
    echo_counts(counted)
    typer.echo(f"  symbols: {printable(', '.join(manifest.symbols))}")
    for name, parts in manifest.tables.items():
        size = sum(part.size for part in parts)
        typer.echo(f"  {name}: {manifest.rows(name):,} rows in {len(parts)} parts, {size:,} bytes")


def recover(session: Folder) -> None:
    """Make a session of what a crashed recording has left."""
    from hftlab.session import open_session
    from hftlab.session import recover as recover_session

    recovery = recover_session(session)
    typer.echo(f"{recovery.messages:,} messages recovered, {recovery.dropped_bytes:,} torn bytes set aside")
    typer.echo(repr(open_session(session)))
