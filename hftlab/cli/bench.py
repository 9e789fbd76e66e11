"""`hftlab bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from hftlab.bench import BENCHMARKS, run_bench

__all__ = ["bench"]


def bench(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(BENCHMARKS)}.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure one figure of the design as a ratio, against a peer or the physical limit in the same run."""
    result = run_bench(name)
    typer.echo(result.to_json() if as_json else result.to_text())
