"""The repository's shape: tests mirror the sources, every module has its layer, dependencies are what is imported."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hftlab"
TESTS = ROOT / "tests"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())

MIRRORED: Final = ("cli", "client", "ingest", "lab", "protocol", "recorder", "server", "session", "transport")

TESTED_ELSEWHERE: Final[dict[str, str]] = {
    "cli/options.py": "cli/test_main.py",  # what several commands share
    "protocol/publishing/server_events.py": "protocol/publishing/test_server_protocol.py",  # data alone
    "protocol/subscribing/client_events.py": "protocol/subscribing/test_client_protocol.py",
}
"""Module -> the test file that covers it instead of its own, both as paths below hftlab/ and tests/."""


def modules() -> list[Path]:
    """Every module of the mirrored packages but for their __init__."""
    found = (path for name in MIRRORED for path in (PACKAGE / name).rglob("*.py"))
    return sorted(path.relative_to(PACKAGE) for path in found if path.name != "__init__.py")


class TestMirror:
    @pytest.mark.parametrize("module", modules(), ids=str)
    def test_a_module_has_its_test_file(self, module: Path) -> None:
        """hftlab/x/y.py is tested by tests/x/test_y.py, or the table above says where."""
        own = module.parent / f"test_{module.name}"
        tested = TESTED_ELSEWHERE.get(module.as_posix(), own.as_posix())
        assert (TESTS / tested).is_file(), f"write tests/{own}"

    def test_the_exceptions_are_needed(self) -> None:
        needless = [
            name
            for name in TESTED_ELSEWHERE
            if not (PACKAGE / name).is_file() or (TESTS / name).with_name(f"test_{Path(name).name}").is_file()
        ]
        assert needless == []


def module_exists(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


class TestContracts:
    def layers(self) -> list[set[str]]:
        (contract,) = (one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
        return [{name.strip(" ()") for name in layer.split("|")} for layer in contract["layers"]]

    def test_every_package_has_its_layer(self) -> None:
        """import-linter passes over a package that no layer names."""
        here = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
        placed = {name.removeprefix("hftlab.") for layer in self.layers() for name in layer}
        assert here - placed == {"__init__", "__main__"}

    def test_no_package_has_two_layers(self) -> None:
        names = [name for layer in self.layers() for name in layer]
        assert len(names) == len(set(names))

    IO: Final = frozenset(
        [
            "_socket",
            "_thread",
            "asyncio",
            "concurrent",
            "h11",
            "http",
            "multiprocessing",
            "select",
            "selectors",
            "signal",
            "socket",
            "socketserver",
            "ssl",
            "structlog",
            "subprocess",
            "threading",
            "uvloop",
            "websockets",
            "hftlab.log",
            "hftlab.loop",
        ]
    )

    def free_of_io(self) -> dict[str, Any]:
        (contract,) = (one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "forbidden")
        assert isinstance(contract, dict)
        return contract

    def test_what_is_free_of_io_is_all_that_exists_of_it(self) -> None:
        """A contract may not name a package before it is there; this says when it has to."""
        wanted = {"session", "trading", "backtest", "protocol", "venues", "book", "market"}
        there = {f"hftlab.{name}" for name in wanted if (PACKAGE / name / "__init__.py").is_file()}
        assert there <= set(self.free_of_io()["source_modules"])

    def test_io_does_not_come_in_from_below(self) -> None:
        """What the packages without I/O may import is without I/O as well, or forbidden to them."""
        layers = self.layers()
        (top,) = (at for at, layer in enumerate(layers) if "hftlab.session" in layer)
        below = {name for layer in layers[top:] for name in layer if module_exists(name)}
        assert set(self.free_of_io()["source_modules"]) == below - self.IO

    def test_everything_that_does_io_is_forbidden(self) -> None:
        assert set(self.free_of_io()["forbidden_modules"]) == self.IO


class TestPureCore:
    """What is free of I/O loads none of it either, by whatever way: a contract looks at direct imports alone."""

    IO: Final = frozenset(
        [
            "_thread",
            "asyncio",
            "concurrent",
            "http",
            "multiprocessing",
            "select",
            "selectors",
            "socket",
            "ssl",
            "structlog",
            "subprocess",
            "threading",
            "urllib.request",
            "uvloop",
            "websockets",
        ]
    )

    @pytest.mark.parametrize(
        "module",
        [
            "hftlab.protocol",
            "hftlab.protocol.publishing.server_protocol",
            "hftlab.protocol.subscribing.client_protocol",
        ],
    )
    def test_a_protocol_loads_neither_sockets_nor_threads(self, module: str) -> None:
        """The interpreter itself has `_thread`; `functools` and others lock with it."""
        code = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        assert self.IO & set(done.stdout.split()) == set()


class TestDependencies:
    """A library that is imported is declared, and one that is declared is used."""

    NOT_IMPORTED: Final = {"jupyterlab", "ipywidgets"}
    """The program that `hftlab lab` starts, and the part of it that draws widgets in a page."""

    OPTIONAL: Final = {"marimo": "display.py", "order-book": "bench/book.py"}
    """A notebook program that hftlab draws for where it runs in it, and a rival of a benchmark; by their one user."""

    def imported(self) -> set[str]:
        """Top-level names that hftlab imports, at the top of a file or inside of a function."""
        return {name for path in PACKAGE.rglob("*.py") for name in imports_of(ast.parse(path.read_text()))}

    def declared(self, names: list[str]) -> set[str]:
        return {canonicalize_name(Requirement(name).name) for name in names}

    def used(self, imported: set[str]) -> set[str]:
        """The distributions of what is imported; one that is not installed has the name of its module."""
        homes = packages_distributions()
        foreign = imported - set(sys.stdlib_module_names) - {"hftlab"}
        return {canonicalize_name(homes.get(name, [name])[0]) for name in foreign}

    def test_what_is_imported_is_declared(self) -> None:
        """As a dependency at run time: those of a developer are not there where hftlab is installed."""
        declared = self.declared(PROJECT["project"]["dependencies"])
        assert self.used(self.imported()) - declared == set(self.OPTIONAL)

    def test_what_is_optional_is_imported_where_it_is_used_alone(self) -> None:
        for name, home in self.OPTIONAL.items():
            module = name.replace("-", "_")
            users = [path for path in PACKAGE.rglob("*.py") if module in imports_of(ast.parse(path.read_text()))]
            assert [path.relative_to(PACKAGE).as_posix() for path in users] == [home]
            at_the_top = ast.Module([one for one in ast.parse(users[0].read_text()).body if is_import(one)], [])
            assert module not in imports_of(at_the_top)

    def test_an_unknown_name_is_not_passed_over(self) -> None:
        assert self.used({"numpy", "os", "no_such_module"}) == {"numpy", "no-such-module"}

    def test_what_is_declared_is_imported(self) -> None:
        assert (
            self.declared(PROJECT["project"]["dependencies"]) - self.used(self.imported()) - self.NOT_IMPORTED == set()
        )

    def test_hftlab_doctor_looks_for_what_is_not_imported(self) -> None:
        source = (PACKAGE / "doctor.py").read_text()
        assert [name for name in self.NOT_IMPORTED if f'"{name}"' not in source] == []


def is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


class TestCommands:
    """CI, the Makefile and the commit hooks call the same tools."""

    def targets(self) -> str:
        return (ROOT / "Makefile").read_text()

    def test_every_tool_of_make_check_is_a_hook(self) -> None:
        recipe = self.targets().partition("\ncheck:")[2].partition("\n\n")[0]
        tools = re.findall(r"^\t\$\(BIN\)/(.+)$", recipe, re.MULTILINE)
        hooks = re.findall(r"entry: \.venv/bin/(.+)", (ROOT / ".pre-commit-config.yaml").read_text())
        assert [tool.removesuffix(" .") for tool in tools] == hooks

    def test_make_test_holds_the_floor_of_the_coverage(self) -> None:
        """Each run measures and asks for nothing; the report on all of them fails below the floor."""
        assert PROJECT["tool"]["coverage"]["report"]["fail_under"] >= 80
        recipe = self.targets().partition("\ntest:")[2].partition("\n\n")[0].splitlines()
        (report,) = [at for at, line in enumerate(recipe) if "$(BIN)/coverage report" in line]
        assert "fail-under" not in recipe[report]
        assert not recipe[report].strip().startswith("-")  # make would pass over its failure
        runs = [at for at, line in enumerate(recipe) if "--cov" in line]
        assert runs
        assert max(runs) < report

    def test_ci_calls_what_a_developer_calls(self) -> None:
        last = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
        command, *targets = last.split()
        assert command == "make"
        assert targets == ["check", "test", "docs"]
        assert [name for name in targets if f"\n{name}:" not in self.targets()] == []
