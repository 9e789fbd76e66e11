"""Forked children: they start afresh, end at once, and end nothing of their parent's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hftlab.errors import HftlabError
from hftlab.forking import Home

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")

BEGIN = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of a fork beside threads
import hftlab as hl
server = hl.serve(hl.simulator.RandomWalk(seed=1), port=0)
client = hl.connect(server.url, name="one")
client.subscribe(["AAPL"])
recording = hl.record(client, sys.argv[1])

def work():
    with hl.connect(url, name="one" if os.getpid() != parent else None) as mine:
        mine.subscribe(["AAPL"])
        assert mine.latest("AAPL") is not None

def status_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

parent, url = os.getpid(), server.url
"""
CHECK = """
assert client.is_healthy and len(client.messages(3)) == 3
session = recording.stop()
assert session.manifest.rows("market_data") > 0
from hftlab.credentials import find_secret
assert find_secret(server.port)
server.stop()
print("whole")
"""
RETURNED = (
    "hftlab: a process that was forked in a callback has returned from it, to a loop that is its parent's, and ends: "
    "end it with os._exit(), or start it as a multiprocessing.Process\n"
)


def run(script: str, folder: Path, told: str = "") -> None:
    """Run a script between the beginning of a parent and the check that it still has all that it began.

    `told` is what the parent and its children say on standard error.
    """
    program = BEGIN + script + CHECK
    command = [sys.executable, "-c", program, str(folder / "session")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "whole\n", told)


@pytest.mark.parametrize("inside", ["if True:", "with server, client, recording:"])
def test_a_child_that_ends_ends_nothing_of_its_parents(inside: str, tmp_path: Path) -> None:
    """One after the other end in each way, and after each the parent is asked whether it still hears its server."""
    script = "".join(
        f"""
child = os.fork()
if child == 0:
    {inside}
        {ending}
assert status_of(child) == 3, "{ending}"
assert client.is_healthy and len(client.messages(3)) == 3, "{ending}"
"""
        for ending in ("os._exit(3)", "sys.exit(3)", "raise SystemExit(3)")
    )
    run(script, tmp_path)


def test_what_a_child_inherits_says_whose_it_is(tmp_path: Path) -> None:
    script = """
import gc
child = os.fork()
if child == 0:
    uses = [lambda: client.latest("AAPL"), lambda: client.subscribe("MSFT"), lambda: client.metrics, client.messages,
            server.stats, server.connections, recording.stop]
    said = []
    for use in uses:
        try:
            use()
        except hl.HftlabError as error:
            said.append("is a fork" in str(error))
    assert said == [True] * len(uses), said
    assert "of the parent process" in repr(client) and "of the parent process" in repr(server)
    client.close(), server.stop()
    del client, server, recording, uses
    gc.collect()
    os._exit(0)
assert status_of(child) == 0
"""
    run(script, tmp_path)


def test_calls_work_in_a_child_and_in_its_child_and_beside_another_thread(tmp_path: Path) -> None:
    script = """
def child_works():
    child = os.fork()
    if child == 0:
        work()
        with hl.serve(hl.simulator.RandomWalk(seed=1), port=0) as mine, hl.connect(mine.url) as reader:
            reader.subscribe(["AAPL"])
            with hl.record(reader, f"{sys.argv[1]}-{os.getpid()}") as kept:
                reader.messages(3)
            assert kept.stop().manifest.rows("market_data") > 0
        grandchild = os.fork()
        if grandchild == 0:
            work()
            os._exit(0)
        os._exit(status_of(grandchild))
    assert status_of(child) == 0

child_works()
failed = []
threading.excepthook = failed.append
thread = threading.Thread(target=child_works)
thread.start()
thread.join()
assert not failed, failed
"""
    run(script, tmp_path)


def test_a_pool_of_forked_workers_works(tmp_path: Path) -> None:
    script = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
    for done in [pool.submit(work) for _ in range(4)]:
        done.result()
"""
    run(script, tmp_path)


FORK_IN_CALLBACK = """
from multiprocessing import get_context
from queue import SimpleQueue
children, forked = SimpleQueue(), []

def started():
    process = get_context("fork").Process(target=work)
    process.start()
    return process

def forking(message):
    if not forked:
        forked.append(message)
        children.put({fork})

client.on("message", forking)
child = children.get(timeout=30)
"""


def test_calls_work_in_a_process_that_is_started_in_a_callback(tmp_path: Path) -> None:
    """The thread that forks is that of the background loop, which the child has another one of."""
    script = FORK_IN_CALLBACK.format(fork="started()")
    run(f"{script}\nchild.join()\nassert child.exitcode == 0", tmp_path)


@pytest.mark.parametrize(("ending", "status"), [("work() or os._exit(3)", 3), ("work()", 1)])
def test_a_child_that_is_forked_in_a_callback_ends_at_once(ending: str, status: int, tmp_path: Path) -> None:
    """Also one that returns from the callback into its parent's loop, where it is told how to end."""
    script = FORK_IN_CALLBACK.format(fork=f"os.fork() or ({ending})")
    told = "" if status == 3 else RETURNED
    run(f"{script}\nassert status_of(child) == {status}", tmp_path, told)


def test_a_child_that_lives_on_does_not_hold_the_parents_port(tmp_path: Path) -> None:
    script = """
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(writer)
    os.read(reader, 1)
    os._exit(0)
port = server.port
server.stop()
server = hl.serve(hl.simulator.RandomWalk(seed=1), port=port)
client.wait_connected(10)
os.write(writer, b"x")
assert status_of(child) == 0
"""
    run(script, tmp_path)


class TestHome:
    def test_it_is_the_process_that_it_was_made_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        home, here = Home(), os.getpid()
        assert home.is_here
        home.check("it", "nothing")
        monkeypatch.setattr(os, "getpid", lambda: here + 1)
        assert not home.is_here
        with pytest.raises(HftlabError, match=rf"it belongs to the process {here}, of which this one is a fork.*hl\.x"):
            home.check("it", "hl.x()")
