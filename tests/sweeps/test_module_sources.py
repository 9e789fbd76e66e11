"""Sources of a strategy: its file, and those of its project that it imports."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hftlab.sweeps.module_sources import source_file, source_texts

FILES = {
    "plan_a/__init__.py": "",
    "plan_a/top.py": "import numpy, json, hftlab\nfrom . import side\nfrom .below.deep import x\nimport plan_b as b\n",
    "plan_a/side.py": "def late():\n    import plan_c\n",
    "plan_a/other.py": "",
    "plan_a/below/__init__.py": "from ..side import late\n",
    "plan_a/below/deep.py": "x = 1\n",
    "plan_b.py": "import plan_a.top\n",
    "plan_c.py": "",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("plan_a.top")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("plan_")]:
        del sys.modules[name]


def test_are_those_that_modules_import_also_late_and_in_circles() -> None:
    assert list(source_texts(["plan_a.top"])) == [
        "plan_a",
        "plan_a.below",
        "plan_a.below.deep",
        "plan_a.side",
        "plan_a.top",
        "plan_b",
        "plan_c",
    ]
    assert "plan_c" not in sys.modules


def test_have_the_text_of_now(project: Path) -> None:
    (project / "plan_c.py").write_text("import plan_a.other")
    texts = source_texts(["plan_c"])
    assert texts["plan_c"] == b"import plan_a.other"
    (project / "plan_b.py").write_text("no python (")
    assert list(source_texts(["plan_b"])) == ["plan_b"]


def test_installed_packages_have_theirs_alone() -> None:
    importlib.import_module("typer.main")
    assert {name.partition(".")[0] for name in source_texts(["typer.main"])} == {"typer"}
    assert list(source_texts(["hftlab.sweeps.grid"])) == ["hftlab.sweeps.grid"]
    assert source_file("sys") is None
    assert source_file("plan_a.nothing") is None
