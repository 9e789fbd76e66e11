"""Integers of both byte orders in compiled code, in one or two machine instructions each."""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

__all__ = [
    "load_little_u16",
    "load_little_u32",
    "load_little_u64",
    "load_u16",
    "load_u32",
    "load_u64",
    "store_little_u16",
    "store_little_u32",
    "store_little_u64",
    "store_u16",
    "store_u32",
    "store_u64",
]


def _at(context: Any, builder: Any, array_type: Any, array: Any, offset: Any, width: int) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), ir.IntType(width).as_pointer())


def _loader(width: int, order: str) -> Any:
    @intrinsic
    def load(_typing: Any, data: Any, _offset: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_at(context, builder, signature.args[0], args[0], args[1], width), align=1)
            if order != sys.byteorder:
                value = builder.bswap(value)
            return builder.zext(value, ir.IntType(64)) if width < 64 else value

        return types.uint64(data, types.int64), generate

    return load


def _storer(width: int, order: str) -> Any:
    @intrinsic
    def store(_typing: Any, data: Any, _offset: Any, _value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.trunc(args[2], ir.IntType(width)) if width < 64 else args[2]
            if order != sys.byteorder:
                value = builder.bswap(value)
            builder.store(value, _at(context, builder, signature.args[0], args[0], args[1], width), 1)
            return context.get_dummy_value()

        return types.void(data, types.int64, types.uint64), generate

    return store


# (data, offset) -> uint64, big-endian; the caller makes sure that the bytes are there: nothing is checked.
load_u16, load_u32, load_u64 = (_loader(width, "big") for width in (16, 32, 64))
# (data, offset, value); likewise.
store_u16, store_u32, store_u64 = (_storer(width, "big") for width in (16, 32, 64))
# The same, little-endian.
load_little_u16, load_little_u32, load_little_u64 = (_loader(width, "little") for width in (16, 32, 64))
store_little_u16, store_little_u32, store_little_u64 = (_storer(width, "little") for width in (16, 32, 64))
