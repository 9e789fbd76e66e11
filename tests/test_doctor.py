"""The doctor finds what is wrong and says what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hftlab import doctor
from hftlab.doctor import Check, examine
from hftlab.port import DEFAULT_PORT
from hftlab.server import ServerLimits
from tests.command import Run


def checks(folder: Path) -> dict[str, Check]:
    return {check.name: check for check in examine(folder)}


@pytest.fixture
def busy_port() -> Iterator[bool]:
    """Something listens on the default port; True if it is this process."""
    with suppress(OSError), socket.create_server(("127.0.0.1", DEFAULT_PORT)):
        yield True
        return
    yield False


def test_this_installation_is_well(tmp_path: Path) -> None:
    """These tests run in it."""
    found = checks(tmp_path)
    for check in found.values():
        assert check.ok or not check.needed or check.name == "disk", check
    assert found["Python"].found.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["polars"].found == importlib.metadata.version("polars")
    assert found["loopback"].ok
    assert str(tmp_path) in found["disk"].found


def test_a_busy_port_is_named_and_is_no_obstacle(tmp_path: Path, busy_port: bool) -> None:
    check = checks(tmp_path)[f"port {DEFAULT_PORT}"]
    assert (check.ok, check.needed) == (False, False)
    assert check.found.startswith("in use by ")
    assert "port=0" in check.advice
    if busy_port:
        assert f"(process {os.getpid()})" in check.found


def test_a_library_that_cannot_be_imported_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is absent, one that breaks, and one that can be done without."""
    # kosoku, which other tests use, leaves a stand-in for this one, with which pytest would try to work.
    monkeypatch.delitem(sys.modules, "pkg_resources", raising=False)
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('built for another Python')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "_LIBRARIES", ("absent_library", "broken_library"))
    monkeypatch.setitem(sys.modules, "uvloop", None)
    found = checks(tmp_path)
    absent, broken = found["absent_library"], found["broken_library"]
    assert (absent.ok, absent.needed, broken.ok) == (False, True, False)
    assert "No module named" in absent.found
    assert "built for another Python" in broken.found
    assert "pip install --upgrade absent_library" in absent.advice
    assert not doctor._library("uvloop").needed


@pytest.mark.parametrize("where", ["absent", "file"])
def test_a_folder_that_cannot_be_written_to_is_found_out(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    check = checks(tmp_path / where)["disk"]
    assert not check.ok
    assert str(tmp_path / where) in check.found
    assert "choose a folder" in check.advice


def test_too_little_room_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ROOM", 10**30)
    check = checks(tmp_path)["disk"]
    assert not check.ok
    assert "more room" in check.advice


@pytest.mark.parametrize(("limit", "enough"), [(256, False), (1024, False), (4096, True), (-1, True)])
def test_too_few_open_files_take_connections_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, enough: bool
) -> None:
    """-1 is RLIM_INFINITY on Linux; elsewhere it is a large number."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    check = checks(tmp_path)["open files"]
    assert (check.ok, check.needed) == (enough, False)
    assert "ulimit -n" in check.advice
    assert ServerLimits().connections < doctor._FILES


BLOCKED = {
    **{name: name for name in ("websockets", "msgspec", "structlog", "psutil")},
    "jwt": "pyjwt",
    "prometheus_client": "prometheus-client",
}
"""What no server can be imported without, and the packages that it comes in."""

PROGRAM = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(BLOCKED)}:
            raise ImportError(f"{{name}} is not here")

sys.meta_path.insert(0, Blocker())
sys.argv = ["hftlab", "doctor"]
from hftlab.cli import main
main()
"""


class TestCommand:
    def test_it_reports_what_hftlab_cannot_do_without(self, tmp_path: Path, busy_port: bool) -> None:
        """In a process of its own; also while the port has a holder that cannot be named."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert (done.returncode, done.stderr) == (1, "")
        for name, package in BLOCKED.items():
            (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"FAIL  {package}: ")]
            assert f"{name} is not here" in line
            assert f"pip install --upgrade {package}" in line
        assert f"warn  port {DEFAULT_PORT}: in use by another process" in done.stdout
        assert "  disk: " in done.stdout

    def test_a_line_for_each_check(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(doctor, "_ROOM", 0)
        status, out, err = run("doctor")
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert len(lines) == len(checks(tmp_path))
        assert all(line[:4] in ("ok  ", "warn") for line in lines)
        assert lines[0].startswith("ok    Python: ")

    def test_what_is_needed_and_absent_is_status_1(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doctor, "_LIBRARIES", ("absent_library",))
        status, out, _ = run("doctor")
        assert status == 1
        assert "FAIL  absent_library: cannot be imported" in out
        assert "-> run `pip install" in out

    def test_what_is_only_missed_is_a_warning(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy_port: bool
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(doctor, "_ROOM", 0)
        monkeypatch.setattr(doctor, "_BROWSERS", ("no-such-browser",))
        status, out, _ = run("doctor")
        assert status == 0
        assert "warn  browser: none found -> install one" in out
        assert f"warn  port {DEFAULT_PORT}: in use by" in out
