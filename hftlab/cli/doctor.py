"""`hftlab doctor`."""

from __future__ import annotations

import typer

import hftlab
from hftlab.cli.counts import counted

__all__ = ["doctor"]


def doctor() -> None:
    """Check the installation, and say what to do about each problem.

    The last line is the verdict. The exit status is 1 if something is missing that hftlab needs.
    """
    from hftlab.doctor import examine

    missing: list[str] = []
    warnings: list[str] = []
    for check in examine():
        mark = "ok  " if check.ok else "FAIL" if check.needed else "warn"
        typer.echo(f"{mark}  {check.name}: {check.found}" + ("" if check.ok else f" -> {check.advice}"))
        if not check.ok:
            (missing if check.needed else warnings).append(check.name)
    typer.echo(_verdict(missing, warnings))
    if missing:
        raise typer.Exit(1)


def _verdict(missing: list[str], warnings: list[str]) -> str:
    also = f"; {counted(len(warnings), 'warning')}: {', '.join(warnings)}" if warnings else ""
    if missing:
        problems = f"{counted(len(missing), 'problem')} ({', '.join(missing)})"
        return f"hftlab {hftlab.__version__} cannot work here: {problems}. Do what stands behind each arrow{also}"
    return f"hftlab {hftlab.__version__} is ready{also}"
