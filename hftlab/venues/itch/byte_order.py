"""Big-endian integers in compiled code, in one or two machine instructions each."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

__all__ = ["load_u16", "load_u32", "load_u64", "store_u16", "store_u32", "store_u64"]


def _at(context: Any, builder: Any, array_type: Any, array: Any, offset: Any, width: int) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), ir.IntType(width).as_pointer())


def _loader(width: int) -> Any:
    @intrinsic
    def load(_typing: Any, data: Any, _offset: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_at(context, builder, signature.args[0], args[0], args[1], width), align=1)
            return builder.zext(builder.bswap(value), ir.IntType(64)) if width < 64 else builder.bswap(value)

        return types.uint64(data, types.int64), generate

    return load


def _storer(width: int) -> Any:
    @intrinsic
    def store(_typing: Any, data: Any, _offset: Any, _value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.trunc(args[2], ir.IntType(width)) if width < 64 else args[2]
            builder.store(builder.bswap(value), _at(context, builder, signature.args[0], args[0], args[1], width), 1)
            return context.get_dummy_value()

        return types.void(data, types.int64, types.uint64), generate

    return store


# (data, offset) -> uint64; the caller makes sure that the bytes are there: nothing is checked.
load_u16, load_u32, load_u64 = _loader(16), _loader(32), _loader(64)
# (data, offset, value); likewise.
store_u16, store_u32, store_u64 = _storer(16), _storer(32), _storer(64)
