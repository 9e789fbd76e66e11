"""The pages of docs/ and the README: their code runs, their links hold, and what is generated covers everything."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_args
from xml.etree import ElementTree

import pytest

import hftlab
from hftlab import protocol
from hftlab.server import ServerLimits

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
IGNORED = {"_build", "_generated", "api", "tutorials"}
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "examples/README.md")),
    *(path for path in sorted(DOCS.rglob("*.md")) if path.relative_to(DOCS).parts[0] not in IGNORED),
]
CODE = re.compile(r"^(<!-- not run: (?P<reason>.+) -->\n)?```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
ROLE = re.compile(r"\{py:\w+\}`([^`]+)`")
GENERATED = ("tutorials/", "../tutorials/")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(path: Path) -> str:
    """What a reader would run, one block after the other; lines stand where they do on the page."""
    text = path.read_text()
    lines = [""] * text.count("\n")
    for block in CODE.finditer(text):
        if block["reason"] is None:
            first = text.count("\n", 0, block.start("code"))
            code = block["code"].splitlines()
            lines[first : first + len(code)] = code
    return "\n".join(lines)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder; what a page has left running ends, and no page needs a certain port."""
    monkeypatch.chdir(tmp_path)
    started: list[Any] = []

    def kept(call: Callable[..., Any], **defaults: Any) -> Callable[..., Any]:
        def wrapper(*args: Any, **options: Any) -> Any:
            started.append(call(*args, **(defaults | options)))
            return started[-1]

        return wrapper

    monkeypatch.setattr(hftlab, "serve", kept(hftlab.serve, port=0))
    monkeypatch.setattr(hftlab, "connect", kept(hftlab.connect))
    yield
    for one in reversed(started):
        one.__exit__(None, None, None)


@pytest.mark.parametrize("path", [path for path in PAGES if code_of(path).strip()], ids=name_of)
@pytest.mark.usefixtures("reader")
def test_the_code_of_a_page_runs(path: Path) -> None:
    exec(compile(code_of(path), str(path), "exec"), {"__name__": "page"})


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_links_of_a_page_hold(path: Path) -> None:
    """Pages that are generated are checked by Sphinx, which knows them."""
    links = [link for link in LINK.findall(path.read_text()) if path.parent == ROOT or not link.startswith(GENERATED)]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_names_on_a_page_exist(path: Path) -> None:
    for target in ROLE.findall(path.read_text()):
        name = target.rpartition("<")[2].rstrip(">")
        module, _, attribute = name.rpartition(".")
        assert resolves(name) or hasattr(importlib.import_module(module), attribute), name


def resolves(name: str) -> bool:
    """Whether a name is that of a module."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def test_the_readme_is_a_page_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 90
    assert "\nmake lab " in text
    assert "\nmake test " in text


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials.md"])
def test_every_tutorial_is_listed(page: str) -> None:
    text = (ROOT / page).read_text()
    assert [path.name for path in (ROOT / "notebooks").glob("*.ipynb") if f"/{path.name})" not in text] == []


def test_the_picture_is_small_and_well_formed() -> None:
    path = DOCS / "ladder.svg"
    assert path.stat().st_size < 50_000
    assert ElementTree.fromstring(path.read_text()).tag.endswith("svg")


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """The modules of docs/_ext, which make pages out of the code."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    return importlib.import_module


class TestGenerated:
    def test_every_message_has_an_example_that_survives_the_codec(self, extension: Callable[..., ModuleType]) -> None:
        examples = extension("wire_examples").EXAMPLES
        tags = {str(struct.__struct_config__.tag) for struct in get_args(protocol.Message)}
        assert set(examples) == tags
        for tag, make in examples.items():
            message = protocol.decode(protocol.encode(make()))
            assert message.type == tag

    def test_every_field_of_every_message_is_on_the_page(self, extension: Callable[..., ModuleType]) -> None:
        page = extension("wire_pages").messages()
        for struct in get_args(protocol.Message):
            tag = str(struct.__struct_config__.tag)
            section = page.partition(f"### {tag}\n")[2].partition("\n### ")[0]
            own = set(struct.__struct_encode_fields__) - {"timestamp", "id", "channel", "sequence"}
            assert [name for name in own if f"| `{name}` |" not in section] == []

    def test_the_direction_of_a_message_is_who_may_send_it(self, extension: Callable[..., ModuleType]) -> None:
        page = extension("wire_pages").messages()
        assert "### SUBSCRIBE\n\n*client to server*" in page
        assert "### MARKET_DATA\n\n*server to client*" in page

    def test_every_limit_is_explained(self, extension: Callable[..., ModuleType]) -> None:
        assert list(extension("limits_table").BEYOND) == [field.name for field in fields(ServerLimits)]

    def test_every_exported_package_has_a_page(self, extension: Callable[..., ModuleType]) -> None:
        pages = extension("api_pages").pages()
        packages = [name for name in hftlab.__all__ if isinstance(getattr(hftlab, name), ModuleType)]
        assert [name for name in packages if f"hftlab.{name}.rst" not in pages] == []

    def test_the_layers_are_those_of_the_contract(self, extension: Callable[..., ModuleType]) -> None:
        table = extension("layers_table").table()
        (contract,) = (
            one
            for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
            if one["type"] == "layers"
        )
        names = [name.strip() for layer in contract["layers"] for name in re.split(r"[|:]", layer)]
        assert [name for name in names if not name.startswith("(") and f"`{name}`" not in table] == []


class TestDocstrings:
    """Docstrings are written for editors; Sphinx reads reStructuredText."""

    def test_single_backticks_are_code(self, extension: Callable[..., ModuleType]) -> None:
        assert extension("docstrings").to_rst(["Set `a_`, then", "`b", "c`."]) == ["Set ``a_``, then", "``b", "c``."]

    def test_signs_of_markup_are_taken_literally(self, extension: Callable[..., ModuleType]) -> None:
        assert extension("docstrings").to_rst(["*args | kind_ of"]) == ["\\*args \\| kind\\_ of"]

    def test_a_table_is_a_list_table(self, extension: Callable[..., ModuleType]) -> None:
        lines = extension("docstrings").to_rst(["| a | b |", "|---|---|", "| 1 | `2` |"])
        assert [line.strip() for line in lines if line.strip()] == [
            ".. list-table::",
            ":header-rows: 1",
            "* - a",
            "- b",
            "* - 1",
            "- ``2``",
        ]

    def test_an_indented_drawing_is_kept(self, extension: Callable[..., ModuleType]) -> None:
        lines = extension("docstrings").to_rst(["A tree:", "", "    a", "    └── b_"])
        assert lines == ["A tree:", "", ".. code-block:: text", "", "    a", "    └── b_", ""]
