"""The command line. Errors are one sentence on standard error and exit status 2."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hftlab.cli.serving import Audit, Auth, Host, Hosts, Key, Origins, Port, Serving, TlsCert, TlsKey
from hftlab.cli.serving import token as make_token
from hftlab.credentials import ACCESS_LIFETIME
from hftlab.errors import HftlabError, SessionNotFound
from hftlab.loop import interruption, run
from hftlab.port import DEFAULT_PORT

if TYPE_CHECKING:
    from hftlab.session import Session

__all__ = ["app", "main"]

app = typer.Typer(
    name="hftlab",
    help="A research and replay environment for high-frequency market data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the new session.")]
Overwrite = Annotated[bool, typer.Option(help="Replace a session that is there.")]
Folder = Annotated[Path, typer.Argument(help="Folder of a session.")]
Speed = Annotated[float, typer.Option(help="Times real time; inf is as fast as possible.")]


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = DEFAULT_PORT,
    source: Annotated[str, typer.Option(help="exchange, walk, or the folder of a session.")] = "exchange",
    seed: Annotated[int | None, typer.Option(help="Seed of the simulator.")] = None,
    speed: Speed = 1.0,
    auth: Auth = "public",
    key: Key = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    allow_host: Hosts = None,
    origin: Origins = None,
    audit: Audit = None,
) -> None:
    """Serve the simulated exchange, a random walk or a recorded session until interrupted."""
    serving = Serving(host, port, auth, key, tls_cert, tls_key, allow_host, origin, audit)
    serving.serve(_source(source, seed, speed))


@app.command()
def replay(
    session: Folder,
    speed: Speed = 1.0,
    host: Host = "127.0.0.1",
    port: Port = DEFAULT_PORT,
    auth: Auth = "public",
    key: Key = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    allow_host: Hosts = None,
    origin: Origins = None,
    audit: Audit = None,
) -> None:
    """Serve a recorded session; it starts with the first subscription."""
    from hftlab.session import open_session

    _check_speed(speed)
    serving = Serving(host, port, auth, key, tls_cert, tls_key, allow_host, origin, audit)
    serving.serve(open_session(session).replay(speed))


@app.command()
def token(
    key: Annotated[Path, typer.Option(help="The file that the server has been given with --key.")],
    subject: Annotated[str, typer.Option(help="Whom it speaks for.")],
    seconds: Annotated[int, typer.Option(help="How long it is good.", min=1, max=366 * 86_400)] = ACCESS_LIFETIME,
) -> None:
    """Print an access token for hl.connect(token=...) or a client's AUTH message.

    There is no refresh token with it: those work once, so the server itself keeps them, and issues them in Python.
    """
    typer.echo(make_token(key, subject, seconds))


@app.command()
def record(
    url: Annotated[str, typer.Argument(help="Address of a server, such as ws://127.0.0.1:8081.")],
    output: Output,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated; default: all that the server has.")] = None,
    seconds: Annotated[float | None, typer.Option(help="How long; default: until interrupted.", min=0)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Record every change of a server's market data into a session folder."""
    from hftlab.recorder import record_url

    wanted = [symbol.strip() for symbol in symbols.split(",")] if symbols else None

    async def recorded(advance: Callable[[int], object]) -> Session:
        stop = _stopped(interruption(), seconds, advance)
        try:
            return await record_url(url, output, stop, wanted, overwrite=overwrite)
        finally:
            stop.close()  # where there was nothing to stop

    with _progress(f"recording {url}", None if seconds is None else 1000) as advance:
        session = run(recorded(advance))
    typer.echo(repr(session))


@app.command(name="import")
def import_(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="binance, itch, kraken or lobster.")],
    file: Annotated[Path, typer.Argument(help="A venue's capture, gzip or plain; of LOBSTER also the zip of a pair.")],
    output: Output,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated, for itch and kraken; default: all.")] = None,
    pace: Annotated[float, typer.Option(help="Milliseconds between a symbol's messages; 0: one an event.", min=0)] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Turn a venue's own capture into a session."""
    from hftlab.ingest import import_capture

    wanted = [symbol.strip() for symbol in symbols.split(",")] if symbols else None
    total = file.stat().st_size if file.is_file() else None
    with _progress(f"importing {file.name}", total) as advance:
        imported = import_capture(
            format_name,
            file,
            output,
            symbols=wanted,
            pace=round(pace * 1_000_000),
            overwrite=overwrite,
            progress=advance,
        )
    typer.echo(repr(imported.session))
    _echo_counts(imported.stats)


