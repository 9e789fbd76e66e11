"""`hftlab import` and `hftlab simulate`: sessions from captures and from simulated days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from hftlab.cli.counts import echo_counts
from hftlab.cli.options import Output, Overwrite, symbol_names
from hftlab.cli.progress import Progress
from hftlab.cli.session_text import session_text
from hftlab.cli.warned import echoed_warnings
from hftlab.errors import HftlabError
from hftlab.printable import printable

__all__ = ["import_", "simulate"]

_DAY: Final = 86_400_000
"""Milliseconds of the longest pace."""
_DATED: Final = ("itch", "mitch")
_SECOND_DAY: Final = 48 * 3600 * 10**9
"""ns since 1970 before which times are of a day that is not known: midnight in any zone, and trading after it."""
_YEAR: Final = 366 * 24
"""Hours of the longest simulation; an infinite one would never be whole."""


def import_(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[FORMAT] FILE",
            autocompletion=lambda: [
                "binance",
                "dbn",
                "hftbacktest",
                "iex",
                "itch",
                "kraken",
                "lobster",
                "mitch",
                "nyse",
            ],
            help="A venue's capture, gzip or plain; of LOBSTER also the zip of a pair, packet captures and Databento's "
            "also zstd. FORMAT is binance, dbn, hftbacktest, iex, itch, kraken, lobster, mitch, nyse or one that "
            "another package brings; without it, the file's content tells.",
            show_default=False,
        ),
    ],
    output: Output,
    symbols: Annotated[
        str | None, typer.Option(help="Comma-separated, for dbn, iex, itch, kraken, mitch and nyse; default: all.")
    ] = None,
    instrument: Annotated[
        str | None,
        typer.Option(help="Tick, lot and currency in place of those found, as BTCUSDT,tick=0.01,lot=0.001."),
    ] = None,
    pace: Annotated[
        float,
        typer.Option(help="Milliseconds between a symbol's messages; 0: a message for each event.", min=0, max=_DAY),
    ] = 0,
    day: Annotated[
        str | None, typer.Option("--date", help="Of itch and mitch: the day, as YYYY-MM-DD, if the file tells none.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="Of nyse: a capture that names the symbols, as the day's beginning does.", metavar="CAPTURE"),
    ] = None,
    price_scale: Annotated[
        int | None,
        typer.Option(
            help="Of nyse: decimals of prices, mostly 4; symbols without a name get their index.", max=9, min=0
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a venue's own capture into a session.

    Symbols that the capture does not have are told on standard error; if it has none of them, the status is 2.
    """
    from hftlab.ingest import import_capture

    format_name, file = _format_and_file(names)
    total = file.stat().st_size if file.is_file() else None
    with echoed_warnings(), Progress(f"importing {printable(file.name)}", total, "bytes") as progress:
        imported = import_capture(
            format_name,
            file,
            output,
            symbols=symbol_names(symbols),
            instrument=instrument,
            pace=round(pace * 1_000_000),
            overwrite=overwrite,
            date=day,
            mapping=mapping,
            price_scale=price_scale,
            progress=progress.advance,
        )
    typer.echo(session_text(imported.session))
    echo_counts(imported.stats)
    if format_name in _DATED and day is None and imported.session.manifest.source["extent"]["until"] < _SECOND_DAY:
        typer.echo(
            f"hftlab: the times are those of 1970-01-01, because neither {printable(file.name)} nor its name says the "
            "day: import it again with --date YYYY-MM-DD --overwrite",
            err=True,
        )


def _format_and_file(names: list[str]) -> tuple[str, Path]:
    """Return the format and file that were given; the format is recognised where there is only a file."""
    from hftlab.venues.own_formats import format_names
    from hftlab.venues.recognition import READABLE, recognise_format

    *formats, name = names
    known = [*READABLE, *format_names()]
    is_file = bool(formats) and formats[0] not in known and Path(formats[0]).exists()
    if len(formats) > 1 or is_file:
        count = len(names) - (not is_file)
        raise HftlabError(f"import takes one file, but {count} are given: import them one by one")
    if not formats and name in known and not Path(name).exists():
        raise HftlabError(f"there is no file to import as {name}: name it behind the format")
    return (formats[0] if formats else recognise_format(Path(name))), Path(name)


def simulate(
    output: Output,
    native: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="With --format: where to write it; a folder if there are several files."),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT,...",
            autocompletion=lambda: ["binance", "itch", "mitch", "nyse"],
            help="Write FILE as well, in the venue's own format: nyse, itch, mitch or binance.",
        ),
    ] = None,
    hours: Annotated[float, typer.Option(help="Hours of trading from the opening on.", min=0.001, max=_YEAR)] = 6.5,
    seed: Annotated[int, typer.Option(help="The same seed makes the same day.", min=0)] = 7,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated, such as AAPL,AAPL:NYSE,BTCUSDT.")] = None,
    day: Annotated[str, typer.Option("--date", help="The day, as YYYY-MM-DD.")] = "2026-01-02",
    itch: Annotated[Path | None, typer.Option(help="A TotalView-ITCH 5.0 file to write as well.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Simulate a day at the exchange as fast as possible: a session with its messages and order-level events."""
    from hftlab.ingest.simulation import exchange_on, record_simulation

    if (native is None) != (formats is None):
        raise HftlabError("--format and FILE go together: give --format nyse day.pcap for instance, or neither")
    exchange = exchange_on(day, seed, symbol_names(symbols))
    with Progress(f"simulating {hours:g} h", round(hours * 3.6e12)) as progress:
        done = record_simulation(
            exchange,
            hours * 3600,
            output,
            overwrite=overwrite,
            itch_path=itch,
            formats=[] if formats is None else [name.strip() for name in formats.split(",")],
            native_path=native,
            progress=progress.advance,
        )
    typer.echo(session_text(done.session))
    typer.echo(f"  events: {done.events:,}")
    for file in done.files:
        typer.echo(f"  {printable(str(file.path))}: {file.path.stat().st_size:,} bytes of {file.format_name}")
    if done.left_out:
        where = "it" if len(done.files) == 1 else "any of them"
        typer.echo(f"  not in {where}, because the format cannot hold them: {', '.join(done.left_out)}")
