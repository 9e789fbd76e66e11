"""What was acknowledged outlives the end of the process, and the end of the process that recovers it."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from hftlab.session import open_session, recover
from tests.command import environment
from tests.session.durability.child import make_notes, read_notes
from tests.session.sessions import numbered, replayed
from tests.waiting import until

ROOT = Path(__file__).parents[3]
RECOVER = "import sys; from hftlab.session import recover; print(flush=True); recover(sys.argv[1])"


@pytest.mark.parametrize("kills", [2, pytest.param(200, marks=pytest.mark.soak)])
def test_what_was_acknowledged_before_a_kill_is_there_once_and_in_order(tmp_path: Path, kills: int) -> None:
    """The recorder gets SIGKILL, in every second case a recovery does as well, and then it is recovered."""
    chance = random.Random(kills)
    for kill in range(kills):
        folder, notes = tmp_path / f"{kill}", make_notes(tmp_path / f"{kill}.notes")
        wanted = chance.randrange(1, 3_000)
        command = [sys.executable, "-m", "tests.session.durability.child", str(folder), str(notes), "now", "4000", "60"]
        with subprocess.Popen(command, cwd=ROOT, env=environment()) as child:
            until(lambda wanted=wanted, notes=notes: read_notes(notes).acknowledged >= wanted)  # type: ignore[misc]
            with suppress(subprocess.TimeoutExpired):
                child.wait(chance.random() / 10)
            child.kill()
        acknowledged = read_notes(notes).acknowledged
        if kill % 2:
            killed_recovery(folder, chance)
        recovery = recover(folder)
        assert recovery.damaged == 0
        session = open_session(folder)
        assert session.manifest.damaged == 0
        there = replayed(session)
        assert there == [(at, numbered(at)) for at in range(len(there))]
        assert len(there) == session.manifest.messages >= acknowledged >= wanted


def killed_recovery(folder: Path, chance: random.Random) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", RECOVER, str(folder)], stdout=pipe, env=environment()) as recovery:
        assert recovery.stdout is not None
        recovery.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            recovery.wait(chance.random() / 5)
        recovery.kill()
