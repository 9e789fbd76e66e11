from __future__ import annotations

import itertools
import struct
from math import isnan, nan
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.client.histogram import LatencyHistogram
from hftlab.widgets import LatencyPanel, latency_svg
from hftlab.widgets.latency.bars import Bars, read_bars
from hftlab.widgets.latency.frame import COMPONENT, HEADER, LINE_UNIT, Component, pack_latency
from hftlab.widgets.latency.picture import COMPONENTS
from hftlab.widgets.latency.rate_meter import RateMeter, Traffic
from hftlab.widgets.latency.timeline import SECONDS, Timeline
from hftlab.widgets.latency.view import LatencyView
from tests.widgets.market import NOON, Histogram, Market, Metrics

SVG = "{http://www.w3.org/2000/svg}"


def unpack(frame: bytes) -> dict:
    """Unpack a frame as latency.js does."""
    values = struct.unpack_from(f"<{len(HEADER)}d", frame)
    head = dict(zip(HEADER, values, strict=True))
    at = 8 * len(HEADER)
    head["components"] = []
    for _ in range(int(head["componentCount"])):
        head["components"].append(
            dict(zip(COMPONENT, struct.unpack_from(f"<{len(COMPONENT)}d", frame, at), strict=True))
        )
        at += 8 * len(COMPONENT)
    for component in head["components"]:
        bars, seconds = int(component["barCount"]), int(component["lineCount"])
        component["counts"] = list(struct.unpack_from(f"<{bars}I", frame, at))
        codes = struct.unpack_from(f"<{2 * seconds}H", frame, at + 4 * bars)
        component["line"] = [10 ** (code / LINE_UNIT) if code else nan for code in codes]
        at += 4 * bars + 4 * seconds
    assert at == len(frame)
    return head


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def bars_of(*values: float) -> Bars:
    """Bars of a real histogram with these values in ns."""
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(round(value))
    return read_bars(histogram)


class TestFrame:
    def test_round_trip(self):
        traffic = Traffic(1000, 50_000, 2, 10.5, 525.0)
        bars = read_bars(Histogram())
        queue = Component(1000, Histogram().summary(), bars, [(5e4, 4e5), (nan, nan)])
        components = {"queue": queue, "network": Component(), "unheard of": Component()}
        frame = unpack(pack_latency(traffic, components, since=NOON))
        assert [frame[name] for name in HEADER[1:7]] == [1000, 50_000, 2, 10.5, 525.0, NOON / 1e6]
        queue, network = frame["components"]
        assert (queue["name"], queue["count"], queue["p99"], queue["p999"]) == (2, 1000, 400e3, 900e3)
        assert (queue["low"], queue["ratio"], queue["counts"]) == (1e4, 10, [900, 100])  # without the empty ends
        assert queue["line"][:2] == [pytest.approx(5e4, rel=3e-4), pytest.approx(4e5, rel=3e-4)]
        assert all(isnan(value) for value in queue["line"][2:])
        assert (network["name"], network["count"], network["counts"]) == (0, 0, [])

    def test_a_panel_reads_its_client(self, still_loop):
        market = Market(metrics=Metrics({"network": Histogram(), "feed": Histogram(count=0)}, 10, 500, 1))
        panel = LatencyPanel(market, refresh_loop=still_loop)
        frame = unpack(panel.frame)
        panel.close()
        assert (frame["messages"], frame["bytes"], frame["gaps"], frame["since"]) == (10, 500, 1, 0)
        assert [component["count"] for component in frame["components"]] == [1000, 0]

    def test_three_minutes_of_four_components_are_small(self):
        values = [1000 * 1.1**step for step in range(100)]
        full = Component(100, {}, bars_of(*values), [(1e4, 1e5)] * SECONDS)
        assert len(pack_latency(Traffic(), dict.fromkeys(COMPONENTS, full))) < 5_000


class TestBars:
    @given(st.lists(st.integers(1, 10**9), max_size=50), st.lists(st.integers(1, 10**9), min_size=1, max_size=50))
    def test_a_difference_is_what_was_added(self, before, added):
        difference, alone = bars_of(*before, *added).since(bars_of(*before)), bars_of(*added)
        assert difference.counts == alone.counts
        assert difference.edges == pytest.approx(alone.edges)

    @given(st.lists(st.integers(100, 10**9), min_size=1, max_size=200))
    def test_percentiles_are_within_a_bar_of_the_histograms_own(self, values):
        histogram = LatencyHistogram()
        for value in values:
            histogram.record(value)
        exact, found = histogram.summary(), read_bars(histogram).summary()
        assert set(found) == {"p50", "p95", "p99", "p99.9", "max"}
        for name, value in found.items():
            assert value == pytest.approx(exact[name], rel=0.13)  # twenty bars a decade: 12 %

    def test_a_histogram_that_was_started_anew_counts_from_there(self):
        assert bars_of(2e3).since(bars_of(2e3, 5e6)) == bars_of(2e3)
        assert bars_of(2e3).since(bars_of(2e3)) == Bars()

    def test_nothing_has_no_percentiles(self):
        assert isnan(Bars().quantile(0.5))
        assert Bars().summary() == {}


