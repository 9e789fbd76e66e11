"""What the process keeps, whatever is reloaded. In processes of their own: a reload changes classes for good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hftlab.lab.kept import kept

BEGIN = """
import importlib, sys
import hftlab as hl
from hftlab.port import port_holder
server = hl.serve(hl.simulator.RandomWalk(seed=1), port=0)
client = hl.connect(server.url, name="one")
client.subscribe(["AAPL"])
recording = hl.record(client, sys.argv[1])
port = server.port
"""
CHECK = """
with hl.record(client, sys.argv[1] + "-again") as taken:
    assert taken.folder.is_dir()
again = hl.serve(hl.simulator.RandomWalk(seed=1), port=port)
assert again.is_running and not server.is_running
one = hl.connect(again.url, name="one")
one.subscribe(["AAPL"])
assert one.latest("AAPL") is not None and client.connection_status == "DISCONNECTED"
print([thread.name for thread in __import__("threading").enumerate()].count("hftlab I/O"))
"""
RELOADS = {
    "the three": "for name in ('hftlab.lab.server', 'hftlab.lab', 'hftlab'): importlib.reload(sys.modules[name])",
    "the lab": "for name in sorted(sys.modules):\n    '.lab.' in name and importlib.reload(sys.modules[name])",
    "forgotten": "for name in list(sys.modules):\n    if name.startswith('hftlab.lab'): del sys.modules[name]",
}


@pytest.mark.parametrize("way", RELOADS)
def test_servers_clients_and_the_loop_survive_a_reload(way: str, tmp_path: Path) -> None:
    afresh = "\nfor name in ('serve', 'connect', 'record'): hl.__dict__.pop(name, None)\n"
    program = BEGIN + RELOADS[way] + afresh + CHECK
    command = [sys.executable, "-c", program, str(tmp_path / "session")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_a_thing_is_made_once() -> None:
    first: dict[str, int] = kept("test of kept", dict)
    assert kept("test of kept", dict) is first
