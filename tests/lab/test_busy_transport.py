"""The transport in a real kernel whose cell is busy: a page with a subshell controls the replay all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.widgets.kernel import Kernel, Page, running_kernel

SETUP = """
import time
from pathlib import Path

import hftlab as hl

server = hl.serve(hl.open_session("data/walk").replay(speed=0.1), port=0)
client = hl.connect(server.url)
client.subscribe(["AAPL"])
transport = client.transport()
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with running_kernel() as kernel:
        kernel.run(SETUP)
        yield kernel
        kernel.run("transport.close(); client.close(); server.stop()")


@pytest.mark.parametrize("busy", ["time.sleep(0.2)", "sum(range(1000))"])
def test_a_replay_is_controlled_while_a_cell_runs(kernel: Kernel, tmp_path: Path, busy: str) -> None:
    comm = kernel.run("_ = client.replay.resume()\nprint(transport.comm.comm_id, end='')")
    page = Page(kernel, comm, kernel.create_subshell())
    kernel.until(lambda: page.answered() > 2, each=page.show)
    done = tmp_path / "done"
    cell = kernel.start(f"done = Path({str(done)!r})\nwhile not done.exists(): {busy}")
    try:
        for number, (command, state) in enumerate([("pause", "PAUSED"), ("play", "PLAYING"), ("pause", "PAUSED")], 1):
            page.say({"panel": "", "from": "page", "do": command, "number": number})
            heard = {"panel": "", "to": "page", "heard": number}
            kernel.until(lambda state=state: page.state("replay") == state)
            assert heard in page.messages()
        assert not kernel.has_ended(cell)
    finally:
        done.touch()
        kernel.until(lambda: kernel.has_ended(cell))
