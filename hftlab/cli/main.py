"""The command line: all commands, and how they end. An error is one sentence on standard error and exit status 2."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

import hftlab
from hftlab.cli.backtest import backtest
from hftlab.cli.bench import bench
from hftlab.cli.cluster import cluster, gateway, publish
from hftlab.cli.demo import demo
from hftlab.cli.doctor import doctor
from hftlab.cli.ingest import import_, simulate
from hftlab.cli.lab import lab
from hftlab.cli.record import record
from hftlab.cli.serve import replay, serve, token
from hftlab.cli.sessions import compact, diff, info, recover, verify
from hftlab.cli.sweep import sweep
from hftlab.cli.transfer import download, upload
from hftlab.compilation_notice import show_on_terminal
from hftlab.errors import HftlabError
from hftlab.log import NoticeFormatter
from hftlab.printable import printable

__all__ = ["app", "main"]

app = typer.Typer(
    name="hftlab",
    help="A research and replay environment for high-frequency market data.",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # which joins the lines of a paragraph
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"hftlab {hftlab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of the command itself; its help is the app's."""


# In the order of the help.
app.command()(serve)
app.command()(replay)
app.command()(token)
app.command()(publish)
app.command()(gateway)
app.command()(cluster)
app.command()(record)
app.command("import")(import_)
app.command()(simulate)
app.command()(info)
app.command()(recover)
app.command()(verify)
app.command()(diff)
app.command()(compact)
app.command()(upload)
app.command()(download)
app.command()(backtest)
app.command()(sweep)
app.command()(demo)
app.command(context_settings={"ignore_unknown_options": True})(lab)  # they go to JupyterLab
app.command()(doctor)
app.command()(bench)


def main() -> None:
    """Run the command that the process was started with."""
    notices = logging.StreamHandler()
    notices.setFormatter(NoticeFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[notices])
    show_on_terminal()
    try:
        app(prog_name="hftlab")  # also where it runs as `python -m hftlab`
    except HftlabError as exc:
        message = str(exc)
    except OSError as exc:
        # What the system refuses, such as a folder that cannot be written to.
        message = (exc.strerror or str(exc)) + (f": {exc.filename}" if exc.filename else "")
    else:
        return
    typer.echo(f"hftlab: {printable(message)}", err=True)
    raise SystemExit(2)
