"""`hftlab info` and `hftlab recover`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hftlab.cli.counts import counted, echo_counts
from hftlab.cli.options import Folder

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
    stats = source.pop("stats", {})
    typer.echo(f"  source: {_source_text(source)}")
    echo_counts(stats)
    typer.echo(f"  symbols: {', '.join(manifest.symbols)}")
    for name, parts in manifest.tables.items():
        size = sum(part.size for part in parts)
        held = f"{counted(manifest.rows(name), 'row')} in {counted(len(parts), 'part')}"
        typer.echo(f"  {name}: {held}, {counted(size, 'byte')}")


def _source_text(source: dict[str, Any]) -> str:
    """Where a recording comes from: its name, and the other facts in brackets."""
    facts = {name.replace("_", " "): value for name, value in source.items() if name not in ("name", "kind")}
    texts = [str(source["kind"])] if "kind" in source else []
    texts += [
        counted(len(value), name.removesuffix("s")) if isinstance(value, list) else f"{name} {value}"
        for name, value in facts.items()
    ]
    return str(source.get("name", "unknown")) + (f" ({', '.join(texts)})" if texts else "")


def recover(session: Folder) -> None:
    """Make a session of what a crashed recording has left."""
    from hftlab.session import open_session
    from hftlab.session import recover as recover_session

    recovery = recover_session(session)
    typer.echo(
        f"{counted(recovery.messages, 'message')} recovered, {counted(recovery.dropped_bytes, 'torn byte')} set aside"
    )
    typer.echo(repr(open_session(session)))
