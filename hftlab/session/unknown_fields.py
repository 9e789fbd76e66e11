"""Finds the fields of a message that its type does not have, by their places."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import inspect

__all__ = ["unknown_fields"]

# Raw takes any value, also one that nothing can hold, such as 1e999 or text that is not UTF-8.
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list: Final = msgspec.json.Decoder(list[msgspec.Raw])


def unknown_fields(payload: bytes | msgspec.Raw, struct: type[msgspec.Struct]) -> list[str]:
    """Return the places of unknown fields, such as `foo` and `symbols[0].bar`, in the JSON of a valid message.

    A place that cannot be told, because a name is not UTF-8, ends with "?".
    """
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return _unknown(payload, info, "")


def _unknown(payload: bytes | msgspec.Raw, info: inspect.StructType, place: str) -> list[str]:
    try:
        pairs = _object.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [f"{place}?"]
    fields = {field.encode_name: field.type for field in info.fields}
    found = []
    for name, value in pairs.items():
        if name in fields:
            found += _within(value, fields[name], f"{place}{name}")
        elif name != info.tag_field:
            found.append(f"{place}{name}")
    return found


def _within(value: msgspec.Raw, kind: Any, place: str) -> list[str]:
    """Find unknown fields in the value of a known one."""
    match kind:
        case inspect.UnionType() if bytes(value) != b"null":
            return [one for inner in kind.types for one in _within(value, inner, place)]
        case inspect.StructType():
            return _unknown(value, kind, f"{place}.")
        case inspect.ListType(item_type=inspect.StructType() as item):
            items = enumerate(_list.decode(value))
            return [one for number, inner in items for one in _unknown(inner, item, f"{place}[{number}].")]
    return []
