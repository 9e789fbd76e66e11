"""Source that --source, --seed, --speed and --feed name, as several commands take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import typer

from hftlab.cli.feed import check_feed, live_feed
from hftlab.cli.options import check_speed
from hftlab.errors import HftlabError, SessionNotFound

__all__ = ["Seed", "SourceName", "source_maker"]

SourceName: TypeAlias = Annotated[
    str,
    typer.Option(help="exchange, walk, or the folder of a session.", autocompletion=lambda: ["exchange", "walk"]),
]
Seed: TypeAlias = Annotated[int | None, typer.Option(help="Seed of the simulator.")]


def source_maker(
    source: str,
    feed: str | None,
    market: str | None,
    ws_url: str | None,
    rest_url: str | None,
    seed: int | None,
    speed: float,
) -> Callable[[], Any]:
    """Return what makes the source that options name, once all else is known to be right. Raises HftlabError."""
    check_speed(speed)
    if seed is not None and seed < 0:
        raise HftlabError(f"--seed {seed} is below 0: give 0 or more")
    check_feed(feed, market, ws_url, rest_url)
    if feed is None:
        return lambda: _named_source(source, seed, speed)
    if source != "exchange" or seed is not None or speed != 1.0:
        raise HftlabError("--feed is a source of its own, in real time: leave --source, --seed and --speed out")
    return lambda: live_feed(feed, market, ws_url, rest_url)


def _named_source(name: str, seed: int | None, speed: float) -> Any:
    """Make the source that --source names. Raises HftlabError."""
    if name == "exchange":
        from hftlab.simulator import Exchange

        exchange = Exchange(seed)
        exchange.clock.speed = speed
        return exchange
    if name == "walk":
        from hftlab.clock import Clock
        from hftlab.simulator import RandomWalk

        return RandomWalk(seed, clock=Clock(speed=speed))
    from hftlab.session import open_session

    try:
        return open_session(name).replay(speed)
    except SessionNotFound as exc:
        raise SessionNotFound(f"{exc}; or --source exchange or walk", path=exc.path) from None
