"""Widgets in a real kernel: a page that shows one gets its updates whatever the kernel does, and a closed page none.

The refresh loop's clock runs twenty times as fast, so that seconds of patience pass in a moment.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.widgets.kernel import Kernel, Page, running_kernel

MINUTE = 90
"""Updates that take a minute of the fast clock, since there are at most 30 a second of the real one."""

SETUP = """
import time
from pathlib import Path

from hftlab.widgets import Ladder
from hftlab.widgets.core.jupyter_kernel import JupyterKernel
from hftlab.widgets.core.refresh_loop import RefreshLoop
from tests.widgets.market import Market, bitcoin


class Moving(Market):
    def book(self, symbol):
        self.books[symbol].ts_event += 1_000_000
        return self.books[symbol]


loop = RefreshLoop(JupyterKernel(), timer=lambda: 20 * time.monotonic())
"""

BUSY = {
    "sleep": "while not done.exists(): time.sleep(0.5)",
    "loop": "while not done.exists(): sum(range(1000))",
    "await": "import asyncio\nwhile not done.exists(): await asyncio.sleep(0.5)",
}


VERSIONS = ["installed", pytest.param("7.3.0", marks=pytest.mark.soak), pytest.param("7.4.0", marks=pytest.mark.soak)]
"""Those of ipykernel, which differ in where they read a page's messages; what is not installed comes from the index.

7.3 may stop reading requests for good, with every thread idle, once in some hundred: what fails then is ipykernel.
"""


@pytest.fixture(scope="module", params=VERSIONS)
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path | None = None
    if request.param != "installed":
        folder = tmp_path_factory.mktemp("ipykernel")
        wanted = ["--quiet", "--no-deps", "--target", str(folder), f"ipykernel=={request.param}"]
        subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=True)
    with running_kernel(folder) as kernel:
        kernel.run(SETUP)
        assert request.param in ("installed", kernel.run("import ipykernel; print(ipykernel.__version__, end='')"))
        yield kernel


@pytest.fixture(scope="module")
def subshell(kernel: Kernel) -> str:
    return kernel.create_subshell()


@pytest.fixture
def comm(kernel: Kernel) -> Iterator[str]:
    """The comm of a new ladder."""
    kernel.run("ladder = Ladder(Moving({'X': bitcoin()}), 'X', rate=30, refresh_loop=loop)")
    yield kernel.run("print(ladder.comm.comm_id, end='')")
    kernel.run("ladder.close()")


@pytest.fixture(params=["subshell", "shell"])
def page(kernel: Kernel, comm: str, request: pytest.FixtureRequest) -> Page:
    """A page that shows the ladder; its frontend knows subshells, or does not."""
    page = Page(kernel, comm, request.getfixturevalue("subshell") if request.param == "subshell" else None)
    # More than one: ipykernel may read the first ones elsewhere than the others.
    kernel.until(lambda: page.answered() > 2, each=page.show)
    return page


@contextmanager
def busy(kernel: Kernel, how: str, done: Path, first: str = "pass") -> Iterator[None]:
    """A cell that does not end before this does."""
    cell = kernel.start(f"done = Path({str(done)!r})\n{first}\n{BUSY[how]}")
    try:
        yield
        assert not kernel.has_ended(cell)
    finally:
        done.touch()
        kernel.until(lambda: kernel.has_ended(cell))


@pytest.mark.parametrize("how", BUSY)
def test_a_shown_widget_gets_updates_for_a_minute_of_a_cell(
    kernel: Kernel, page: Page, how: str, tmp_path: Path
) -> None:
    with busy(kernel, how, tmp_path / "done"):
        target = page.updates() + MINUTE
        kernel.until(lambda: page.updates() > target, each=page.show)


@pytest.mark.parametrize("page", ["subshell"], indirect=True)
def test_a_page_with_a_subshell_is_heard_in_a_cell(kernel: Kernel, page: Page, tmp_path: Path) -> None:
    """Also when the cell, and the refresh thread meanwhile, published on the comm after the page spoke."""
    assert page.state("hears_in_cells") is True
    with busy(kernel, "sleep", tmp_path / "done", "ladder.send({'from': 'cell'})"):
        kernel.until(lambda: {"from": "cell"} in page.messages())
        for _ in range(3):
            beat, updates = page.answered(), page.updates()
            kernel.until(lambda updates=updates: page.updates() > updates + 5)
            kernel.until(lambda beat=beat: page.answered() > beat, each=page.show)


@pytest.mark.parametrize("page", ["shell"], indirect=True)
def test_a_page_without_one_is_told_that_it_is_not(page: Page) -> None:
    assert page.state("hears_in_cells") is False


@pytest.mark.parametrize("page", ["subshell"], indirect=True)
def test_a_callback_that_keeps_the_subshell_does_not_stop_the_updates(
    kernel: Kernel, page: Page, tmp_path: Path
) -> None:
    """The kernel is free meanwhile, but the page's heartbeats wait behind its own click."""
    done = tmp_path / "done"
    kernel.run(
        f"done = Path({str(done)!r})\n"
        "def click(widget, content, buffers):\n"
        "    while content == {'click': 1} and not done.exists(): time.sleep(0.1)\n"
        "ladder.on_msg(click)"
    )
    page.say({"click": 1})
    try:
        target = page.updates() + MINUTE
        kernel.until(lambda: page.updates() > target, each=page.show)
    finally:
        done.touch()


def test_a_page_that_went_away_in_a_cell_gets_nothing_more_after_it(kernel: Kernel, page: Page, tmp_path: Path) -> None:
    with busy(kernel, "sleep", tmp_path / "done"):
        pass
    kernel.until(lambda: kernel.run("print(ladder._visibility.is_visible, end='')") == "False")
    updates = page.updates()
    kernel.run("time.sleep(0.5)")
    assert page.updates() == updates
