"""Docstrings as they are written in hftlab, made into what Sphinx reads.

Docstrings of hftlab are written for people who read them in an editor: prose, `code` in single backticks, and sometimes
a Markdown table or an indented drawing. reStructuredText would take stars, bars and trailing underscores for markup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_CODE = re.compile(r"``.+?``|`[^`]+`", re.DOTALL)
_SPECIAL = re.compile(r"([*|\\])|(?<=\w)(_)(?=\W|$)")
_RULE = re.compile(r"\|[\s:|-]+\|")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True}


def _process(_app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    lines[:] = to_rst(lines)


def to_rst(lines: list[str]) -> list[str]:
    """The same docstring as reStructuredText."""
    out: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if line.startswith("|"):
            block = _while(lines, place, lambda one: one.startswith("|"))
            out += ["", *_table(block), ""]
        elif line.startswith(" ") and (not out or not out[-1].strip()):
            block = _while(lines, place, lambda one: one.startswith(" ") or not one.strip())
            out += [".. code-block:: text", "", *block, ""]
        elif not line.strip():
            block = [line]
            out.append("")
        else:
            block = [line, *_while(lines, place + 1, lambda one: bool(one.strip()) and not one.startswith("|"))]
            out += _escaped("\n".join(block)).split("\n")
        place += len(block)
    return out


def _while(lines: list[str], start: int, belongs: Any) -> list[str]:
    end = start
    while end < len(lines) and belongs(lines[end]):
        end += 1
    return lines[start:end]


def _table(rows: list[str]) -> list[str]:
    """A Markdown table as a list-table."""
    cells = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows if not _RULE.fullmatch(row)]
    out = [".. list-table::", "   :header-rows: 1", ""]
    for row in cells:
        out += [f"   {'* -' if not number else '  -'} {_escaped(cell)}" for number, cell in enumerate(row)]
    return out


def _escaped(text: str) -> str:
    """Text with reStructuredText's own signs taken literally, and single backticks kept as code."""
    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [_SPECIAL.sub(_backslash, text[end : code.start()]), f"``{code.group().strip('`')}``"]
        end = code.end()
    return "".join([*parts, _SPECIAL.sub(_backslash, text[end:])])


def _backslash(sign: re.Match[str]) -> str:
    return f"\\{sign.group()}"
