"""`hftlab doctor`: a line for each check, a verdict, and exit status 1 if something needed is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hftlab import doctor
from hftlab.port import DEFAULT_PORT
from hftlab.version import __version__
from tests.command import Run, environment

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
        """In another process, and while a process without a name holds the port."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env=environment(),
        )
        assert (done.returncode, done.stderr) == (1, "")
        for name, package in BLOCKED.items():
            (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"FAIL  {package}: ")]
            assert f"{name} is not here" in line
            assert f"pip install --upgrade {package}" in line
        assert f"warn  port {DEFAULT_PORT}: in use by another process" in done.stdout
        assert "  disk: " in done.stdout
        verdict = done.stdout.splitlines()[-1]
        assert " problems (websockets, msgspec, pyjwt, structlog, prometheus-client, psutil" in verdict
        assert verdict.endswith(f"Do what stands behind each arrow; 1 warning: port {DEFAULT_PORT}")

    def test_a_line_for_each_check(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(doctor, "_ROOM", 0)
        status, out, err = run("doctor")
        assert (status, err) == (0, "")
        *lines, verdict = out.splitlines()
        assert len(lines) == len(list(doctor.examine(tmp_path)))
        assert all(line[:4] in ("ok  ", "warn") for line in lines)
        assert lines[0].startswith("ok    Python: ")
        assert verdict.startswith(f"hftlab {__version__} is ready")

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
        assert out.splitlines()[-1].endswith(f"is ready; 2 warnings: port {DEFAULT_PORT}, browser")
