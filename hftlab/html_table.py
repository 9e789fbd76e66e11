"""How an object shows itself in a notebook: a small table of facts, or of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

__all__ = ["facts_table", "rows_table"]

_LEFT = "style='text-align:left'"


def facts_table(title: str, facts: Mapping[str, object]) -> str:
    """An HTML table with a caption; names and values are escaped."""
    rows = "".join(
        f"<tr><th {_LEFT}>{escape(name)}</th><td {_LEFT}>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table><caption {_LEFT}>{escape(title)}</caption>{rows}</table>"


def rows_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table with a caption and a head; texts and values are escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row) + "</tr>" for row in rows)
    return (
        f"<table><caption {_LEFT}>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
