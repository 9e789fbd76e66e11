"""Latency of a backtest: how long messages, requests, reports and decisions take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeAlias

import numpy as np

from hftlab.backtest.delay_fit import FitKind, FitReport
from hftlab.backtest.delay_models import Autocorrelated, Constant, DelayModel, Draws, Lognormal
from hftlab.backtest.delay_times import TimeLike, delay_ns, delay_text
from hftlab.backtest.recorded_delays import Recorded
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.kernels.compiling import IntArray
from hftlab.nearest import describe_unknown
from hftlab.trading.venue import RequestKind

if TYPE_CHECKING:
    from hftlab.session import Session

__all__ = ["DelayLike", "Latencies", "Latency", "in_order"]

DelayLike: TypeAlias = TimeLike | DelayModel
"""Length of a delay: nanoseconds, a timedelta, text such as "5ms", or a model."""

_ACTIONS: Final = tuple(kind.lower() for kind in RequestKind)
_PARTS: Final = ("feed", "entry", "response", "compute")
_PURPOSES: Final = {part: 1_000 + number for number, part in enumerate((*_PARTS, *_ACTIONS))}
"""Random numbers of each part, and of each action where these differ; others than a simulator's of the same seed."""


class Latency:
    """Latency of a backtest, in up to four parts; what is left out takes no time.

    - `feed`: a message reaches the strategy so long after its reception in the recording (ts_recv).
    - `entry`: a request reaches the venue so long after it was sent; {"new": ..., "cancel": ..., "replace": ...} tells
      the actions apart.
    - `response`: what the venue reports of an order reaches the strategy so long after it happened.
    - `compute`: the strategy sends a request so long after it got what it answers.

    Each is a length of time (nanoseconds, a timedelta, or text such as "250us") or a model: Constant, Recorded,
    Lognormal, Autocorrelated, or a class of one's own with the methods of DelayModel. `seed` determines the draws of
    all parts, and each part has random numbers of its own. Two latencies are equal if they draw the same.

    Raises ArgumentError for what is not a latency, for actions that do not exist or are left out, and for a seed below
    0.
    """

    none: ClassVar[Latency]
    """No latency at all."""

    def __init__(
        self,
        *,
        feed: DelayLike = 0,
        entry: DelayLike | Mapping[str, DelayLike] = 0,
        response: DelayLike = 0,
        compute: DelayLike = 0,
        seed: int = 0,
    ) -> None:
        self.feed = _model("feed", feed)
        self.entry = _actions(entry) if isinstance(entry, Mapping) else _model("entry", entry)
        self.response = _model("response", response)
        self.compute = _model("compute", compute)
        self.seed = _seed(seed)
        self.report: FitReport | None = None
        """Findings of fit(); None of a latency that was not fitted."""

    @classmethod
    def fit(
        cls,
        session: Session,
        *,
        kind: FitKind = "autocorrelated",
        feed: DelayLike | None = None,
        entry: DelayLike | Mapping[str, DelayLike] | None = None,
        response: DelayLike | None = None,
        compute: DelayLike = 0,
        seed: int = 0,
    ) -> Self:
        """Return the latency that a session was recorded with; print it to see what was found.

        `kind` is the model: "constant" (the median), "recorded" (the course itself), "lognormal", or "autocorrelated",
        which keeps slow periods together. A part that is given is taken as it is.

        - `feed` is ts_recv - ts_event of each message of market data, by the newest time of its symbols; also what a
          server waits to gather changes. Snapshots do not count.
        - `response` is ts_recv - ts_out of each update of own orders.
        - `entry` is the time from an order's PENDING_NEW to the venue's answer, by the server's clock. When the client
          sent the order is not recorded: the way to the server counts as long as the way back of that answer, half of
          the round trip each.

        Where a part has times below 0 the clocks disagree: its fastest message then counts as 0, and the report says by
        how much all were shifted.

        The fitted feed latency is for other data, such as an imported day: the session's own times of reception have it
        already. applied_to() leaves it out there.

        Raises SessionError for a session that lacks what a part is fitted to, such as own orders, and ArgumentError
        for another kind.
        """
        from hftlab.backtest.session_delays import fit_session

        given = {"feed": feed, "entry": entry, "response": response}
        models, report = fit_session(session, [part for part, value in given.items() if value is None], kind)
        parts: dict[str, Any] = {part: models.get(part, value) for part, value in given.items()}
        fitted = cls(**parts, compute=compute, seed=seed)
        fitted.report = report
        return fitted

    def applied_to(self, session: Session) -> Latency:
        """Return the latency as it applies to a session.

        In the session that it was fitted on, messages have their feed latency already, as they were received: there the
        fitted one is left out. Everywhere else it is the same.
        """
        if self.report is None or "feed" not in self.report.parts or not self.report.is_of(session):
            return self
        return Latency(entry=self.entry, response=self.response, compute=self.compute, seed=self.seed)

    def with_seed(self, seed: int) -> Latency:
        """Return the same latency, fitted to the same session, with another seed of its draws. Raises ArgumentError."""
        parts: dict[str, Any] = {part: getattr(self, part) for part in _PARTS}
        seeded = Latency(**parts, seed=seed)
        seeded.report = self.report
        return seeded

    def start(self) -> Latencies:
        """Begin to draw, with the same numbers each time."""
        return Latencies(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the latency as plain values that JSON holds; see from_dict()."""
        entry: Any = self.entry
        values = {
            "feed": self.feed.to_dict(),
            "entry": {action: model.to_dict() for action, model in entry.items()}
            if isinstance(entry, Mapping)
            else entry.to_dict(),
            "response": self.response.to_dict(),
            "compute": self.compute.to_dict(),
            "seed": self.seed,
        }
        return values | ({} if self.report is None else {"report": self.report.to_dict()})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the latency that to_dict() has made a dict of.

        Raises ArgumentError for a model that is not one of hftlab's.
        """
        entry = values["entry"]
        made = cls(
            feed=_from_dict(values["feed"]),
            entry=_from_dict(entry) if "model" in entry else {action: _from_dict(one) for action, one in entry.items()},
            response=_from_dict(values["response"]),
            compute=_from_dict(values["compute"]),
            seed=values["seed"],
        )
        if "report" in values:
            made.report = FitReport.from_dict(values["report"])
        return made

    def _key(self) -> tuple[Any, ...]:
        return self.feed, self.entry, self.response, self.compute, self.seed

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Latency) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # recorded rows have none

    def __repr__(self) -> str:
        texts = {part: _text(getattr(self, part)) for part in _PARTS}
        shown = [f"{part}={text}" for part, text in texts.items() if text != "'0'"]
        return f"Latency({', '.join(shown + [f'seed={self.seed}'] * (self.seed != 0))})"

    def __str__(self) -> str:
        return repr(self) if self.report is None else f"{self!r}\n{self.report}"

    def _repr_html_(self) -> str | None:
        return None if self.report is None else self.report.table()


