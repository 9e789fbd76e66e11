"""Compiled strategies: a step over arrays that numba compiles, for backtests of millions of events and for sweeps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from hftlab.backtest.step_compiling import Step, compile_step
from hftlab.backtest.step_market import BEST, ORDERS, TRADE
from hftlab.clock import duration
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import describe_unknown, meant

__all__ = ["CompiledStrategy", "StepWake", "compiled"]

StepWake: TypeAlias = Literal["best", "trade", "orders"]
"""Triggers of a compiled strategy besides the time: a change of the best bid or ask, a trade, its own orders."""

_WAKES: Final = {"best": BEST, "trade": TRADE, "orders": ORDERS}
_ARGUMENTS: Final = ("market", "orders", "state", "parameters")


class CompiledStrategy:
    """Strategy whose step is compiled by numba; made by the decorator `hl.compiled`.

    Called with parameters it is the same strategy with these: `maker(distance=30)`; the code is compiled once.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        every: int,
        on: int,
        state: npt.NDArray[Any],
        parameters: npt.NDArray[Any],
        step: Step | None = None,
    ) -> None:
        self.function = function
        """The step as it was written."""
        self.every, self.on = every, on
        """Time between two steps in ns, 0 for none; bits of what else calls it."""
        self.first_state, self.parameter_values = state, parameters
        """One record each: the state before the first step, and the parameters."""
        self._step = step or Step(function, state.dtype, parameters.dtype)
        self.__doc__ = function.__doc__
        self.__name__, self.__qualname__ = function.__name__, function.__qualname__
        self.__module__ = function.__module__
        self.__wrapped__ = function

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name."""
        values = self.parameter_values
        return {name: _plain(values[0][name]) for name in values.dtype.names or ()}

    @property
    def step(self) -> Any:
        """Compiled step. Raises StepNotCompiled where numba cannot compile it."""
        return compile_step(self._step)

    def __call__(self, **parameters: Any) -> CompiledStrategy:
        """Return the strategy with other parameters. Raises ArgumentError for one that it does not have."""
        values = self.parameter_values.copy()
        names = values.dtype.names or ()
        unknown = [name for name in parameters if name not in names]
        if unknown:
            raise ArgumentTypeError(
                f"{self.__name__} has no parameter {describe_unknown(unknown, names)}: it has "
                f"{', '.join(names) or 'none: name them in @hl.compiled(parameters={...})'}"
            ).advise(instead=meant(unknown, names))
        for name, value in parameters.items():
            _set(values, name, value, f"parameter {name} of {self.__name__}")
        return CompiledStrategy(
            self.function, every=self.every, on=self.on, state=self.first_state, parameters=values, step=self._step
        )

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.__name__}({values})"


@overload
def compiled(function: Callable[..., Any], /) -> CompiledStrategy: ...


@overload
def compiled(
    *,
    every: float | str | None = None,
    wake: StepWake | Iterable[StepWake] = (),
    state: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], CompiledStrategy]: ...


def compiled(
    function: Callable[..., Any] | None = None,
    /,
    *,
    every: float | str | None = None,
    wake: StepWake | Iterable[StepWake] = (),
    state: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> CompiledStrategy | Callable[[Callable[..., Any]], CompiledStrategy]:
    """Make a strategy of a step function, which numba compiles.

        @hl.compiled(every="100ms", parameters={"distance": 20, "lots": 1}, state={"bid": 0, "ask": 0})
        def maker(market, orders, state, parameters):
            middle = (market.bid() + market.ask()) // 2
            if not orders.replace(state.bid, parameters.lots, middle - parameters.distance):
                state.bid = orders.buy(parameters.lots, middle - parameters.distance)
            ...

        hl.backtest(maker(distance=30), session)

    The step is called `every` so long (seconds, or text such as "100ms"), and on what `wake` names: "best" (a change of
    a best bid or ask), "trade", "orders" (news of own orders). It gets

    - `market`: see hftlab.backtest.step_market.Market: prices in ticks, sizes in lots, instruments by number from 0,
    - `orders`: own orders and positions, and the calls that send, see hftlab.backtest.step_orders.Orders,
    - `state`: a record that the step may change, of the names and first values in `state`,
    - `parameters`: a record of the names in `parameters`, whose values are the defaults,

    of which it may leave out the last ones. Values are numbers, booleans or arrays. It may use what numba compiles:
    numbers, arrays and other compiled functions, not dicts of objects, files or polars.

    Raises ArgumentError if nothing would ever call it, and for another list of arguments.
    """
    if function is not None:
        return _strategy(function, None, (), {}, {})
    return lambda step: _strategy(step, every, wake, state or {}, parameters or {})


def _strategy(
    function: Callable[..., Any],
    every: float | str | None,
    wake: StepWake | Iterable[StepWake],
    state: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> CompiledStrategy:
    name = getattr(function, "__name__", repr(function))
    if not inspect.isfunction(function):
        raise ArgumentTypeError(f"{name} is not a function: @hl.compiled(...) stands above a def")
    arguments = tuple(inspect.signature(function).parameters)
    if len(arguments) < 2 or arguments != _ARGUMENTS[: len(arguments)]:
        raise ArgumentError(
            f"the step {name} takes ({', '.join(arguments)}): write it as def {name}({', '.join(_ARGUMENTS)}), of "
            "which state and parameters may be left out"
        )
    wakes = [wake] if isinstance(wake, str) else list(wake)
    unknown = [str(one) for one in wakes if one not in _WAKES]
    if unknown:
        raise ArgumentError(
            f"nothing wakes a strategy that is called {describe_unknown(unknown, _WAKES)}: there are "
            f"{', '.join(_WAKES)}"
        ).advise(instead=meant(unknown, _WAKES))
    if every is None and not wakes:
        raise ArgumentError(f"nothing would ever call {name}: pass every='100ms', or wake='best', 'trade' or 'orders'")
    return CompiledStrategy(
        function,
        every=0 if every is None else duration(every),
        on=sum(_WAKES[one] for one in set(wakes)),
        state=_record(state, f"state of {name}"),
        parameters=_record(parameters, f"parameters of {name}"),
    )


def _record(values: Mapping[str, Any], what: str) -> npt.NDArray[Any]:
    """Return one record of the values, each a field of its type."""
    fields: list[Any] = []
    for name, value in values.items():
        array = np.asarray(value)
        if not isinstance(name, str) or not name.isidentifier() or array.dtype.kind not in "biuf" or not array.size:
            raise ArgumentTypeError(f"{what}: {name!r} is {value!r}: give names with numbers, booleans or arrays")
        dtype: Any = array.dtype
        if isinstance(value, int) and not isinstance(value, bool):
            dtype = np.int64
        fields.append((name, dtype, array.shape) if array.ndim else (name, dtype))
    record = np.zeros(1, np.dtype(fields) if fields else np.dtype([("_", np.int8)]))
    for name, value in values.items():
        record[0][name] = value
    return record


def _set(values: npt.NDArray[Any], name: str, value: Any, what: str) -> None:
    """Set a field of a record to a value that it can hold."""
    field = values.dtype[name]
    array = np.asarray(value)
    kind = field.base.kind
    if array.shape != field.shape or array.dtype.kind not in "biuf" or (kind in "iu" and array.dtype.kind == "f"):
        raise ArgumentTypeError(f"the {what} is {value!r}: it is {_KINDS[kind]}, as its default is")
    values[0][name] = value


_KINDS: Final = {"i": "a whole number", "u": "a whole number", "f": "a number", "b": "True or False"}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else np.array(value)
