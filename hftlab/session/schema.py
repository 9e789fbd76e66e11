"""Message structs as polars schemas."""

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
    """The polars type of each field, under its name on the wire; nested structs become polars structs."""
    return {field.encode_name: _type(field.type) for field in _fields(struct)}


def snake_names(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Each field's name on the wire -> its name in Python and in a table."""
    return {field.encode_name: field.name for field in _fields(struct)}


def defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields, by their names on the wire, that an encoder leaves out at a value other than None."""
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
    raise TypeError(f"no column type for {kind}")
