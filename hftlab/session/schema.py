"""Turns message structs into polars schemas."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import polars as pl
from msgspec import inspect

__all__ = ["defaults", "snake_names", "wire_schema"]

_SCALARS: Final[dict[type[inspect.Type], type[pl.DataType]]] = {
    inspect.FloatType: pl.Float64,
    inspect.IntType: pl.Int64,
    inspect.StrType: pl.String,
    inspect.EnumType: pl.String,
    inspect.BoolType: pl.Boolean,
}


def wire_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Map each field's name on the wire to its polars type; nested structs become polars structs."""
    return {field.encode_name: _type(field.type) for field in _fields(struct)}


def snake_names(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Map each field's name on the wire to its name in Python, which is that of its column."""
    return {field.encode_name: field.name for field in _fields(struct)}


def defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Map fields, by their names on the wire, to the default that an encoder leaves out, where it is not None."""
    return {
        field.encode_name: field.default
        for field in _fields(struct)
        if field.default is not msgspec.NODEFAULT and field.default is not None
    }


def _fields(struct: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return info.fields


def _type(kind: inspect.Type) -> Any:
    if type(kind) in _SCALARS:
        return _SCALARS[type(kind)]
    match kind:
        case inspect.UnionType():
            (some,) = (part for part in kind.types if not isinstance(part, inspect.NoneType))
            return _type(some)
        case inspect.ListType():
            return pl.List(_type(kind.item_type))
        case inspect.StructType():
            return pl.Struct({field.encode_name: _type(field.type) for field in kind.fields})
    raise TypeError(f"there is no column type for {kind}")
