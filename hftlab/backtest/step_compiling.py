"""Compilation of a user's step, with errors that name the user's line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import from_dtype, njit, typeof, types
from numba.core import ir

from hftlab.backtest.step_market import Market, new_market
from hftlab.backtest.step_orders import Orders, new_orders
from hftlab.errors import StepFailed

__all__ = ["Step", "compile_step", "step_type"]

_BYTES: Final = types.Array(types.uint8, 1, "C")


class Step:
    """A user's step, and its machine code once it has been compiled for records of these dtypes."""

    def __init__(self, function: Callable[..., Any], state: np.dtype[Any], parameters: np.dtype[Any]) -> None:
        self.function, self.state, self.parameters = function, state, parameters
        self.code: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the function and not its machine code, which another process compiles for itself."""
        return Step, (self.function, self.state, self.parameters)


def step_type() -> Any:
    """Return numba's type of all compiled steps: they take state and parameters as bytes, so that all are alike."""
    return types.FunctionType(_signature())


def _signature() -> Any:
    return types.void(typeof(new_market(())), typeof(new_orders(())), _BYTES, _BYTES)


def compile_step(step: Step) -> Any:
    """Return a step's compiled code. Raises StepFailed with the line that numba cannot compile."""
    if step.code is None:
        inner = njit(boundscheck=True, error_model="python", nogil=True)(step.function)
        count = len(inspect.signature(step.function).parameters)
        code = njit(nogil=True)(_WRAPPERS[count](inner, step))
        records = from_dtype(step.state), from_dtype(step.parameters)
        try:
            inner.compile((*_signature().args[:2], *records)[:count])  # alone first, so that errors are about its lines
            code.compile(_signature())
        except Exception as error:  # numba's own errors, and what its passes stumble over
            raise _not_compiled(step.function, error) from None
        _check_fields(step.function, inner.overloads[inner.signatures[0]].type_annotation)
        step.code = code
    return step.code


def _check_fields(function: Callable[..., Any], typed: Any) -> None:
    """Raise StepFailed where a step gives a float to a whole number of a record, which would cut it off in silence."""
    for block in typed.blocks.values():
        for one in block.find_insts(ir.SetAttr):
            record, value = typed.typemap[one.target.name], typed.typemap[one.value.name]
            if not isinstance(record, types.Record) or not isinstance(value, types.Float):
                continue
            if isinstance(record.typeof(one.attr), types.Integer | types.Boolean):
                raise StepFailed(
                    function,
                    one.loc.line,
                    f"{one.attr} is a whole number, and a float loses its fraction there: begin with a float, as in "
                    f"state={{{one.attr!r}: 0.0}}, or round it with int(...)",
                )


def _market_and_orders(inner: Any, step: Step) -> Callable[..., None]:  # noqa: ARG001
    def call(market: Any, orders: Any, state: Any, parameters: Any) -> None:  # noqa: ARG001
        inner(market, orders)

    return call


def _and_state(inner: Any, step: Step) -> Callable[..., None]:
    state_type = step.state

    def call(market: Any, orders: Any, state: Any, parameters: Any) -> None:  # noqa: ARG001
        inner(market, orders, state.view(state_type)[0])

    return call


def _and_parameters(inner: Any, step: Step) -> Callable[..., None]:
    state_type, parameters_type = step.state, step.parameters

    def call(market: Any, orders: Any, state: Any, parameters: Any) -> None:
        inner(market, orders, state.view(state_type)[0], parameters.view(parameters_type)[0])

    return call


_WRAPPERS: Final = {2: _market_and_orders, 3: _and_state, 4: _and_parameters}


def _not_compiled(function: Callable[..., Any], error: Exception) -> StepFailed:
    """Return the error for a step that numba cannot compile: its reason in a sentence, and the user's line."""
    text = str(error)
    if isinstance(error, KeyError):  # an unknown field of a record
        name = str(error.args[0])
        line = _line_with(function, rf"\.{re.escape(name)}\b")
        return StepFailed(function, line, f"state and parameters have no {name!r}: name it in @hl.compiled(...)")
    lines = [one.strip(" -") for one in text.splitlines()]
    reasons = [one for one in lines if one and not one.startswith(_NOISE)]
    location = getattr(error, "loc", None)
    line = getattr(location, "line", None)
    if line is None:
        found = re.search(r" \((\d+)\)$", text, re.MULTILINE) or re.search(r"line (\d+)", text)
        line = int(found[1]) if found else None
    if method := _METHOD.search(text):
        return StepFailed(function, line, _call_of(*method.groups()))
    return StepFailed(function, line, f"numba cannot compile it: {_shortened(reasons[0]) if reasons else text}")


_METHOD: Final = re.compile(r"No implementation of function Function\(<function (Market|Orders)\.(\w+) at")


def _call_of(owner: str, method: str) -> str:
    """Say how a method of what the step gets is called."""
    taken = list(inspect.signature(getattr({"Market": Market, "Orders": Orders}[owner], method)).parameters.values())
    shown = ", ".join(one.name if one.default is one.empty else f"{one.name}={one.default}" for one in taken[1:])
    return f"{owner.lower()}.{method}() does not take what it is given: it is {method}({shown}), all of them numbers"


_NOISE: Final = ("Failed in nopython", "Resolution failure", "During:", "File ")


def _shortened(reason: str) -> str:
    """Cut the types of the arrays from the name of a type that the step is given."""
    for name in ("Market", "Orders"):
        start = reason.find(f"{name}(")
        if start >= 0:
            depth, end = 0, start
            while end < len(reason):
                depth += {"(": 1, ")": -1}.get(reason[end], 0)
                end += 1
                if depth == 0 and reason[end - 1] == ")":
                    break
            reason = reason[: start + len(name)] + reason[end:]
    return re.sub(r"Literal\[\w+\]\(([^()]*)\)", r"\1", reason).split(": %", maxsplit=1)[0]


def _line_with(function: Callable[..., Any], pattern: str) -> int | None:
    """Return the first line of a function in which a pattern is found."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return None
    return next((first + row for row, line in enumerate(lines) if re.search(pattern, line)), None)
