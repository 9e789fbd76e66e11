"""The messages of the wire as tables: every field with its type, bounds and default, read from the msgspec structs."""

from __future__ import annotations

import inspect as python_inspect
import json
from enum import EnumMeta, StrEnum
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect
from wire_examples import EXAMPLES

from hftlab import protocol
from hftlab.bounds import SYMBOL, SYMBOL_RULE
from hftlab.protocol import Message, Request
from hftlab.protocol import enums as enumerations
from hftlab.protocol.base import CURRENCY

__all__ = ["enums", "fields", "messages"]

_BASE: Final = ("timestamp", "id", "channel", "sequence")


def messages() -> str:
    """The whole reference, as Markdown: requests, then what a server sends, then the structs inside of messages."""
    requests, everything = get_args(Request), get_args(Message)
    replies = [struct for struct in everything if struct not in requests]
    parts = _parts(everything)
    return "\n".join(
        [
            "## Fields of every message",
            "",
            *_field_rows(requests[0], only=_BASE),
            "## Client to server",
            "",
            *(line for struct in requests for line in _message(struct, "client to server")),
            "## Server to client",
            "",
            *(line for struct in replies for line in _message(struct, "server to client")),
            "## Structs inside of messages",
            "",
            *(line for struct in parts for line in _part(struct)),
        ]
    )


def enums() -> str:
    """The patterns that texts must match, and the closed word lists."""
    lines = ["(wire-patterns)=", "", "| text | what it may be |", "|---|---|"]
    lines += [f"| a symbol | {SYMBOL_RULE} |", f"| a currency | `{CURRENCY}` |", ""]
    for name in enumerations.__all__:
        kind = getattr(enumerations, name)
        lines += [f"({_anchor(kind)})=", f"`{name}`", f": {', '.join(f'`{member}`' for member in kind)}", ""]
    return "\n".join(lines)


def fields(struct: type[msgspec.Struct]) -> list[tuple[str, str, str, str]]:
    """Name on the wire, type, bounds and default of each field of a struct."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return [(field.encode_name, _type(field.type), _bounds(field.type), _default(field)) for field in info.fields]


def _message(struct: type[msgspec.Struct], direction: str) -> list[str]:
    tag = str(struct.__struct_config__.tag)
    return [
        f"(message-{tag})=",
        f"### {tag}",
        "",
        f"*{direction}*, {{py:class}}`hftlab.protocol.{struct.__name__}`",
        "",
        *_description(struct),
        *_field_rows(struct, leave_out=_BASE),
        "```json",
        _example(struct),
        "```",
        "",
    ]


def _part(struct: type[msgspec.Struct]) -> list[str]:
    return [f"({_anchor(struct)})=", f"### {struct.__name__}", "", *_description(struct), *_field_rows(struct)]


def _description(struct: type[msgspec.Struct]) -> list[str]:
    """The struct's own docstring, which is Markdown but for its code; none is inherited."""
    own = struct.__dict__.get("__doc__")
    return [*python_inspect.cleandoc(own).splitlines(), ""] if own else []


def _field_rows(
    struct: type[msgspec.Struct], *, only: tuple[str, ...] = (), leave_out: tuple[str, ...] = ()
) -> list[str]:
    rows = [row for row in fields(struct) if (row[0] in only or not only) and row[0] not in leave_out]
    if not rows:
        return ["It has no fields of its own.", ""]
    lines = ["| field | type | bounds | default |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {kind} | {bounds} | {default} |" for name, kind, bounds, default in rows]
    return [*lines, ""]


def _example(struct: type[msgspec.Struct]) -> str:
    """One message as the codec writes it, after the codec has read it again."""
    message = EXAMPLES[str(struct.__struct_config__.tag)]()
    data = protocol.encode(message)
    assert protocol.decode(data) == message
    return compact(json.loads(data))


def compact(value: Any, indent: str = "", width: int = 72) -> str:
    """JSON with what fits on a line on one line."""
    text = json.dumps(value)
    if len(indent) + len(text) <= width or not isinstance(value, dict | list) or not value:
        return text
    deeper = indent + "  "
    if isinstance(value, dict):
        inside = [f"{deeper}{json.dumps(key)}: {compact(one, deeper, width)}" for key, one in value.items()]
        return "{\n" + ",\n".join(inside) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + compact(one, deeper, width) for one in value) + f"\n{indent}]"


def _parts(structs: tuple[type[msgspec.Struct], ...]) -> list[type[msgspec.Struct]]:
    """The structs that fields of `structs` hold, each once, in the order in which they are met."""
    found: dict[type[msgspec.Struct], None] = {}

    def look(kind: inspect.Type) -> None:
        match kind:
            case inspect.UnionType():
                for one in kind.types:
                    look(one)
            case inspect.ListType():
                look(kind.item_type)
            case inspect.StructType() if kind.cls not in found:
                found[kind.cls] = None
                for field in kind.fields:
                    look(field.type)

    for struct in structs:
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        for field in info.fields:
            look(field.type)
    return list(found)


def _type(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            return " or ".join(_type(one) for one in kind.types if not isinstance(one, inspect.NoneType))
        case inspect.ListType():
            return f"array of {_type(kind.item_type)}"
        case inspect.DictType():
            return f"object, {_type(kind.key_type)} to {_type(kind.value_type)}"
        case inspect.StructType():
            return f"[{kind.cls.__name__}](#{_anchor(kind.cls)})"
        case inspect.EnumType():
            return f"[{kind.cls.__name__}](#{_anchor(kind.cls)})"
    return _NAMES.get(type(kind), type(kind).__name__)


_NAMES: Final = {
    inspect.FloatType: "number",
    inspect.IntType: "integer",
    inspect.StrType: "string",
    inspect.BoolType: "boolean",
    inspect.AnyType: "anything",
}


def _bounds(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            return ", ".join(filter(None, (_bounds(one) for one in kind.types)))
        case inspect.ListType():
            own = _lengths(kind.min_length, kind.max_length, "entries")
            return ", ".join(filter(None, (own, _bounds(kind.item_type))))
        case inspect.StrType():
            pattern = f"[{_PATTERNS[kind.pattern]}](#wire-patterns)" if kind.pattern else ""
            return ", ".join(filter(None, (_lengths(kind.min_length, kind.max_length, "characters"), pattern)))
        case inspect.FloatType() | inspect.IntType():
            signs = (("≥", kind.ge), (">", kind.gt), ("≤", kind.le), ("<", kind.lt))
            return ", ".join(f"{sign} {_number(bound)}" for sign, bound in signs if bound is not None)
    return ""


_PATTERNS: Final = {SYMBOL: "a symbol", CURRENCY: "a currency"}


def _lengths(least: int | None, most: int | None, what: str) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f"at least {least} {what}" if least != 1 else "not empty"
    return f"{least or 0} to {most:,} {what}"


def _number(bound: float) -> str:
    powers = {2**53 - 1: "2⁵³ − 1", 2**32: "2³²", 10**15: "10¹⁵", 10**18: "10¹⁸", -(10**18): "−10¹⁸"}
    if bound in powers:
        return powers[int(bound)]
    return f"{bound:,.0f}" if abs(bound) < 1e7 else f"{bound:g}"


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default is None:
        return "left out"
    return f"`{json.dumps(field.default)}`" if field.default is not msgspec.NODEFAULT else "left out"


def _anchor(kind: type[msgspec.Struct] | EnumMeta | type[StrEnum]) -> str:
    return f"wire-{kind.__name__}"
