"""`hftlab info` and `hftlab recover`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hftlab.cli.counts import counted, echo_counts
from hftlab.cli.options import Folder
from hftlab.clock import in_words
from hftlab.printable import printable

__all__ = ["info", "recover"]


def info(
    session: Folder, as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False
) -> None:
    """Show what a session holds, after checking every part against its checksum.

    The exit status is 1 if its journal was damaged, so that messages are missing that were recorded.
    """
    from hftlab.session import open_session

    opened = open_session(session)
    opened.verify()
    if as_json:
        typer.echo((session / "manifest.json").read_text())
        _exit(opened.manifest.damaged)
        return
    manifest = opened.manifest
    typer.echo(repr(opened))
    source = dict(manifest.source)
    stats, extent = source.pop("stats", {}), source.pop("extent", None)
    typer.echo(f"  source: {_source_text(source)}")
    echo_counts(stats)
    if manifest.was_killed:
        typer.echo("  INCOMPLETE: the process that wrote this session was killed; what it had not committed is missing")
    if manifest.damaged:
        typer.echo(f"  DAMAGED: {_damage(manifest.damaged)}")
    if extent is not None and not extent["whole"]:
        typer.echo(f"  INCOMPLETE: the source was not read to its end{_reached(extent)}")
    typer.echo(f"  symbols: {printable(', '.join(manifest.symbols))}")
    for name, parts in manifest.tables.items():
        size = sum(part.size for part in parts)
        held = f"{counted(manifest.rows(name), 'row')} in {counted(len(parts), 'part')}"
        typer.echo(f"  {name}: {held}, {counted(size, 'byte')}")
    _exit(manifest.damaged)


def _damage(places: int) -> str:
    return f"recorded messages are missing in {counted(places, 'place')}, each of which is a row of control"


def _exit(damaged: int) -> None:
    """End with status 1 if there is damage."""
    if damaged:
        raise typer.Exit(1)


def _source_text(source: dict[str, Any]) -> str:
    """Where a recording comes from: its name, and the other facts in brackets."""
    facts = {name.replace("_", " "): value for name, value in source.items() if name not in ("name", "kind")}
    texts = [str(source["kind"])] if "kind" in source else []
    texts += [
        counted(len(value), name.removesuffix("s")) if isinstance(value, list) else f"{name} {value}"
        for name, value in facts.items()
    ]
    return str(source.get("name", "unknown")) + (f" ({', '.join(texts)})" if texts else "")


def _reached(extent: dict[str, Any]) -> str:
    """Say how far a source was read, as far as it is known."""
    size = extent.get("size")
    told = [f"{extent['bytes']:,} of {size:,} bytes of the file"] if size and "bytes" in extent else []
    if extent.get("until") is not None:
        told.append(f"up to {in_words(extent['until'])}")
    return f": {', '.join(told)}" if told else ""


def recover(session: Folder) -> None:
    """Make a session of what a crashed recording has left.

    The exit status is 1 if the journal was damaged. The torn end that a crash leaves is no damage.
    """
    from hftlab.session import open_session, unfinished_replacement
    from hftlab.session import recover as recover_session

    recovery = recover_session(session)
    typer.echo(
        f"{counted(recovery.messages, 'message')} recovered, {counted(recovery.dropped_bytes, 'torn byte')} set aside"
    )
    typer.echo(repr(open_session(session)))
    if recovery.damaged:
        typer.echo(f"  DAMAGED: {_damage(recovery.damaged)}")
    if (unfinished := unfinished_replacement(session)) is not None:
        typer.echo(
            f"  this is the session from before; the one that was to replace it is unfinished, in {unfinished}: "
            f"`hftlab recover {unfinished}` makes a session of it"
        )
    _exit(recovery.damaged)
