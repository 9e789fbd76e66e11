from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hftlab.processes import process_name, this_process
from tests.waiting import until


def test_this_process_is_not_another() -> None:
    assert process_name(os.getpid()) == this_process() == "this process"


def test_a_process_that_has_ended_has_its_number() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert process_name(process.pid) == f"a process (process {process.pid})"


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [("hftlab", ["serve", "--port", "1"], "hftlab serve"), ("ipykernel_launcher.py", [], "another notebook's kernel")],
)
def test_a_script_is_named_by_what_it_is(tmp_path: Path, name: str, words: list[str], expected: str) -> None:
    script = tmp_path / name
    script.write_text("input()")
    with subprocess.Popen([sys.executable, str(script), *words], stdin=subprocess.PIPE) as process:
        # Until it runs Python it has the command line of this process.
        until(lambda: process_name(process.pid).startswith(expected))
        assert process_name(process.pid) == f"{expected} (process {process.pid})"
        process.kill()
