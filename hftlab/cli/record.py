"""`hftlab record`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from hftlab.cli.counts import counted
from hftlab.cli.feed import Feed, FeedMarket, RestUrl, WsUrl, check_feed, live_feed
from hftlab.cli.options import Output, Overwrite, symbol_names
from hftlab.cli.progress import Progress
from hftlab.cli.session_text import session_text
from hftlab.errors import HftlabError
from hftlab.loop import interruption, run
from hftlab.transport.address import redacted

if TYPE_CHECKING:
    from hftlab.session import Session

__all__ = ["record"]

_PARTS = 1000
"""Length of the progress bar."""


def record(
    output: Output,
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Address of a server, such as ws://127.0.0.1:8081.")
    ] = None,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated; default: all that the server has.")] = None,
    feed: Feed = None,
    market: FeedMarket = None,
    ws_url: WsUrl = None,
    rest_url: RestUrl = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="With --feed: keep the frames as well, in a form that hftlab import reads.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(help="How long; default: until interrupted.", min=0)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Record every change of a server's market data, or of a live feed's, into a session folder.

    The exit status is 1 if messages were dropped, because the disk was full for too long for instance.
    """
    check_feed(feed, market, ws_url, rest_url)
    if (url is None) == (feed is None):
        raise HftlabError("give the address of a server, or --feed VENUE:SYMBOLS, and not both")
    if feed is None and raw:
        raise HftlabError("--raw keeps the frames of a live feed: give --feed VENUE:SYMBOLS, or leave it out")
    if feed is not None and symbols is not None:
        raise HftlabError(f"--symbols {symbols} is for a server: --feed names its own")

    async def recorded(advance: Callable[[int | str], object]) -> Session:
        def tell(messages: int) -> None:
            advance(f"{task}: {counted(messages, 'message')}" if seconds is not None else messages)

        interrupted = interruption()
        stop = _stopped(interrupted, seconds, advance)

        async def again() -> None:
            interrupted.clear()
            await interrupted.wait()

        try:
            if feed is not None:
                from hftlab.recorder.live_recording import record_source

                source = live_feed(feed, market, ws_url, rest_url)
                return await record_source(
                    source, output, stop, overwrite=overwrite, raw=raw, progress=tell, impatience=again
                )
            from hftlab.recorder import record_url

            assert url is not None
            return await record_url(
                url, output, stop, symbol_names(symbols), overwrite=overwrite, progress=tell, impatience=again
            )
        finally:
            stop.close()  # where recording failed before it was awaited

    task = f"recording {feed if url is None else redacted(url)}"
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
