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
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
