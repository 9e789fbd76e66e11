"""`hftlab backtest`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from hftlab.cli.backtest_options import commission_of, fill_of, latency_of, parameters_of
from hftlab.cli.strategy_argument import check_parameters, strategy_class
from hftlab.errors import HftlabError
from hftlab.printable import printable

__all__ = ["backtest"]


def backtest(
    strategy: Annotated[
        str, typer.Argument(metavar="MODULE:CLASS", help="A strategy: a class or hl.compiled, such as makers:Quoter.")
    ],
    sessions: Annotated[list[str], typer.Argument(metavar="SESSION", help="Folders or addresses of sessions.")],
    fill: Annotated[
        str | None,
        typer.Option(help="Fill model: fifo, risk_averse, power(3), log, ...; default: what the session allows."),
    ] = None,
    impact: Annotated[
        bool, typer.Option("--impact", help="Match the recorded orders again against what own ones have left.")
    ] = False,
    latency: Annotated[
        str | None,
        typer.Option(help="As 5ms (feed, entry and response), or feed=1ms,entry=2ms,response=2ms,compute=50us."),
    ] = None,
    fees: Annotated[
        str | None,
        typer.Option(help="none, or rates as maker_bps=-0.5,taker_bps=1,per_unit=0.003; default: typical ones."),
    ] = None,
    cash: Annotated[float, typer.Option(help="What the account begins with, in USD.")] = 1_000_000.0,
    param: Annotated[
        list[str] | None, typer.Option(help="Parameter of the class, as size=100; repeatable.", metavar="NAME=VALUE")
    ] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Keep the places in the queue over time.")] = False,
    save: Annotated[Path | None, typer.Option(help="Folder to save the result in.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a result that is in the folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary and the facts as JSON.")] = False,
) -> None:
    """Run a strategy over recorded sessions and print what came of it.

    The module is looked for in the present folder and on Python's path.
    """
    from hftlab.backtest import run_backtest
    from hftlab.backtest.result_folder import check_free

    made, options = strategy_class(strategy), parameters_of(param or ())
    check_parameters(made, options)
    if not math.isfinite(cash):
        raise HftlabError(f"--cash {cash} is not an amount: give one such as 1000000")
    if save is not None:
        check_free(save, overwrite=overwrite)  # before the run, which may take long
    result = run_backtest(
        made,
        sessions,
        fill=fill_of(fill, impact=impact),
        latency=latency_of(latency),
        fees=commission_of(fees),
        cash=cash,
        parameters=options,
        queue=queue,
    )
    saved = None if save is None else result.save(save, overwrite=overwrite)
    summary = result.summary()
    if as_json:
        import msgspec

        facts = msgspec.to_builtins(result.facts)
        typer.echo(json.dumps({"summary": summary.to_dict(), "facts": facts, "saved": saved and str(saved)}, indent=2))
        return
    typer.echo("\n".join(map(printable, str(summary).splitlines())))
    if saved is not None:
        typer.echo(f"saved: {printable(str(saved))}")