class Latencies:
    """Draws of a latency in one backtest: of each part, and for entries of each kind of request.

    `feed.draw(at)`, `entry[RequestKind.CANCEL].draw(at)`, `response.draw(at)` and `compute.draw(at)` return ns, for
    what begins at `at`. `draws()` of each takes a column of times. One message may be faster than the one before it:
    whoever passes them on keeps them in order, as in_order() does.
    """

    def __init__(self, latency: Latency) -> None:
        def start(model: DelayModel, purpose: str) -> Draws:
            return model.start(latency.seed, _PURPOSES[purpose])

        entry = latency.entry
        self.feed = start(latency.feed, "feed")
        self.response = start(latency.response, "response")
        self.compute = start(latency.compute, "compute")
        self.entry: Mapping[str, Draws]
        if isinstance(entry, Mapping):
            self.entry = {kind: start(entry[kind.lower()], kind.lower()) for kind in RequestKind}
        else:  # one model for all is one sequence of draws: a slow period is one for all actions
            self.entry = dict.fromkeys(RequestKind, start(entry, "entry"))

    def checkpoint(self) -> list[Any]:
        """Copy the state of all parts, for restore()."""
        return [draws.checkpoint() for draws in self._all()]

    def restore(self, checkpoint: list[Any]) -> None:
        """Go back, or forward, to a checkpoint of these draws; it can be used any number of times."""
        for draws, state in zip(self._all(), checkpoint, strict=True):
            draws.restore(state)

    def _all(self) -> Iterator[Draws]:
        yield from (self.feed, self.response, self.compute, *self.entry.values())


def in_order(times: IntArray, after: int | None = None) -> IntArray:
    """Return times of arrival at which nothing overtakes what was sent before it: the running maximum.

    `after` is the last arrival before these.
    """
    highest: IntArray = np.maximum.accumulate(times)
    return highest if after is None else np.maximum(highest, after)


def _model(name: str, value: Any) -> DelayModel:
    if isinstance(value, Latency | type):
        raise ArgumentTypeError(f"{name} is {value!r}: give a length of time such as '5ms', or a model of one delay")
    return value if isinstance(value, DelayModel) else Constant(delay_ns(name, value))


def _actions(entry: Mapping[str, Any]) -> dict[str, DelayModel]:
    given = {str(action).lower(): value for action, value in entry.items()}
    unknown = [action for action in given if action not in _ACTIONS]
    if unknown:
        raise ArgumentError(f"entry has no action {describe_unknown(unknown, _ACTIONS)}: there are {_LISTED}")
    missing = [action for action in _ACTIONS if action not in given]
    if missing:
        raise ArgumentError(f"entry has no latency for {missing[0]!r}: give one for each of {_LISTED}")
    return {action: _model(f"entry[{action!r}]", given[action]) for action in _ACTIONS}


_LISTED: Final = ", ".join(_ACTIONS)


def _seed(seed: object) -> int:
    if isinstance(seed, Integral) and not isinstance(seed, bool) and int(seed) >= 0:
        return int(seed)
    raise ArgumentError(f"seed is a whole number, 0 or above, such as 7; got {seed!r}")


def _from_dict(values: Mapping[str, Any]) -> DelayModel:
    arguments = {name: value for name, value in values.items() if name != "model"}
    match values["model"]:
        case "constant":
            return Constant(**arguments)
        case "lognormal":
            return Lognormal(**arguments)
        case "autocorrelated":
            return Autocorrelated(**arguments)
        case "recorded":
            return Recorded.from_text(**arguments)
        case other:
            raise ArgumentError(
                f"a latency was saved with the model {other!r}, which hftlab does not have: give that model again"
            )


def _text(part: DelayModel | Mapping[str, DelayModel]) -> str:
    if isinstance(part, Mapping):
        return "{" + ", ".join(f"{action!r}: {_text(model)}" for action, model in part.items()) + "}"
    return repr(delay_text(part.time)) if isinstance(part, Constant) else repr(part)


Latency.none = Latency()
