"""`hftlab info`, `recover`, `verify`, `diff` and `compact`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hftlab.cli.counts import counted, echo_counts
from hftlab.cli.options import Folder
from hftlab.cli.progress import Progress
from hftlab.cli.session_text import events_end_text, extent_text, session_text, source_text, time_text
from hftlab.errors import SessionError
from hftlab.printable import printable

if TYPE_CHECKING:
    from hftlab.session import Difference, Session

__all__ = ["compact", "diff", "info", "recover", "verify"]


_NAMED: Final = 5
"""Symbols whose holes `info` tells."""


def info(
    session: Folder, as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False
) -> None:
    """Show what a session holds, after checking every part against its checksum.

    The exit status is 1 if its journal was damaged, so that messages are missing that were recorded.
    """
    from hftlab.session import open_session
    from hftlab.session.manifest import MANIFEST

    opened = open_session(session)
    opened.verify()
    if as_json:
        typer.echo((opened.folder / MANIFEST).read_bytes().decode())
        _exit(opened.manifest.damaged)
        return
    manifest = opened.manifest
    typer.echo(session_text(opened))
    if (times := time_text(opened)) is not None:
        typer.echo(f"  time: {times}")
    source = dict(manifest.source)
    stats, extent = source.pop("stats", {}), source.pop("extent", None)
    typer.echo(f"  source: {source_text(source)}")
    echo_counts(stats)
    if manifest.was_killed:
        typer.echo("  INCOMPLETE: the process that wrote this session was killed; what it had not committed is missing")
    if manifest.damaged:
        typer.echo(f"  DAMAGED: {_damage(manifest.damaged)}")
    if (unread := extent_text(extent)) is not None:
        typer.echo(f"  INCOMPLETE: {unread}")
    typer.echo(f"  symbols: {printable(', '.join(manifest.symbols))}")
    for name, parts in manifest.tables.items():
        held = f"{counted(manifest.rows(name), 'row')} in {counted(len(parts), 'part')}"
        typer.echo(f"  {name}: {held}, {counted(manifest.size_of(name), 'byte')}")
    _echo_coverage(opened)
    _echo_late(opened)
    _exit(manifest.damaged)


def _echo_coverage(session: Session) -> None:
    """Print which symbols were not recorded all the time, those first that lack most of it."""
    coverage = session.coverage()
    holes = coverage.filter(coverage["holes"] > 0).sort("share", "symbol")
    if coverage.is_empty():
        return
    if holes.is_empty():
        held = f"{counted(coverage.height, 'symbol')} without a hole"
    else:
        some = [
            f"{symbol} {100 * share:.4g} % ({counted(count, 'hole')}, {seconds:,.3f} s)"
            for symbol, share, count, seconds in holes.head(_NAMED)
            .select("symbol", "share", "holes", "uncovered")
            .rows()
        ]
        more = f", and {counted(holes.height - _NAMED, 'symbol')} more" if holes.height > _NAMED else ""
        held = f"{', '.join(some)}{more}; {coverage.height - holes.height:,} of {coverage.height:,} without a hole"
    estimated = " (estimated)" if coverage["estimated"].any() else ""
    ends = events_end_text(session.manifest.source.get("extent"))
    typer.echo(f"  coverage{estimated}: {printable(held)}" + ("" if ends is None else f"; {ends}"))


def _echo_late(session: Session) -> None:
    """Print how many rows came after a later one of their symbol."""
    from hftlab.analysis import late_messages

    per_symbol = late_messages(session.market_data).collect().rows()
    late, rows = (sum(row[place] for row in per_symbol) for place in (2, 1))
    if late:
        behind = max(row[3] for row in per_symbol) / 1e6
        typer.echo(
            f"  late: {counted(late, 'row')} of {rows:,} with a ts_event before that of an earlier row of the symbol, "
            f"by up to {behind:,.3f} ms"
        )


def _damage(places: int) -> str:
    return f"recorded messages are missing in {counted(places, 'place')}, each of which is a row of control"


def _exit(damaged: int) -> None:
    """End with status 1 if there is damage."""
    if damaged:
        raise typer.Exit(1)


def recover(session: Folder) -> None:
    """Make a session of what a crashed recording has left.

    The exit status is 1 if the journal was damaged. The torn end that a crash leaves is no damage.
    """
    from hftlab.session import open_session, unfinished_replacement
    from hftlab.session import recover as recover_session

    journal = sum(path.stat().st_size for path in Path(session).glob("journal/*.wal"))
    with Progress(f"recovering {printable(Path(session).name)}", journal, "bytes") as progress:
        recovery = recover_session(session, progress=progress.advance)
    typer.echo(
        f"{counted(recovery.messages, 'message')} recovered, {counted(recovery.dropped_bytes, 'torn byte')} set aside"
    )
    typer.echo(session_text(open_session(session)))
    if recovery.damaged:
        typer.echo(f"  DAMAGED: {_damage(recovery.damaged)}")
    if (unfinished := unfinished_replacement(session)) is not None:
        typer.echo(
            f"  this is the session from before; the one that was to replace it is unfinished, in {unfinished}: "
            f"`hftlab recover {unfinished}` makes a session of it"
        )
    _exit(recovery.damaged)


def verify(
    sessions: Annotated[list[str], typer.Argument(metavar="SESSION", help="Folders or addresses of sessions.")],
) -> None:
    """Read every file of sessions and compare it with their manifests.

    Exit status 0: all are whole. 1: something is damaged or missing; each problem is a line. 2: one is not a session;
    the others are verified all the same.
    """
    from hftlab.session import verify as verify_session
    from hftlab.session.object_path import is_object_uri

    status = 0
    for session in sessions:
        try:
            size = None if is_object_uri(session) else _parquet_size(Path(session))
            with Progress(f"verifying {printable(Path(session).name)}", size, "bytes") as progress:
                found = verify_session(session, progress=progress.advance)
        except SessionError as exc:
            typer.echo(f"hftlab: {printable(str(exc))}", err=True)
            status = 2
            continue
        status = max(status, 0 if found.is_whole else 1)
        state = "whole" if found.is_whole else f"DAMAGED, {counted(len(found.problems), 'problem')}"
        if found.recorded_by is not None:
            state += f" as far as it is written by {printable(found.recorded_by)}"
        typer.echo(
            f"{printable(session)}: {state} ({counted(found.files, 'file')}, {counted(found.size, 'byte')} read)"
        )
        for problem in found.problems:
            typer.echo(f"  {printable(str(problem.path))}: {printable(problem.what)}")
    if status:
        raise typer.Exit(status)


def _parquet_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*/*.parquet*"))


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="Folder or address of a session.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Folder or address of the session to compare it with.")],
    ignore: Annotated[
        list[str] | None, typer.Option(help="Column or table that may differ, such as ts_recv or control; repeatable.")
    ] = None,
) -> None:
    """Compare two sessions message by message and show the first difference.

    Exit status 0: they are equal. 1: they differ. 2: one of them is not a session, or is damaged.
    """
    from hftlab.session import diff as diff_sessions
    from hftlab.session import open_session

    one, other = open_session(a), open_session(b)
    rows = sum(min(one.manifest.rows(name), other.manifest.rows(name)) for name in one.manifest.tables)
    with Progress("comparing", rows, "rows") as progress:
        found = diff_sessions(one, other, ignore=ignore or (), progress=progress.advance)
    if found is None:
        typer.echo("equal")
        return
    typer.echo(_difference_text(found, a, b))
    raise typer.Exit(1)


def _difference_text(found: Difference, a: str, b: str) -> str:
    """Say where two sessions differ first, and what each of them has there."""
    one, other = printable(a), printable(b)
    if found.field == "rows":
        return f"{found.table} has {counted(found.a, 'row')} in {one}, and {found.b:,} in {other}"
    place = f"row {found.row:,}" if found.message is None else f"message {found.message:,} (row {found.row:,})"
    here, there = (_value_text(value) for value in (found.a, found.b))
    return f"{found.table}, {place}, {found.field}: {here} in {one}, and {there} in {other}"


def _value_text(value: object) -> str:
    """Show a value of a table: text as it is, an absent one as nothing, levels as JSON."""
    if value is None:
        return "nothing"
    return printable(value if isinstance(value, str) else json.dumps(value, default=str))


def compact(
    session: Folder,
    megabytes: Annotated[int, typer.Option(help="Size that parts grow to, in MB.", min=1, max=4096)] = 64,
) -> None:
    """Join the many small parts of a session's tables into few large ones; rows and their order stay."""
    from hftlab.session import compact as compact_session
    from hftlab.session import open_session
    from hftlab.session.object_path import local_folder

    folder = local_folder(session, "can be compacted in place")
    size = open_session(folder).manifest.size
    with Progress(f"compacting {printable(folder.name)}", size, "bytes") as progress:
        done = compact_session(folder, part_bytes=megabytes * 1024 * 1024, progress=progress.advance)
    typer.echo(
        f"{counted(done.parts_before, 'part')} became {done.parts_after:,}, {counted(done.bytes_before, 'byte')} "
        f"became {done.bytes_after:,}"
    )
