"""Instructions of the processor for which numba has no function: prefetch, and the comparison of a whole block."""

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


def _block(context: Any, builder: Any, array_type: Any, array: Any, first: Any, count: int) -> Any:
    """Load `count` items of eight bytes of an array as one vector."""
    word = ir.IntType(64)
    data = builder.bitcast(context.make_array(array_type)(context, builder, array).data, word.as_pointer())
    vector = ir.VectorType(word, count).as_pointer()
    return builder.load(builder.bitcast(builder.gep(data, [first]), vector), align=8)


def _repeated(builder: Any, value: Any, count: int) -> Any:
    vector = ir.VectorType(value.type, count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count))


def _counter() -> Any:
    @intrinsic
    def count(_typing: Any, keys: Any, _first_key: Any, _key: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            block = _block(context, builder, signature.args[0], args[0], args[1], BLOCK)
            bits = builder.icmp_signed(">=", block, _repeated(builder, args[2], BLOCK))
            return builder.zext(builder.ctpop(builder.bitcast(bits, ir.IntType(BLOCK))), ir.IntType(64))

        return types.int64(keys, types.uint64, types.int64), generate

    return count


# (keys, first, key): how many of keys[first : first + BLOCK], all int64, are not below `key`; without a branch.
count_not_below = _counter()
