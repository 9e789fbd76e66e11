"""Instructions of the processor for which numba has no function: prefetch, comparison of a whole block, plain loads."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

__all__ = [
    "BLOCK",
    "as_double",
    "count_not_below",
    "first_bit",
    "high_product",
    "leading_zeros",
    "load_byte",
    "load_word",
    "prefetch",
]

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


def _bit_finder() -> Any:
    @intrinsic
    def find(_typing: Any, _bits: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.cttz(args[0], ir.IntType(1)(1))

        return types.uint64(types.uint64), generate

    return find


def _text_loader(width: int, result: Any) -> Any:
    @intrinsic
    def load(_typing: Any, data: Any, _offset: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            start = context.make_array(signature.args[0])(context, builder, args[0]).data
            place = builder.bitcast(builder.gep(start, [args[1]]), ir.IntType(width).as_pointer())
            value = builder.load(place, align=1)
            return builder.zext(value, ir.IntType(64)) if width < 64 else value

        return result(data, types.int64), generate

    return load


def _zero_counter() -> Any:
    @intrinsic
    def count(_typing: Any, _word: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.ctlz(args[0], ir.IntType(1)(0))

        return types.int64(types.uint64), generate

    return count


def _multiplier() -> Any:
    @intrinsic
    def multiply(_typing: Any, _one: Any, _other: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            wide = ir.IntType(128)
            product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
            return builder.trunc(builder.lshr(product, wide(64)), ir.IntType(64))

        return types.uint64(types.uint64, types.uint64), generate

    return multiply


def _caster() -> Any:
    @intrinsic
    def cast(_typing: Any, _bits: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], ir.DoubleType())

        return types.float64(types.uint64), generate

    return cast


# (keys, first, key): how many of keys[first : first + BLOCK], all int64, are not below `key`; without a branch.
count_not_below = _counter()
# (bits): the number of the lowest bit that is set; there must be one.
first_bit = _bit_finder()
# (data, offset): the byte, as a signed integer; the caller makes sure that it is there: nothing is checked.
load_byte = _text_loader(8, types.int64)
# (data, offset): eight bytes, the first of them lowest; likewise.
load_word = _text_loader(64, types.uint64)
# (word): the number of zero bits above the highest that is set.
leading_zeros = _zero_counter()
# (one, other): the upper 64 bits of their product.
high_product = _multiplier()
# (bits): the double with these bits.
as_double = _caster()
