"""The wheel: built, installed into an environment of its own, and used from there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TIMEOUT = 120


class Installed(NamedTuple):
    """A virtual environment of the wheel and its run-time dependencies, with nothing else of this repository."""

    python: Path
    wheel: Path

    def run(self, *arguments: str) -> str:
        """What the environment's Python prints, started far from the sources."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.python.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def link_dependencies(wheel: Path, packages: Path) -> None:
    """Link what the wheel needs, directly or through others, from this environment into another's packages."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(path).decode())
    for found in closure(map(Requirement, metadata.get_all("Requires-Dist", []))):
        # What lies elsewhere, such as scripts, has a path that starts with "..".
        for name in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            target = packages / name
            if not target.exists():
                target.symlink_to(Path(str(found.locate_file(name))))


def closure(requirements: Iterable[Requirement]) -> Iterator[Distribution]:
    """The installed distributions that requirements lead to, with those that their extras ask for."""
    waiting, seen = [one for one in requirements if applies(one)], set()
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            asked = (canonicalize_name(requirement.name), extra)
            if asked in seen:
                continue
            seen.add(asked)
            found = distribution(requirement.name)
            needed = map(Requirement, found.requires or ())
            waiting += [one for one in needed if applies(one, extra)]
            yield found


def applies(requirement: Requirement, extra: str = "") -> bool:
    """Whether a requirement holds for this Python and system, and an extra that was asked for."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Builds without a network: the build backend and the dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run(build, check=True, capture_output=True, timeout=TIMEOUT)
    (wheel,) = folder.glob("hftlab-*.whl")
    target = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(target)], check=True, timeout=TIMEOUT)
    python = target / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=TIMEOUT)
    link_dependencies(wheel, Path(packages))
    return Installed(python, wheel)


def test_it_is_the_wheel_that_is_imported(installed: Installed) -> None:
    path = Path(installed.run("-c", "import hftlab; print(hftlab.__file__)"))
    assert path.is_relative_to(installed.python.parents[1])


def test_only_what_it_depends_on_can_be_imported(installed: Installed) -> None:
    """Else a dependency that is not declared would not be missed."""
    names = ["numpy", "jupyterlab", "pytest", "hypothesis", "trustme", "sphinx", "mypy"]
    code = f"import importlib.util as util; print(*(name for name in {names} if util.find_spec(name)))"
    assert installed.run("-c", code) == "numpy jupyterlab"


def test_every_module_can_be_imported(installed: Installed) -> None:
    """But for what a benchmark compares with."""
    code = (
        "import importlib, pkgutil, hftlab\n"
        "for one in pkgutil.walk_packages(hftlab.__path__, 'hftlab.'):\n"
        "    if not one.name.startswith('hftlab.bench.') and one.name != 'hftlab.__main__':\n"
        "        importlib.import_module(one.name)\n"
    )
    installed.run("-c", code)


def test_it_serves_and_connects(installed: Installed) -> None:
    code = (
        "import hftlab as hl\n"
        "with hl.serve(hl.simulator.RandomWalk(seed=7), port=0) as server, hl.connect(server.url) as client:\n"
        "    client.subscribe(['AAPL'])\n"
        "    print(client.latest('AAPL').symbol)\n"
    )
    assert installed.run("-W", "error", "-c", code) == "AAPL"


def test_the_command_says_its_version(installed: Installed) -> None:
    said = installed.run(str(installed.python.parent / "hftlab"), "--version")
    assert said.split()[-1] == installed.wheel.name.split("-")[1]


def test_it_brings_types_and_scripts_and_nothing_of_the_repository(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = archive.namelist()
    sources = [path.relative_to(ROOT) for path in (ROOT / "hftlab").rglob("*.*") if "__pycache__" not in path.parts]
    assert {path.as_posix() for path in sources} <= set(names)
    assert "hftlab/py.typed" in names
    assert [name for name in names if name.endswith(".js")]
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"hftlab"}
    assert not [name for name in names if "test" in Path(name).name.split("_")]


def test_it_brings_the_tutorials_and_copies_them(installed: Installed, tmp_path: Path) -> None:
    """All of them, with the recordings that they read, and nothing else of their folders."""
    code = (
        "import sys; from pathlib import Path; from hftlab.tutorials import copy_tutorials\n"
        "copy_tutorials(Path(sys.argv[1]))"
    )
    installed.run("-c", code, str(tmp_path / "mine"))
    copied = {path.relative_to(tmp_path / "mine") for path in (tmp_path / "mine").glob("*/**/*") if path.is_file()}
    tracked = subprocess.run(
        ["git", "ls-files", "notebooks", "data"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert copied == {
        Path(name) for name in tracked.stdout.split() if Path(name).suffix != ".py" and "README" not in name
    }
    installed.run(
        "-c", "import sys, hftlab as hl; hl.open_session(sys.argv[1]).verify()", str(tmp_path / "mine/data/walk")
    )


def test_its_metadata_names_no_person_and_no_address(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(path).decode())
    assert metadata["Author"] is metadata["Author-email"] is metadata["Home-page"] is metadata["Project-URL"] is None
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Keywords"]
    assert metadata["Description-Content-Type"] == "text/markdown"
