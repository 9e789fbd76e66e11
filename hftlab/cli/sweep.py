"""`hftlab sweep`."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hftlab.cli.backtest_options import commission_of, latency_of, parameters_of
from hftlab.cli.strategy_argument import strategy_class
from hftlab.cli.sweep_options import grid_of, sessions_in
from hftlab.cli.warned import echoed_warnings
from hftlab.errors import HftlabError, SweepError
from hftlab.nearest import describe_unknown
from hftlab.printable import printable

if TYPE_CHECKING:
    import polars as pl

    from hftlab.sweeps import Sweep

__all__ = ["sweep"]

_TOLD: Final = ("pnl", "max_drawdown", "fills", "fill_ratio", "markout_1s_bps")
_ERRORS: Final = 5


def sweep(
    strategy: Annotated[
        str,
        typer.Argument(metavar="MODULE:CLASS", help="A strategy, such as makers:Quoter or makers.py:Quoter."),
    ],
    sessions: Annotated[
        list[str], typer.Argument(metavar="SESSION", help="Folders or addresses of sessions, or of what holds several.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the results; a sweep that is there goes on.")
    ],
    grid: Annotated[
        list[str] | None,
        typer.Option(help="Values of a parameter, or of fill, latency or seed; repeatable.", metavar="NAME=VALUE,..."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
    fill: Annotated[str | None, typer.Option(help="Fill model of all runs, as in hftlab backtest.")] = None,
    latency: Annotated[str | None, typer.Option(help="Latency of all runs, as in hftlab backtest.")] = None,
    fees: Annotated[str | None, typer.Option(help="Fees of all runs, as in hftlab backtest.")] = None,
    cash: Annotated[float, typer.Option(help="What the account begins with, in USD.")] = 1_000_000.0,
    param: Annotated[
        list[str] | None, typer.Option(help="Parameter of all runs, as size=100; repeatable.", metavar="NAME=VALUE")
    ] = None,
    by: Annotated[str, typer.Option(help="Measure by which the best are chosen.")] = "pnl",
    retry_errors: Annotated[bool, typer.Option("--retry-errors", help="Do runs again that had an error.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Run a strategy over sessions with every combination of parameters, on many cores, and print the best.

    The table is OUTPUT/table.parquet, a row a run. Started again, the command runs what is missing.
    """
    from hftlab.sweeps import open_sweep
    from hftlab.sweeps import sweep as run_sweep
    from hftlab.sweeps.measures import MEASURES

    if by not in MEASURES:
        raise HftlabError(f"--by: there is no measure {describe_unknown([by], MEASURES)}: give one such as pnl")
    if not math.isfinite(cash):
        raise HftlabError(f"--cash {cash} is not an amount: give one such as 1000000")
    made = strategy_class(strategy)
    try:
        with echoed_warnings():
            swept = run_sweep(
                made,
                sessions_in(sessions),
                grid_of(grid or ()),
                folder=output,
                workers=workers,
                fill=fill,
                latency=latency_of(latency),
                fees=commission_of(fees),
                cash=cash,
                parameters=parameters_of(param or ()),
                retry_errors=retry_errors,
            )
    except KeyboardInterrupt:
        with suppress(SweepError):  # it had not begun
            kept = open_sweep(output)
            typer.echo(
                f"hftlab: interrupted: {len(kept):,} of {kept.planned:,} runs are kept in {printable(str(output))}; "
                "the same command goes on from there",
                err=True,
            )
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(swept.table.write_json())
        return
    typer.echo("\n".join(map(printable, _lines(swept, by))))


def _lines(swept: Sweep, by: str) -> list[str]:
    """Return what is printed: the best points, the most frequent errors, and where the table is."""
    from hftlab.sweeps.folder import TABLE

    heads = [*swept.names, "sessions", *dict.fromkeys((by, *_TOLD))]
    rows = [[_cell(value) for value in row] for row in swept.best(by).select(heads).iter_rows()]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (heads, *rows)]
    said = [swept.title]
    if rows:
        said += [f"best by {by}:", *table]
    errors = swept.errors["error"]
    said += [f"error of {count:,} run{'' if count == 1 else 's'}: {text}" for text, count in _common(errors)]
    return [*said, f"table: {(swept.folder or Path()) / TABLE}"]


def _common(errors: pl.Series) -> list[tuple[str, int]]:
    """Return the most frequent errors, and how often each came."""
    return Counter(errors).most_common(_ERRORS)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)
