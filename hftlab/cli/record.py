"""`hftlab record`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hftlab.cli.counts import counted
from hftlab.cli.options import Output, Overwrite, symbol_names
from hftlab.cli.progress import Progress
from hftlab.cli.session_text import session_text
from hftlab.loop import interruption, run
from hftlab.transport.address import redacted

if TYPE_CHECKING:
    from hftlab.session import Session

__all__ = ["record"]

_PARTS = 1000
"""Length of the progress bar."""


def record(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of a server, such as ws://127.0.0.1:8081.")],
    output: Output,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated; default: all that the server has.")] = None,
    seconds: Annotated[float | None, typer.Option(help="How long; default: until interrupted.", min=0)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Record every change of a server's market data into a session folder.

    The exit status is 1 if messages were dropped, because the disk was full for too long for instance.
    """
    from hftlab.recorder import record_url

    async def recorded(advance: Callable[[int | str], object]) -> Session:
        def tell(messages: int) -> None:
            advance(f"{task}: {counted(messages, 'message')}" if seconds is not None else messages)

        stop = _stopped(interruption(), seconds, advance)
        try:
            return await record_url(url, output, stop, symbol_names(symbols), overwrite=overwrite, progress=tell)
        finally:
            stop.close()  # where recording failed before it was awaited

    task = f"recording {redacted(url)}"
    with Progress(task, None, "messages") if seconds is None else Progress(task, _PARTS) as progress:
        session = run(recorded(progress.advance))
    typer.echo(session_text(session))
    if dropped := _dropped(session):
        typer.echo(f"hftlab: messages were dropped in {counted(dropped, 'place')}: see the session's control", err=True)
        raise typer.Exit(1)


def _dropped(session: Session) -> int:
    """Count the places where messages are missing that came."""
    import polars as pl

    return session.control.filter(pl.col("event") == "drop").collect().height


async def _stopped(interruption: asyncio.Event, seconds: float | None, advance: Callable[[int | str], object]) -> None:
    """Return after `seconds` or at a signal, and keep the progress bar moving meanwhile."""
    interrupted = asyncio.ensure_future(interruption.wait())
    if seconds is None:
        await interrupted
        return
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not interrupted.done() and (left := start + seconds - loop.time()) > 0:
        await asyncio.wait([interrupted], timeout=min(0.1, left))
        advance(round(_PARTS * (loop.time() - start) / seconds))
    interrupted.cancel()