@app.command()
def info(session: Folder, as_json: Annotated[bool, typer.Option("--json", help="The manifest.")] = False) -> None:
    """Show what a session holds, after checking every part against its checksum."""
    from hftlab.session import open_session

    opened = open_session(session)
    opened.verify()
    if as_json:
        typer.echo((session / "manifest.json").read_text())
        return
    manifest = opened.manifest
    typer.echo(repr(opened))
    source = dict(manifest.source)
    counted = source.pop("stats", {})
    typer.echo(f"  source: {_text(source)}")
    _echo_counts(counted)
    typer.echo(f"  symbols: {', '.join(manifest.symbols)}")
    for name, parts in manifest.tables.items():
        size = sum(part.size for part in parts)
        typer.echo(f"  {name}: {manifest.rows(name):,} rows in {len(parts)} parts, {size:,} bytes")


@app.command()
def recover(session: Folder) -> None:
    """Make a session of what a crashed recording has left."""
    from hftlab.session import open_session
    from hftlab.session import recover as recover_session

    recovery = recover_session(session)
    typer.echo(f"{recovery.messages:,} messages recovered, {recovery.dropped_bytes:,} torn bytes set aside")
    typer.echo(repr(open_session(session)))


@app.command()
def simulate(
    output: Output,
    hours: Annotated[float, typer.Option(help="How much trading, from the opening on.", min=0.001)] = 6.5,
    seed: Annotated[int, typer.Option(help="The same seed makes the same day.", min=0)] = 7,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated, such as AAPL,AAPL:NYSE,BTCUSDT.")] = None,
    day: Annotated[str, typer.Option("--date", help="The day, as YYYY-MM-DD.")] = "2026-01-02",
    itch: Annotated[Path | None, typer.Option(help="A TotalView-ITCH 5.0 file to write as well.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a day at the simulated exchange, as fast as possible: a session with its messages and order-level events."""
    from hftlab.ingest.simulation import exchange_on, record_simulation

    exchange = exchange_on(day, seed, [name.strip() for name in symbols.split(",")] if symbols else None)
    with _progress(f"simulating {hours:g} h", round(hours * 3.6e12)) as advance:
        done = record_simulation(exchange, hours * 3600, output, overwrite=overwrite, itch_path=itch, progress=advance)
    typer.echo(repr(done.session))
    typer.echo(f"  events: {done.events:,}")
    if itch is not None:
        typer.echo(f"  {itch}: {itch.stat().st_size:,} bytes of ITCH")
        if done.left_out:
            typer.echo(f"  not in it, because ITCH cannot hold them: {', '.join(done.left_out)}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the session and the report.")] = Path(
        "hftlab-demo"
    ),
    seconds: Annotated[float, typer.Option(help="How long to record.", min=0.5)] = 10.0,
    seed: Annotated[int, typer.Option(help="Seed of the simulator.")] = 7,
) -> None:
    """Simulate, serve, record, replay and compare; exit status 1 if anything was lost."""
    from hftlab.demo import run_demo

    with _progress("starting", None) as advance:
        done = run_demo(output, seconds=seconds, seed=seed, step=advance)
    micro = {name: f"{value / 1000:,.0f}" for name, value in done.latency.summary().items()}
    manifest = done.session.manifest
    typer.echo(f"recorded  {done.recorded:,} messages of {len(manifest.symbols)} symbols, {done.lost:,} lost")
    typer.echo(f"replayed  {done.replayed:,} messages, {done.differing:,} differ from the recording")
    percentiles = "  ".join(f"{name} {micro[name]}" for name in ("p50", "p95", "p99", "p99.9", "max"))
    typer.echo(f"latency   {percentiles} µs (server's send to client's receive)")
    rows = manifest.rows("market_data")
    typer.echo(
        f"size      {manifest.size:,} bytes on disk for {rows:,} rows, {done.json_bytes:,} bytes of JSON on the wire"
    )
    typer.echo(f"report    {done.report}")
    if not done.is_perfect:
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the tutorials; what follows goes to `jupyter lab`, such as --no-browser."""
    first = Path("notebooks/01_quickstart.ipynb")
    options = [f"--ServerApp.root_dir={Path.cwd()}"]
    if first.is_file():
        # Naming the file instead would make its folder the root, and the recordings would be out of sight.
        options.append(f"--LabApp.default_url=/lab/tree/{first.as_posix()}")
    else:
        typer.echo("no notebooks/ here: JupyterLab opens on this folder", err=True)
    _compile_kernels()
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options, *context.args])  # noqa: S606 - is meant


def _compile_kernels() -> None:
    """So that the first cell of a first notebook need not wait for it in silence."""
    from rich.console import Console

    with Console(stderr=True).status("Compiling the simulated exchange; the first time takes up to a minute"):
        from hftlab.simulator import Exchange

        Exchange(seed=0)


@app.command()
def doctor() -> None:
    """Check the installation, and say what to do about what is wrong."""
    from hftlab.doctor import examine

    broken = False
    for check in examine():
        mark = "ok  " if check.ok else "FAIL" if check.needed else "warn"
        typer.echo(f"{mark}  {check.name}: {check.found}" + ("" if check.ok else f" -> {check.advice}"))
        broken |= check.needed and not check.ok
    if broken:
        raise typer.Exit(1)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="codec, connections, fanout, latency, memory or reconnect.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure one of the design's figures as a ratio, against a peer or the physical limit in the same run."""
    from hftlab.bench import run_bench

    result = run_bench(name)
    typer.echo(result.to_json() if as_json else result.to_text())


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        app()
    except HftlabError as exc:
        message = str(exc)
    except OSError as exc:
        # What the system refuses, such as a folder that cannot be written to.
        message = (exc.strerror or str(exc)) + (f": {exc.filename}" if exc.filename else "")
    else:
        return
    typer.echo(f"hftlab: {message}", err=True)
    raise SystemExit(2)


def _source(name: str, seed: int | None, speed: float) -> Any:
    _check_speed(speed)
    if name == "exchange":
        from hftlab.simulator import Exchange

        exchange = Exchange(_checked_seed(seed))
        exchange.clock.speed = speed
        return exchange
    if name == "walk":
        from hftlab.clock import Clock
        from hftlab.simulator import RandomWalk

        return RandomWalk(seed, clock=Clock(speed=speed))
    from hftlab.session import open_session

    try:
        return open_session(name).replay(speed)
    except SessionNotFound as exc:
        raise SessionNotFound(f"{exc}; or --source exchange or walk", path=exc.path) from None


def _checked_seed(seed: int | None) -> int | None:
    if seed is not None and seed < 0:
        raise HftlabError(f"--seed {seed} is below 0: give 0 or more")
    return seed


def _check_speed(speed: float) -> None:
    if not speed > 0:
        raise HftlabError(f"--speed {speed:g} is not above 0: give 1 for real time, or inf for as fast as possible")


async def _stopped(interruption: asyncio.Event, seconds: float | None, advance: Callable[[int], object]) -> None:
    """Return after so many seconds or at a signal, and keep a bar of 1000 parts moving meanwhile."""
    interrupted = asyncio.ensure_future(interruption.wait())
    if seconds is None:
        await interrupted
        return
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not interrupted.done() and (left := start + seconds - loop.time()) > 0:
        await asyncio.wait([interrupted], timeout=min(0.1, left))
        advance(round(1000 * (loop.time() - start) / seconds))
    interrupted.cancel()


class _progress:  # noqa: N801 - used as a function
    """A bar on standard error for what may take longer than two seconds: bytes of `total`, or steps without one."""

    def __init__(self, what: str, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Callable[[Any], object]:
        self._bar.start()
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _advance(self, to: int | str) -> None:
        if isinstance(to, str):
            self._bar.update(self._task, description=to)
        else:
            self._bar.update(self._task, completed=to)


def _echo_counts(counts: dict[str, Any]) -> None:
    for name, value in counts.items():
        if value:
            typer.echo(f"  {name.replace('_', ' ')}: {_text(value)}")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return f"{len(value):,}"
    return f"{value:,}" if isinstance(value, int) else str(value)