class TestTimeline:
    def test_each_second_has_what_came_in_it(self):
        timeline = Timeline()
        states = [bars_of(1e3), bars_of(1e3, 5e4), bars_of(1e3, 5e4), bars_of(1e3, 5e4, 2e6)]
        for second, bars in enumerate(states):
            assert timeline.due(second + 0.5)
            timeline.read(second + 0.5, {"network": bars})
            assert not timeline.due(second + 0.9)
        (first, nothing, third) = timeline.lines["network"]
        assert first[0] == pytest.approx(5e4, rel=0.13)
        assert all(isnan(value) for value in nothing)
        assert third[1] == pytest.approx(2e6, rel=0.13)

    def test_a_pause_is_a_flat_stretch_and_the_line_has_an_end(self):
        timeline = Timeline()
        timeline.read(0.0, {"network": Bars()})
        timeline.read(30.0, {"network": bars_of(5e4)})
        assert len(timeline.lines["network"]) == 30
        assert len(set(timeline.lines["network"])) == 1
        timeline.read(1000.0, {"network": bars_of(5e4, 6e4)})
        assert len(timeline.lines["network"]) == SECONDS


class TestReset:
    @pytest.fixture
    def view(self):
        metrics = Metrics({"network": LatencyHistogram()}, 10, 500, 2)
        metrics.latency["network"].record(1_000_000)
        return LatencyView(Market(metrics=metrics), timer=itertools.count(0.0, 0.5).__next__)

    def test_it_counts_from_there(self, view):
        view.receive({"reset": True}, [])
        assert unpack(view.snapshot())["components"][0]["count"] == 0
        metrics = view.client.metrics
        metrics.latency["network"].record(50_000)
        metrics.messages_received += 1
        frame = unpack(view.snapshot())
        network = frame["components"][0]
        assert (network["count"], sum(network["counts"]), frame["messages"], frame["gaps"]) == (1, 1, 1, 0)
        assert network["max"] == pytest.approx(50_000, rel=0.13)
        assert frame["since"] > 0
        assert metrics.latency["network"].count == 2  # the client's own goes on

    def test_a_client_that_starts_anew_counts_from_its_start(self, view):
        view.reset()
        view.client.metrics.messages_received = 3
        assert unpack(view.snapshot())["messages"] == 3

    def test_another_message_resets_nothing(self, view):
        view.receive({"hello": 1}, [])
        assert unpack(view.snapshot())["since"] == 0

    def test_of_the_widget(self, still_loop):
        panel = LatencyPanel(Market(), refresh_loop=still_loop)
        panel.reset()
        assert unpack(panel.snapshot())["since"] > 0
        panel.close()

    def test_a_page_changes_no_words(self, view):
        with pytest.raises(ValueError, match="words is not changed by the page"):
            view.set({"words": ["AAPL"]})

    def test_every_component_has_a_word(self, view):
        assert len(view.settings["words"]) == len(view.settings["components"]) == len(COMPONENTS)


class TestRateMeter:
    def test_rates_are_those_of_the_last_seconds(self):
        meter, metrics = RateMeter(window=2.0), Metrics()
        for second in range(10):
            metrics.messages_received += 100 if second < 5 else 10
            metrics.bytes_received += 1000
            traffic = meter.read(float(second), metrics)
        assert (traffic.message_rate, traffic.byte_rate) == (10.0, 1000.0)

    def test_a_stopped_stream_comes_to_rest(self):
        meter, metrics = RateMeter(window=2.0), Metrics()
        meter.read(0.0, metrics)
        metrics.messages_received = 100
        reads = [meter.read(float(second), metrics) for second in range(1, 6)]
        assert reads[0].message_rate == 100
        assert reads[-1] == reads[-2] == Traffic(100, 0, 0, 0.0, 0.0)

    def test_counters_that_start_anew_give_no_negative_rate(self):
        meter = RateMeter()
        meter.read(0.0, Metrics(messages_received=1000))
        assert isnan(meter.read(1.0, Metrics(messages_received=5)).message_rate)


class TestPicture:
    def test_numbers(self):
        histogram = Histogram()
        svg = latency_svg(
            {"network": histogram.summary(), "<queue>": histogram.summary()}, histogram.bars(), note="<1>"
        )
        words = texts(svg)
        assert words[:2] == ["network latency, µs", "<1>"]
        assert "<queue>" in words
        for text in ("50.0", "200", "400", "900", "990"):
            assert words.count(text) >= 2

    def test_before_the_first_measurement(self):
        assert "no latencies measured yet" in texts(latency_svg({}, ([], [])))

    def test_one_bar_has_an_axis_around_it(self):
        words = texts(latency_svg({"network": {"p50": 1000.0}}, ([1000.0, 1100.0], [5])))
        assert "1" in words

    def test_a_panel_shows_the_first_component_measured(self):
        panel = LatencyPanel(Market(metrics=Metrics({"network": Histogram(0), "feed": Histogram()}, 10, 500, 1)))
        words = texts(panel.picture().svg)
        panel.close()
        assert words[1] == "10 in all · 1 gap"  # no rates yet
        assert words[0] == "feed latency, µs"

    def test_the_course_is_drawn_with_its_breaks(self):
        line = [(5e4, 2e5), (6e4, 3e5), (nan, nan), (5e4, 2e5)]
        svg = latency_svg({}, Histogram().bars(), line=line)
        assert {"4 s ago", "now", "p50", "p99"} <= set(texts(svg))
        assert svg.count("<polyline") == 4
        assert "now" not in texts(latency_svg({}, Histogram().bars(), line=[(5e4, 2e5), (nan, nan)]))
