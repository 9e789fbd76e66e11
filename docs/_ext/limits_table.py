"""The defaults of ServerLimits, read from the dataclass."""

from __future__ import annotations

from dataclasses import fields

from hftlab.server import Rate, ServerLimits

__all__ = ["table"]


def table() -> str:
    lines = ["| field | default | type |", "|---|---|---|"]
    for field in fields(ServerLimits):
        value = field.default
        text = f"{value.per_second:g}/s, a burst of {value.burst}" if isinstance(value, Rate) else f"{value:,}"
        kind = field.type if isinstance(field.type, str) else field.type.__name__
        lines.append(f"| `{field.name}` | {text} | `{kind}` |")
    return "\n".join([*lines, ""])
