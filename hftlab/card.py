"""How a live object shows itself in a notebook: a small table of facts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["card"]

_LEFT = "style='text-align:left'"


def card(title: str, facts: Mapping[str, object]) -> str:
    """An HTML table with a caption; names and values are escaped."""
    rows = "".join(
        f"<tr><th {_LEFT}>{escape(name)}</th><td {_LEFT}>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table><caption {_LEFT}>{escape(title)}</caption>{rows}</table>"
