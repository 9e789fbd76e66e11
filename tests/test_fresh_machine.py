"""What a new user does first works on a machine that has nothing but Python, git and make, also as root."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.command import ROOT, ended, first_line, started

SLOW = 1800.0
"""Seconds for what downloads and installs."""

pytestmark = pytest.mark.usefixtures("compiled")


def without_display(home: Path) -> dict[str, str]:
    """The environment of a container: nobody's settings, and nothing to show a window on."""
    return {"HOME": str(home), "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": "", "WSL_DISTRO_NAME": ""}


def answer(address: str) -> str:
    """What a browser gets there."""
    with urllib.request.urlopen(address, timeout=30) as page:
        assert page.status == 200
        return page.read().decode()


class TestLab:
    def test_it_opens_and_prints_the_address_to_open_which_has_a_token(self, tmp_path: Path) -> None:
        """For whoever runs this test, which in a container is root."""
        with started("lab", "--no-browser", "--port=0", cwd=tmp_path, **without_display(tmp_path)) as process:
            address = first_line(process)
            parts = urlsplit(address)
            assert parts.hostname == "127.0.0.1"
            assert len(parse_qs(parts.query)["token"][0]) >= 32
            assert "<title>JupyterLab</title>" in answer(address)
            assert "<title>JupyterLab</title>" not in answer(address.partition("?")[0]), "shown without the token"
            process.send_signal(signal.SIGTERM)
            result = ended(process)
        assert result.status == 0, result.err
        assert "Running as root is not recommended" not in result.err


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "hftlab"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


@pytest.mark.serial  # `make test` in it has as many processes as the machine bears
@pytest.mark.soak
class TestClone:
    """The README's two commands, with a virtual environment that `make` creates: several minutes each."""

    @contextmanager
    def make(self, clone: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run make in a process group of its own, of which nothing outlives the block."""
        faulthandler.cancel_dump_traceback_later()  # minutes are no sign of a hang here
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= without_display(clone.parent)
        command = ["make", f"PYTHON={sys.executable}", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        with subprocess.Popen(
            command, cwd=clone, env=environment, text=True, start_new_session=True, **pipes
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def test_make_lab_opens_the_quickstart(self, clone: Path) -> None:
        with self.make(clone, "lab", "LAB_OPTIONS=--no-browser --port=0") as process:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("http://127.0.0.1:"):
                    break
            else:
                pytest.fail("".join(said))
            address = said[-1].strip()
            assert urlsplit(address).path == "/lab/tree/notebooks/01_quickstart.ipynb"
            assert "<title>JupyterLab</title>" in answer(address)

    def test_make_test_passes(self, clone: Path) -> None:
        """All tests and notebooks, as they are in the clone."""
        with self.make(clone, "test") as process:
            out, _ = process.communicate(timeout=SLOW)
        assert process.returncode == 0, out[-5000:]
