"""The hftlab command in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hftlab import cli

__all__ = ["Result", "Run", "make_run", "sentence"]


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


def make_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
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
    """The one sentence of a command that could not do what it was asked."""
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("hftlab: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err
