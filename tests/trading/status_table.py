"""The table of statuses and messages in docs/concepts/trading.md."""

from __future__ import annotations

import itertools
from pathlib import Path

__all__ = ["status_table"]

_PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "trading.md"


def status_table() -> dict[str, dict[str, str]]:
    """Read the table: status -> message -> what it does."""
    lines = _PAGE.read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("| status |"))
    table = itertools.takewhile(lambda line: line.startswith("|"), lines[begin:])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    header, _, *body = rows
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in body}
