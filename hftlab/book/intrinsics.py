"""What compiled code can ask of the processor and numba has no word for."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

__all__ = ["BLOCK", "count_not_below", "prefetch"]

BLOCK: Final = 32


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


def _counter() -> Any:
    @intrinsic
    def count(_typing: Any, keys: Any, _first: Any, _key: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            vector = ir.VectorType(ir.IntType(64), BLOCK)
            data = context.make_array(signature.args[0])(context, builder, args[0]).data
            block = builder.load(builder.bitcast(builder.gep(data, [args[1]]), vector.as_pointer()), align=8)
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), args[2], ir.IntType(32)(0))
            all_ = builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK))
            bits = builder.bitcast(builder.icmp_signed(">=", block, all_), ir.IntType(BLOCK))
            return builder.zext(builder.ctpop(bits), ir.IntType(64))

        return types.int64(keys, types.uint64, types.int64), generate

    return count


# (keys, first, key): how many of keys[first : first + BLOCK], all int64, are not below `key`; without a branch.
count_not_below = _counter()
