"""Fetching memory before it is needed, in compiled code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

__all__ = ["prefetch"]


def _prefetcher() -> Any:
    @intrinsic
    def start(_typing: Any, array: Any, _row: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            made = context.make_array(signature.args[0])(context, builder, args[0])
            byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
            offset = builder.mul(builder.extract_value(made.strides, 0), args[1])
            kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
            function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
            row = builder.gep(builder.bitcast(made.data, byte), [offset])
            builder.call(function, [row, flag(0), flag(3), flag(1)])  # to read, to stay, data
            return context.get_dummy_value()

        return types.void(array, types.uint64), generate

    return start


# (array, row): begin to fetch the memory of a row of an array, and do not wait for it.
prefetch = _prefetcher()
