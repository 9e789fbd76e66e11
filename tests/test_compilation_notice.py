"""Compilations are shown to people, and to nobody else."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hftlab.compilation import watchers
from hftlab.compilation_notice import Notice, show_on_terminal
from tests.notebook_kernel import kernel
from tests.waiting import until


@pytest.fixture(autouse=True)
def own_watchers() -> Iterator[None]:
    before = list(watchers)
    yield
    watchers[:] = before


class TestNotice:
    def test_it_counts_kernels_and_goes_when_none_follows(self) -> None:
        shown: list[str | None] = []
        notice = Notice(shown.append, lambda: True)
        notice.begin("hftlab.simulator.flow_kernel._run")
        notice.begin("hftlab.book.apply_kernel.apply_rows")  # within it, and too soon for another text
        notice.end()
        notice._shown = 0.0
        notice.begin("hftlab.book.apply_kernel.apply_rows")
        notice.end()
        first, second = (str(line) for line in shown)
        assert "1 so far, 0 s (simulator)" in first
        assert "3 so far, 0 s (book)" in second
        until(lambda: shown[-1] is None)
        assert len(shown) == 3

    def test_at_the_end_of_a_cell_it_goes_at_once(self) -> None:
        shown: list[str | None] = []
        notice = Notice(shown.append, lambda: True)
        notice.clear()
        notice.begin("hftlab.a.b")
        notice.end()
        notice.clear()
        notice.clear()
        assert (len(shown), shown[-1]) == (2, None)

    def test_nobody_sees_nothing(self) -> None:
        shown: list[str | None] = []
        notice = Notice(shown.append, lambda: False)
        notice.begin("hftlab.a.b")
        notice.end()
        notice.clear()
        assert (shown, notice.is_seen) == ([], False)


def test_a_pipe_is_not_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_on_terminal()
    watchers[0].begin("hftlab.a.b")
    watchers[0].end()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    show_on_terminal()
    notice: Any = watchers[0]
    notice.begin("hftlab.a.b")
    notice.begin("hftlab.a.c")
    notice.clear()
    said = capsys.readouterr()
    assert said.out == ""
    assert "hftlab compiles its kernels" in said.err


def test_a_cell_shows_it_to_a_person_alone() -> None:
    """A kernel that may ask questions has a person in front of it; others are run by programs."""
    begin = "import hftlab\nfrom hftlab.compilation import began, ended\nbegan('hftlab.a.b')\nended()"
    with kernel() as notebook:
        assert notebook.run(begin) == ""
        shown = notebook.run(f"get_ipython().kernel._allow_stdin = True\n{begin}")
        assert shown.startswith("hftlab compiles its kernels, once for this version")


def test_a_stream_that_was_closed_meanwhile_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    show_on_terminal()
    (watcher,) = watchers
    stream.close()
    watcher.begin("hftlab.a.b")
    assert not watcher.is_seen
    monkeypatch.setattr(sys, "stderr", None)  # a process without one, as pythonw is
    assert not watcher.is_seen
