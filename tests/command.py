"""The hftlab command, in this process and as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from hftlab import cli
from tests.waiting import PATIENCE

__all__ = ["ROOT", "Result", "Run", "ended", "environment", "first_line", "make_run", "sentence", "started"]

ROOT = Path(__file__).parents[1]
"""The repository."""


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


def make_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Make a function that runs the command in this process."""

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["hftlab", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as exc:
            status = exc.code if isinstance(exc.code, int) else 0
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return run


def sentence(result: Result) -> str:
    """The one sentence of a command that has failed."""
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("hftlab: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


def environment(**more: str) -> dict[str, str]:
    """The environment of another process that imports this hftlab, wherever it runs and whatever is installed."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


@contextmanager
def started(*arguments: str | Path, cwd: Path = ROOT, **more: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command as a process of its own, which does not outlive the block; `more` goes to its environment."""
    command = [sys.executable, "-m", "hftlab", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, cwd=cwd, env=environment(**more), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line on standard output: the address of a server."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> Result:
    """Wait for the end of a process."""
    out, err = process.communicate(timeout=PATIENCE)
    return Result(process.returncode, out, err)


def journalled(session: Path) -> int:
    """Bytes that a recording in another process has in its journal: a few hundred before the first market data."""
    return sum(path.stat().st_size for path in (session / "journal").glob("*"))
