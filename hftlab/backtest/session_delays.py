"""Delays that a recorded session shows: of its market data, and of own orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from hftlab.backtest.delay_fit import FEWEST, FitKind, FitReport, PartReport, Sample, check_kind, fit_delay, report_on
from hftlab.backtest.delay_models import DelayModel
from hftlab.backtest.delay_times import LONGEST, delay_text
from hftlab.errors import SessionError
from hftlab.kernels.compiling import IntArray
from hftlab.protocol.enums import OrderStatus, UpdateType
from hftlab.session import Session

__all__ = ["fit_session"]

_EXAMPLE: Final = {"feed": "500us", "entry": "2ms", "response": "2ms"}
_ORDER_PARTS: Final = frozenset(("entry", "response"))
_WAITING: Final = (OrderStatus.PENDING_NEW.value, OrderStatus.PENDING_CANCEL.value)


def fit_session(session: Session, parts: Sequence[str], kind: FitKind) -> tuple[dict[str, DelayModel], FitReport]:
    """Fit the latencies of some parts, "feed", "entry" and "response", to a session; see Latency.fit().

    Raises SessionError for a session that lacks what a part is fitted to, ArgumentError for another kind.
    """
    check_kind(kind)
    models: dict[str, DelayModel] = {}
    reports: dict[str, PartReport] = {}
    found = {"feed": _feed(session)} if "feed" in parts else {}
    if not _ORDER_PARTS.isdisjoint(parts):
        found |= _orders(session)
    for part in parts:
        sample = _checked(session, part, found[part].sample, kind)
        models[part], reports[part] = fit_delay(sample, kind), report_on(sample, found[part].note)
    manifest = session.manifest
    name = session.folder.name
    return models, FitReport(name, kind, manifest.started, manifest.ended, manifest.messages, reports)


class _Found(NamedTuple):
    """Delays of one part as they were recorded, and how they came about."""

    sample: Sample
    note: str


def _feed(session: Session) -> _Found:
    newest = pl.col("ts_event").max()
    messages = (
        session.market_data.filter(~pl.col("snapshot"))
        .group_by("message", maintain_order=True)
        .agg(pl.col("ts_recv").first(), (pl.col("ts_recv").first() - newest).alias("latency"))
        .select("ts_recv", "latency")
        .collect()
    )
    at, latency = messages["ts_recv"].to_numpy(), messages["latency"].to_numpy()
    if len(latency) and not latency.any():
        raise SessionError(
            f"{session.folder.name} shows no feed latency: all of it was received at the very times of its events, as "
            "where a simulated or imported day has no times of reception; give feed=, such as feed='500us'",
            path=session.folder,
        )
    return _Found(_shifted(at, latency), "ts_recv - ts_event")


def _orders(session: Session) -> dict[str, _Found]:
    """Return the delays of own orders, by part."""
    updates = (
        session.order_updates.filter(~pl.col("snapshot"))
        .select("message", "account", "order_id", "ts_recv", "ts_out", "status", "update_type")
        .sort("message")
        .collect()
    )
    response = _shifted(updates["ts_recv"].to_numpy(), (updates["ts_recv"] - updates["ts_out"]).to_numpy())
    way_back = updates.with_columns(back=pl.Series(response.latency, dtype=pl.Int64))
    order = ["account", "order_id"]
    entered = (
        way_back.with_columns(
            sent=pl.col("ts_out").first().over(order),
            kind=pl.col("update_type").first().over(order),
        )
        # The venue's answer to the order's entry: the first update that is not of the broker alone.
        .filter(pl.col("kind") == UpdateType.NEW.value, ~pl.col("status").is_in(_WAITING))
        .unique(order, keep="first", maintain_order=True)
        .sort("sent", maintain_order=True)
    )
    latency = entered["ts_out"] - entered["sent"] + entered["back"]
    sent = entered["sent"].to_numpy()
    entry = Sample(sent, latency.to_numpy(), sent, response.clock_shift)
    return {
        "entry": _Found(entry, "venue's answer - PENDING_NEW, and the way there as long as the way back"),
        "response": _Found(response, "ts_recv - ts_out of order updates"),
    }


def _shifted(at: IntArray, latency: IntArray) -> Sample:
    """Return the delays of what came at `at`, without the skew of clocks that makes some of them negative."""
    shift = max(-int(latency.min()), 0) if len(latency) else 0
    return Sample(at.astype(np.int64), latency.astype(np.int64) + shift, (at - latency).astype(np.int64), shift)


def _checked(session: Session, part: str, sample: Sample, kind: FitKind) -> Sample:
    name, advice = session.folder.name, f"give {part}=, such as {part}={_EXAMPLE[part]!r}"
    count, fewest = len(sample.latency), 1 if kind in ("constant", "recorded") else FEWEST
    what = "messages of market data" if part == "feed" else "own orders that a venue has answered"
    if count < fewest:
        article = "an" if kind == "autocorrelated" else "a"
        least = "" if fewest == 1 else f", and {article} {kind} latency is fitted to {fewest} at least"
        raise SessionError(f"{name} has {count or 'no'} {what}{least}: {advice}", path=session.folder)
    longest = int(sample.latency.max())
    if longest > LONGEST:
        raise SessionError(
            f"{name} shows a {part} latency of {delay_text(longest)}: its times of reception are of another clock than "
            f"its events, as where a simulation's clock does not keep real time; {advice}",
            path=session.folder,
        )
    return sample
