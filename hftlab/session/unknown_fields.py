"""Finds the fields of a message that its type does not have, by their places."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final, NamedTuple

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
    return _unknown(payload, _fields(struct), "")


class _Parts(NamedTuple):
    """Structure of a field's value: an object with these fields, or a list of such objects."""

    fields: _Fields
    is_list: bool


_Fields = Mapping[str, _Parts | None]
"""The fields of an object by name; None for one whose value has no fields of its own."""


@functools.cache
def _fields(struct: type[msgspec.Struct]) -> _Fields:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    fields = {field.encode_name: _parts(field.type) for field in info.fields}
    return fields if info.tag_field is None else {info.tag_field: None, **fields}


def _parts(kind: inspect.Type) -> _Parts | None:
    match kind:
        case inspect.UnionType():
            return next((parts for inner in kind.types if (parts := _parts(inner)) is not None), None)
        case inspect.StructType():
            return _Parts(_fields(kind.cls), is_list=False)
        case inspect.ListType(item_type=inspect.StructType() as item):
            return _Parts(_fields(item.cls), is_list=True)
    return None


def _unknown(payload: bytes | msgspec.Raw, fields: _Fields, place: str) -> list[str]:
    try:
        pairs = _object.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [f"{place}?"]
    found = [f"{place}{name}" for name in pairs if name not in fields]
    for name, parts in fields.items():
        value = pairs.get(name) if parts is not None else None
        if parts is None or value is None or bytes(value) == b"null":
            continue
        if not parts.is_list:
            found += _unknown(value, parts.fields, f"{place}{name}.")
            continue
        for number, inner in enumerate(_list.decode(value)):
            found += _unknown(inner, parts.fields, f"{place}{name}[{number}].")
    return found
