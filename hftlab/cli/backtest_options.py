"""Options of `hftlab backtest`: latencies, fees and parameters as text."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from hftlab.errors import ArgumentError, HftlabError
from hftlab.nearest import describe_unknown

if TYPE_CHECKING:
    from hftlab.backtest import FillModel, Latency
    from hftlab.trading import Commission

__all__ = ["commission_of", "fill_of", "latency_of", "parameters_of"]

_PARTS: Final = ("feed", "entry", "response", "compute")


def fill_of(text: str | None, *, impact: bool) -> FillModel | str | None:
    """Return the fill model of --fill and --impact; None is the session's default."""
    from hftlab.backtest import FillModel

    if not impact:
        return text
    model = FillModel.parse(text or "fifo")
    return FillModel(model.name, model.n, impact=True)


def latency_of(text: str | None) -> Latency | None:
    """Read --latency: "5ms" for feed, entry and response, or "feed=1ms,entry=2ms". Raises HftlabError."""
    from hftlab.backtest import Latency

    if text is None:
        return None
    given = dict.fromkeys(_PARTS[:3], text.strip()) if "=" not in text else _named("--latency", text, _PARTS)
    try:
        return Latency(**given)  # type: ignore[arg-type]
    except ArgumentError as exc:
        raise HftlabError(f"--latency: {exc}") from None


def commission_of(text: str | None) -> Commission | None:
    """Read --fees: "none", or rates such as "maker_bps=-0.5,taker_bps=1". Raises HftlabError."""
    from hftlab.trading import Commission

    if text is None:
        return None
    if text.strip().lower() == "none":
        return Commission()
    given = _named("--fees", text, [one.name for one in fields(Commission)])
    try:
        rates: dict[str, Any] = {name: one if name == "currency" else float(one) for name, one in given.items()}
        return Commission(**rates)
    except ValueError as exc:
        raise HftlabError(f"--fees {text!r}: {exc}") from None


def parameters_of(given: Iterable[str]) -> dict[str, Any]:
    """Read --param name=value: a value is JSON, such as 5, 0.1, true or [1, 2], or else text. Raises HftlabError."""
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip().isidentifier():
            raise HftlabError(f"--param {one!r} is not a parameter: give its name and value, such as --param size=100")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def _named(option: str, text: str, names: Collection[str]) -> dict[str, str]:
    """Read "name=value,name=value". Raises HftlabError for other text, and for names that do not exist."""
    found = {}
    for part in text.split(","):
        name, equals, value = (one.strip() for one in part.partition("="))
        if not equals or not value:
            raise HftlabError(f"{option} {text!r}: {part.strip()!r} is not of the form name=value")
        if name not in names:
            raise HftlabError(
                f"{option}: there is no {describe_unknown([name], names)}: give some of {', '.join(names)}"
            )
        found[name] = value
    return found
