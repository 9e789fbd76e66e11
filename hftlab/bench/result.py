"""The result of a benchmark."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Result"]


class Result(msgspec.Struct):
    """A ratio against a peer or a limit that was measured in the same run; `must` is the least that it should be."""

    bench: str
    ratio: float
    must: float
    met: bool
    figures: dict[str, Any]

    def to_json(self) -> str:
        """One JSON object."""
        return msgspec.json.encode(self).decode()

    def to_text(self) -> str:
        """A line for the ratio and a line for each figure."""
        lines = [f"{self.bench}: ratio {self.ratio:.2f}, must {self.must:g}, {'met' if self.met else 'NOT MET'}"]
        lines += [f"  {name.replace('_', ' ')}: {_text(value)}" for name, value in self.figures.items()]
        return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return _table(value)
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _table(rows: list[dict[str, Any]]) -> str:
    """Lay rows out in columns, below the line that they belong to."""
    if not rows:
        return "none"
    lines = [list(rows[0])] + [["" if one is None else _text(one) for one in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "\n    " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )
