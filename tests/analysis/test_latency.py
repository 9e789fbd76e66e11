from __future__ import annotations

import math

import pytest

from hftlab import analysis
from hftlab.clock import from_milliseconds
from hftlab.session import Session
from tests.session.sessions import Received

COMPONENTS = ("feed", "network", "total")


def expected(received: list[Received]) -> list[dict[str, int]]:
    rows = []
    for number, (at, message) in enumerate(received):
        if message.snapshot:
            continue
        sent = from_milliseconds(message.timestamp)
        event = max(from_milliseconds(one.timestamp) for one in message.symbols)
        rows.append({"message": number, "ts_recv": at, "feed": sent - event, "network": at - sent, "total": at - event})
    return rows


def quantile(values: list[int], q: float) -> float:
    """Return the value at the position of a quantile among n - 1 steps, rounded up."""
    return sorted(values)[math.ceil(q * (len(values) - 1))]


def test_latency_against_a_loop_over_the_messages(session: Session, received: list[Received]) -> None:
    """There is one row a message, without snapshots. Negative latencies stay negative."""
    rows = analysis.latency(session.market_data).collect().to_dicts()
    assert rows == expected(received)
    assert min(row["feed"] for row in rows) < 0
    assert len(rows) < len(received)


def test_the_summary_against_sorted_lists(session: Session, received: list[Received]) -> None:
    summary = analysis.latency_summary(analysis.latency(session.market_data))
    assert summary["component"].to_list() == list(COMPONENTS)
    for row in summary.to_dicts():
        values = [one[row["component"]] for one in expected(received)]
        assert row["count"] == len(values)
        wanted = {"min": min(values), "mean": sum(values) / len(values), "max": max(values)}
        wanted |= {f"p{q:g}": quantile(values, q / 100) for q in (50, 95, 99, 99.9)}
        for name, value in wanted.items():
            assert row[name] == pytest.approx(value / 1000, rel=1e-9), name


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_histogram_counts_every_message(session: Session, received: list[Received], component: str) -> None:
    """Negative values must not be lost on a logarithmic axis."""
    figure = analysis.latency_figure(analysis.latency(session.market_data), component)
    (bars,) = figure.data
    assert sum(bars.y) == len(expected(received))
    assert figure.layout.xaxis.type == "log"
    assert min(bars.x) > 0


def test_the_bars_of_the_histogram_stand_where_the_values_are(session: Session, received: list[Received]) -> None:
    """The cumulative counts match the values below each bar."""
    (bars,) = analysis.latency_figure(analysis.latency(session.market_data), "network").data
    values = sorted(max(1, row["network"]) / 1000 for row in expected(received))
    edges = [x * 10 ** (math.log10(bars.x[1] / bars.x[0]) / 2) for x in bars.x]
    total = 0
    for count, edge in zip(bars.y, edges, strict=True):
        total += count
        assert total == pytest.approx(sum(value <= edge for value in values), abs=1)


def test_a_session_without_messages_has_an_empty_summary(session: Session) -> None:
    latency = analysis.latency(session.market_data.clear())
    assert latency.collect().is_empty()
    assert analysis.latency_summary(latency).is_empty()
    assert sum(analysis.latency_figure(latency).data[0].y) == 0


def test_a_percentile_is_where_its_share_of_the_latencies_is_below():
    figure = analysis.percentile_figure({"one": [3_000_000, 1_000_000, 2_000_000, 4_000_000]})
    (line,) = figure.data
    assert list(line.y) == [1, 2, 3, 4]
    assert [1 - 1 / x for x in line.x] == [0, 0.25, 0.5, 0.75]
    assert figure.layout.xaxis.ticktext == ("0 %", "90 %")
    many = analysis.percentile_figure({"many": [1.0] * 2000}).layout.xaxis
    assert many.ticktext == ("0 %", "90 %", "99 %", "99.9 %", "99.99 %")
    assert many.tickvals == (1, 10, 100, 1000, 10_000)
