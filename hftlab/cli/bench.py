"""`hftlab bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from hftlab.bench import BENCHMARKS, run_bench

__all__ = ["bench"]


def bench(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME", autocompletion=lambda: sorted(BENCHMARKS), help=f"Some of {', '.join(BENCHMARKS)}."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a benchmark, a line each.")] = False,
) -> None:
    """Measure figures of the design as ratios, each against a peer or the physical limit in the same run."""
    for name in names:
        result = run_bench(name)
        typer.echo(result.to_json() if as_json else result.to_text())
