"""Progress of a sweep: a line that says how far it is, where somebody sees it."""

from __future__ import annotations

import io
import sys

import IPython.display
import pytest

import hftlab as hl
from hftlab.errors import ArgumentError
from hftlab.sweeps import progress as progress_module
from hftlab.sweeps import sweeping
from hftlab.sweeps.progress import progress
from tests.notebook_kernel import kernel
from tests.sweeps.recordings import two_days
from tests.sweeps.strategies import maker


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", _Terminal())
    with progress(1200, kept=200) as shown:
        shown.advance(700, 3)
    text = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "700 of 1,200 runs, 3 with an error, " in text
    assert " left" in text


def test_nobody_sees_it_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(3) as shown:
        shown.advance(1, 0)
    assert capsys.readouterr() == ("", "")


class _Handle:
    shown: list[dict[str, str]] = []  # noqa: RUF012

    def display(self, bundle: dict[str, str], raw: bool) -> None:
        self.shown.append(bundle)

    update = display


@pytest.mark.parametrize("asked", [True, False])
def test_a_cell_has_a_line_if_a_person_runs_it(asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("Shell", (), {"kernel": type("Kernel", (), {"_allow_stdin": asked})()})()
    monkeypatch.setattr(progress_module, "_kernel_shell", lambda: shell)
    monkeypatch.setattr(progress_module, "_OFTEN", 0)
    monkeypatch.setattr(IPython.display, "DisplayHandle", _Handle)
    _Handle.shown.clear()
    with progress(4, kept=1) as shown:
        shown.advance(2, 1)
        shown.advance(4, 1)
    texts = [one["text/plain"] for one in _Handle.shown]
    if not asked:
        assert texts == []
        return
    assert texts[0] == "1 of 4 runs"
    assert texts[1].startswith("2 of 4 runs, 1 with an error, 0:00 left")
    assert texts[2:] == ["4 of 4 runs, 1 with an error", ""]
    assert "<progress value='2' max='4'" in _Handle.shown[1]["text/html"]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3700, "1:01:40")])
def test_times(seconds: float, text: str) -> None:
    assert progress_module._time(seconds) == text


def test_a_strategy_of_a_notebook_is_swept_in_processes() -> None:
    """Its class is in the kernel alone: the processes get it by value. A cell that is run again runs nothing again."""
    day = f"import hftlab as hl; day = {str(two_days()[0].folder)!r}"
    own = (
        "class Own(hl.Strategy):\n"
        "    every, wake = '1s', 'timer'\n"
        "    def __init__(self, size=100): self.size = size\n"
        "    def on_timer(self, at):\n"
        "        if (best := self.market.best('AAPL')) is not None:\n"
        "            self.trading.buy('AAPL', self.size * SCALE, price=best[0])\n"
    )
    run = (
        "import tempfile, warnings; folder = globals().setdefault('folder', tempfile.mkdtemp())\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always')\n"
        "    sweep = hl.sweep(Own, day, {'size': [1, 2]}, workers=1, folder=folder)\n"
        "print(sweep, [round(o / s) for o, s in sweep.table.select('orders', 'size').rows()] and "
        "sweep.table['error'].to_list(), [str(one.message) for one in said if 'Own' in str(one.message)])"
    )
    with kernel() as one:
        assert one.run(f"{day}\nSCALE = 10\n{own}") == ""
        first = one.run(run)
        assert "2 runs) [None, None] []" in first, first
        assert one.run(run) == first
        again = one.run(f"SCALE = 20\n{run}")
        assert "runs are done again, as something has changed since: the code of the strategy (of 2)" in again, again


def test_the_shell_of_no_notebook_is_none() -> None:
    assert progress_module._kernel_shell() is None


def test_the_planning_of_many_points_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", _Terminal())
    monkeypatch.setattr(sweeping, "_MANY", 2)
    with pytest.raises(ArgumentError, match="ticks"):
        hl.sweep(maker, two_days()[0], {"ticks": [*range(4), "two"]})
    assert "0 of 5 points planned" in sys.stderr.getvalue()  # type: ignore[attr-defined]
