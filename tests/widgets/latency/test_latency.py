from __future__ import annotations

import struct
from math import isnan
from xml.etree import ElementTree

from hftlab.widgets import LatencyPanel, latency_svg
from hftlab.widgets.latency.frame import COMPONENT, HEADER, Component, pack_latency, read_component
from hftlab.widgets.latency.rate_meter import RateMeter, Traffic
from tests.widgets.market import Histogram, Market, Metrics

SVG = "{http://www.w3.org/2000/svg}"


def unpack(frame: bytes) -> dict:
    """Unpack a frame as latency.js does."""
    values = list(struct.unpack(f"<{len(frame) // 8}d", frame))
    head = dict(zip(HEADER, values, strict=False))
    del values[: len(HEADER)]
    head["components"] = []
    while values:
        component = dict(zip(COMPONENT, values, strict=False))
        del values[: len(COMPONENT)]
        bars = int(component["barCount"])
        edges = bars + 1 if bars else 0
        component["edges"], component["counts"] = values[:edges], values[edges : edges + bars]
        del values[: edges + bars]
        head["components"].append(component)
    assert len(head["components"]) == head["componentCount"]
    return head


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


class TestFrame:
    def test_round_trip(self):
        traffic = Traffic(1000, 50_000, 2, 10.5, 525.0)
        components = {"queue": read_component(Histogram()), "network": Component(), "unheard of": Component()}
        frame = unpack(pack_latency(traffic, components))
        assert [frame[name] for name in HEADER[1:6]] == [1000, 50_000, 2, 10.5, 525.0]
        queue, network = frame["components"]
        assert (queue["name"], queue["count"], queue["p99"], queue["p999"]) == (2, 1000, 400e3, 900e3)
        assert (queue["edges"], queue["counts"]) == ([1e4, 1e5, 1e6], [900, 100])  # without the empty ends
        assert (network["name"], network["count"], network["edges"]) == (0, 0, [])

    def test_a_panel_reads_its_client(self):
        market = Market(metrics=Metrics({"network": Histogram(), "feed": Histogram(count=0)}, 10, 500, 1))
        panel = LatencyPanel(market)
        frame = unpack(panel.frame)
        panel.close()
        assert (frame["messages"], frame["bytes"], frame["gaps"]) == (10, 500, 1)
        assert [component["count"] for component in frame["components"]] == [1000, 0]


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
        assert words[:2] == ["network latency", "<1>"]
        assert "<queue>" in words
        for text in ("50.0 µs", "200 µs", "400 µs", "900 µs", "990 µs"):
            assert words.count(text) == 2

    def test_before_the_first_measurement(self):
        assert "no latencies measured yet" in texts(latency_svg({}, ([], [])))

    def test_one_bar_has_an_axis_around_it(self):
        words = texts(latency_svg({"network": {"p50": 1000.0}}, ([1000.0, 1100.0], [5])))
        assert "1.00 µs" in words

    def test_a_panel_shows_the_first_component_measured(self):
        panel = LatencyPanel(Market(metrics=Metrics({"network": Histogram(0), "feed": Histogram()}, 10, 500, 1)))
        words = texts(panel.picture().svg)
        panel.close()
        assert words[1] == "10 in all · 1 gap"  # no rates yet
        assert words[0] == "feed latency"
