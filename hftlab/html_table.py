"""Small HTML tables for notebooks and reports: facts, or rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

__all__ = ["facts_table", "rows_table"]

_LEFT = "style='text-align:left'"
_CAPTION = "<caption style='text-align:left;white-space:nowrap'>"


def facts_table(title: str, facts: Mapping[str, object]) -> str:
    """Make an HTML table of names and values with a caption; all texts are escaped."""
    rows = "".join(
        f"<tr><th {_LEFT}>{escape(name)}</th><td {_LEFT}>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table>{_CAPTION}{escape(title)}</caption>{rows}</table>"


def rows_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Make an HTML table of rows with a caption and column heads; all texts are escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table>{_CAPTION}{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
