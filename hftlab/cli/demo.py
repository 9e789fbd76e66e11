"""`hftlab demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hftlab.cli.progress import Progress

__all__ = ["demo"]


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the session and the report.")] = Path(
        "hftlab-demo"
    ),
    seconds: Annotated[float, typer.Option(help="How long to record.", min=0.5)] = 10.0,
    seed: Annotated[int, typer.Option(help="Seed of the simulator.", min=0)] = 7,
) -> None:
    """Simulate, serve, record, replay and compare; exit status 1 if anything was lost."""
    from hftlab.demo import run_demo

    with Progress("starting", None) as progress:
        done = run_demo(output, seconds=seconds, seed=seed, step=progress.advance)
    micro = {name: f"{value / 1000:,.0f}" for name, value in done.latency.summary().items()}
    manifest = done.session.manifest
    found = done.comparison
    typer.echo(f"recorded  {found.recorded:,} messages of {len(manifest.symbols)} symbols, {found.lost:,} lost")
    typer.echo(f"replayed  {found.replayed:,} messages, {found.differing:,} differ from the recording")
    percentiles = "  ".join(f"{name} {micro[name]}" for name in ("p50", "p95", "p99", "p99.9", "max"))
    typer.echo(f"latency   {percentiles} µs (server's send to client's receive)")
    rows = manifest.rows("market_data")
    typer.echo(
        f"size      {manifest.size:,} bytes on disk for {rows:,} rows, {done.json_bytes:,} bytes of JSON on the wire"
    )
    typer.echo(f"report    {done.report}")
    if not found.is_perfect:
        raise typer.Exit(1)
