"""`hftlab doctor`."""

from __future__ import annotations

import typer

__all__ = ["doctor"]


def doctor() -> None:
    """Check the installation, and say what to do about each problem; exit status 1 if something needed is missing."""
    from hftlab.doctor import examine

    broken = False
    for check in examine():
        mark = "ok  " if check.ok else "FAIL" if check.needed else "warn"
        typer.echo(f"{mark}  {check.name}: {check.found}" + ("" if check.ok else f" -> {check.advice}"))
        broken |= check.needed and not check.ok
    if broken:
        raise typer.Exit(1)
