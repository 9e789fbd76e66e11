"""Fill models: where a resting order of one's own stands in the queue of its level, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from numbers import Real
from typing import Any, Final, Self

from hftlab.backtest.queue_models import QueueModel
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import describe_unknown, meant

__all__ = ["FILL_MODELS", "FillModel"]

_FIFO: Final = "fifo"
_QUEUES: Final = {model.name.lower(): model for model in QueueModel}
FILL_MODELS: Final = (_FIFO, *_QUEUES)
"""Names of the fill models."""

_POWERS: Final = ("power", "power2", "power3")
_DEFAULT_N: Final = 2.0
_MOST_N: Final = 100.0
_TEXT: Final = re.compile(r"\s*([\w\s-]+?)\s*(?:\(\s*(?:n\s*=\s*)?([^()]*?)\s*\))?\s*")


@dataclass(frozen=True, init=False, repr=False)
class FillModel:
    """Model of the queue in which a resting order stands: a name, and for the power models an exponent `n`.

    - "fifo" stands it in the feed's own queues, order by order. It needs a session with order-level events (L3).
    - "risk_averse" is the last in the queue: only trades bring it forward, and a level that shrinks to less.
    - "power", "log", "log2", "power2" and "power3" share what is cancelled among those ahead and those behind, by
      hftbacktest's formulas: see hftlab.backtest.queue_models. `n` is 2 if it is not given; "power" with 1 cancels
      each share or coin with the same probability, and with more it cancels more on the longer side.

    The default of a backtest is "fifo" where the session has order-level events, else "risk_averse", which fills too
    little rather than too much.

    With `impact=True`, for "fifo" only, the recorded orders are matched again against what own orders have left, so
    that liquidity which was taken is not there for later ones.

    Raises ArgumentError for a name that does not exist, for an exponent that is not above 0 and at most 100 or is not
    the model's, and for an impact without the orders that it is on.
    """

    name: str
    n: float | None
    """Exponent of a power model, None of the others."""
    impact: bool

    def __init__(self, name: str, n: float | None = None, *, impact: bool = False) -> None:
        if name not in FILL_MODELS:
            raise ArgumentError(
                f"there is no fill model {describe_unknown([str(name)], FILL_MODELS)}: there are "
                f"{', '.join(FILL_MODELS)}"
            ).advise(instead=meant([str(name)], FILL_MODELS))
        if n is not None and name not in _POWERS:
            raise ArgumentError(f"{name} has no exponent, got n={n!r}: those with one are {', '.join(_POWERS)}")
        if not isinstance(impact, bool):
            raise ArgumentTypeError(f"impact is {impact!r}: it is True or False")
        if impact and name != _FIFO:
            raise ArgumentError(
                f"impact=True is for 'fifo' alone, which knows the recorded orders; {name!r} knows sizes of levels"
            ).advise(arguments={"impact": "False"})
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "n", _exponent(name, n) if name in _POWERS else None)
        object.__setattr__(self, "impact", impact)

    @classmethod
    def of(cls, fill: FillModel | str | None, *, has_orders: bool) -> FillModel:
        """Return the fill model that a backtest was asked for, by name such as "power(3)"; None is the default.

        `has_orders` says whether the data has order-level events. Raises ArgumentError for "fifo" without them, and for
        what is not a fill model.
        """
        if fill is None:
            return cls(_FIFO if has_orders else "risk_averse")
        model = cls.parse(fill) if isinstance(fill, str) else fill
        if not isinstance(model, FillModel):
            raise ArgumentTypeError(
                f"fill is {fill!r}: give a name such as 'risk_averse' or 'power(3)', or a FillModel"
            )
        if model.name == _FIFO and not has_orders:
            raise ArgumentError(
                "'fifo' stands orders in recorded queues, and the session has no order-level events: take "
                "'risk_averse' or one of the models by size, such as 'power(2)'"
            ).advise(arguments={"fill": "'risk_averse'"})
        return model

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a model, such as "log", "power", "power(3)" or "Risk-averse". Raises ArgumentError."""
        found = _TEXT.fullmatch(text)
        name = re.sub(r"[\s-]+", "_", found[1].lower()) if found else text
        if found is None or found[2] is None:
            return cls(name)
        try:
            return cls(name, float(found[2]))
        except ValueError as error:
            if isinstance(error, ArgumentError):
                raise
            raise ArgumentError(f"{text!r} has no number as its exponent: write it as 'power(3)'") from None

    @property
    def queue_model(self) -> QueueModel | None:
        """Code of the model for compiled loops; None of "fifo", which needs no estimate."""
        return _QUEUES.get(self.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain values that JSON holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the model that to_dict() has made a dict of."""
        return cls(values["name"], values["n"], impact=values["impact"])

    def __str__(self) -> str:
        return self.name if self.n is None else f"{self.name}({self.n:g})"

    def __repr__(self) -> str:
        exponent = "" if self.n is None else f", n={self.n:g}"
        return f"FillModel({self.name!r}{exponent}{', impact=True' if self.impact else ''})"


def _exponent(name: str, n: object) -> float:
    if n is None:
        return _DEFAULT_N
    number = float(n) if isinstance(n, Real) and not isinstance(n, bool) else 0.0
    if isfinite(number) and 0 < number <= _MOST_N:
        return number
    raise ArgumentError(f"the exponent of {name} is {n!r}: it is a number above 0 and at most {_MOST_N:g}, such as 3")
