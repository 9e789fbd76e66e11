"""The repository's shape: tests mirror the sources, every module has its layer, dependencies are what is imported."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import conftest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hftlab"
TESTS = ROOT / "tests"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())

OF_KERNELS: Final = "a kernel or its state: compiled, so seen only through the Python class in front of it"
OF_COMPILED: Final = "a part of compiled strategies, which are compared with strategy classes as a whole"
OF_DATA: Final = "data alone, checked where it is used"
OF_A_RUN: Final = "a part of a backtest, which is one call"
OF_A_FEED: Final = "a part of a live feed, whose connections are seen only through it"
OF_WIDGETS: Final = "a widget's parts have one test, which compares what Python packs with what the page draws"

OF_A_READER: Final = "what a reader yields, which is tested as a whole"

OF_A_STREAM: Final = "a part of a stream, which is tested as a whole over real sockets"
OF_A_CLUSTER: Final = "a part of a cluster, which is tested as a whole against a real nats-server"

TESTED_ELSEWHERE: Final[dict[str, tuple[str, str]]] = {
    "backtest/collapse_kernel.py": ("backtest/test_collapsed_rows.py", OF_KERNELS),
    "backtest/survey_kernel.py": ("backtest/test_message_survey.py", OF_KERNELS),
    "backtest/message_columns.py": ("backtest/test_message_table.py", OF_DATA),
    "backtest/compiled_run.py": ("backtest/test_compiled.py", OF_COMPILED),
    "backtest/compiled_session.py": ("backtest/test_compiled.py", OF_COMPILED),
    "backtest/compiled_tables.py": ("backtest/test_compiled.py", OF_COMPILED),
    "backtest/message_kernel.py": ("backtest/test_message_rows.py", OF_KERNELS),
    "backtest/paper_market.py": ("server/test_paper_trading.py", OF_A_RUN),
    "backtest/rematch_fills.py": ("backtest/test_rematch_kernel.py", OF_KERNELS),
    "backtest/rematch_orders.py": ("backtest/test_rematch_kernel.py", OF_KERNELS),
    "backtest/rematch_requests.py": ("backtest/test_rematch_core.py", OF_KERNELS),
    "backtest/rematch_state.py": ("backtest/test_rematch_kernel.py", OF_KERNELS),
    "backtest/arguments.py": ("backtest/test_backtesting.py", OF_A_RUN),
    "backtest/core.py": ("backtest/test_fill_core.py", OF_DATA),
    "backtest/engine.py": ("backtest/test_backtesting.py", OF_A_RUN),
    "backtest/fill_kernel.py": ("backtest/test_fill_core.py", OF_KERNELS),
    "backtest/fill_orders.py": ("backtest/test_fill_core.py", OF_KERNELS),
    "backtest/fill_rows.py": ("backtest/test_fill_core.py", OF_KERNELS),
    "backtest/fill_updates.py": ("backtest/test_fill_venue.py", OF_A_RUN),
    "backtest/fill_state.py": ("backtest/test_fill_core.py", OF_KERNELS),
    "backtest/order_kernel.py": ("backtest/test_fill_core.py", OF_KERNELS),
    "backtest/own_queue.py": ("backtest/test_fill_core.py", OF_KERNELS),
    "backtest/recorded_run.py": ("backtest/test_backtesting.py", OF_A_RUN),
    "backtest/report_texts.py": ("backtest/test_fill_venue.py", OF_A_RUN),
    "backtest/reports.py": ("backtest/test_fill_core.py", OF_DATA),
    "backtest/step_delays.py": ("backtest/test_compiled.py", OF_KERNELS),
    "backtest/step_kernel.py": ("backtest/test_compiled.py", OF_KERNELS),
    "backtest/step_market.py": ("backtest/test_compiled.py", OF_KERNELS),
    "backtest/step_orders.py": ("backtest/test_compiled.py", OF_KERNELS),
    "backtest/step_requests.py": ("backtest/test_compiled.py", OF_KERNELS),
    "backtest/step_view.py": ("backtest/test_compiled.py", OF_KERNELS),
    "book/apply_kernel.py": ("book/test_book_set.py", OF_KERNELS),
    "book/book_state.py": ("book/test_book_set.py", OF_KERNELS),
    "book/changes.py": ("book/test_book_set.py", OF_KERNELS),
    "book/level_columns.py": ("book/test_order_book.py", OF_KERNELS),
    "book/levels.py": ("book/test_order_book.py", OF_KERNELS),
    "book/matching/book.py": ("book/matching/test_engine.py", OF_KERNELS),
    "book/matching/capacity.py": ("book/matching/test_engine.py", OF_KERNELS),
    "book/matching/checks.py": ("book/matching/test_kernel.py", OF_KERNELS),
    "book/matching/continuous.py": ("book/matching/test_kernel.py", OF_KERNELS),
    "book/matching/engine_state.py": ("book/matching/test_engine.py", OF_KERNELS),
    "book/matching/entries.py": ("book/matching/test_engine.py", OF_DATA),
    "book/matching/levels.py": ("book/matching/test_kernel.py", OF_KERNELS),
    "book/matching/output.py": ("book/matching/test_kernel.py", OF_KERNELS),
    "book/queues.py": ("book/test_order_book.py", OF_KERNELS),
    "cli/options.py": ("cli/test_main.py", "what several commands share"),
    "client/order.py": ("client/test_trading.py", "awaits what the client's trading does"),
    "feeds/arrivals.py": ("feeds/binance/test_feed.py", OF_DATA),
    "feeds/feed_arguments.py": ("feeds/binance/test_feed.py", OF_A_FEED),
    "feeds/feed_stats.py": ("feeds/binance/test_feed.py", OF_DATA),
    "feeds/feed_timing.py": ("feeds/binance/test_feed.py", OF_DATA),
    "feeds/live_market.py": ("feeds/binance/test_live_market.py", "what a venue's own market adds is tested with it"),
    "feeds/receiver.py": ("feeds/binance/test_feed.py", OF_A_FEED),
    "feeds/stream_link.py": ("feeds/binance/test_feed.py", OF_A_FEED),
    "feeds/binance/markets.py": ("feeds/binance/test_streams.py", OF_DATA),
    "feeds/binance/receiver.py": ("feeds/binance/test_feed.py", OF_A_FEED),
    "feeds/binance/stream_link.py": ("feeds/binance/test_feed.py", OF_A_FEED),
    "feeds/kraken/pair_request.py": ("feeds/kraken/test_feed.py", OF_A_FEED),
    "feeds/kraken/receiver.py": ("feeds/kraken/test_feed.py", OF_A_FEED),
    "feeds/kraken/requests.py": ("feeds/kraken/test_feed.py", OF_A_FEED),
    "feeds/kraken/stream_link.py": ("feeds/kraken/test_feed.py", OF_A_FEED),
    "venues/symbol_parts.py": ("venues/binance/test_book_sync.py", OF_DATA),
    "venues/binance/live_decoder.py": ("feeds/binance/test_faulty_runs.py", OF_A_FEED),
    "venues/binance/symbol_events.py": ("venues/binance/test_reader.py", "the events of the capture reader"),
    "errors.py": (
        "server/test_listener.py",
        "data and its text, raised by every package; this one has most of the fields",
    ),
    "gateway/announcement.py": ("gateway/test_market_feed.py", OF_DATA),
    "gateway/gateway_source.py": ("gateway/test_gateway.py", OF_A_CLUSTER),
    "gateway/lasting_client.py": ("gateway/test_nats_terms.py", "what it is connected by"),
    "gateway/market_outbox.py": ("gateway/test_gateway.py", OF_A_CLUSTER),
    "cli/nats.py": ("cli/test_cluster.py", "what several commands share"),
    "cli/source.py": ("cli/test_serve.py", "what several commands share"),
    "trading/remote_broker.py": ("gateway/test_gateway.py", "what its implementation is called by"),
    "server/replay_controller.py": ("server/test_stream.py", OF_A_STREAM),
    "server/stream_output.py": ("server/test_stream.py", OF_A_STREAM),
    "server/follower.py": ("server/native/test_native_feed.py", "what its implementation is called by"),
    "html_table.py": ("lab/test_server.py", "how the handles of a notebook are shown"),
    "instruments/units.py": ("instruments/test_instrument.py", OF_DATA),
    "backtest/heard_log.py": ("lab/test_running.py", "what a run over the wire knows"),
    "lab/live_market.py": ("lab/test_running.py", "a market of what is run"),
    "kernels/methods.py": ("backtest/test_compiled.py", "seen through the methods of what a compiled strategy gets"),
    "lab/status_table.py": ("lab/test_magics.py", "what %hft shows"),
    "loop.py": ("cli/test_serve.py", "signals need a process of their own"),
    "market/book_rows.py": ("market/test_processor.py", OF_KERNELS),
    "market/filter_kernel.py": ("market/test_filters.py", OF_KERNELS),
    "market/symbol_summary.py": ("market/test_processor.py", "a part of the messages that the processor makes"),
    "port.py": ("cli/test_main.py", "named in the error of a port in use"),
    "protocol/publishing/server_events.py": ("protocol/publishing/test_server_protocol.py", OF_DATA),
    "protocol/subscribing/client_events.py": ("protocol/subscribing/test_client_protocol.py", OF_DATA),
    "recorder/closing.py": ("recorder/test_uploader.py", "what it hurries is an upload"),
    "recorder/conversion_process.py": ("recorder/test_converter.py", "runs in a process of its own"),
    "recorder/recording_items.py": ("recorder/test_recording.py", OF_DATA),
    "session/json_kernel.py": ("session/test_market_data_columns.py", OF_KERNELS),
    "session/market_data_kernel.py": ("session/test_market_data_columns.py", OF_KERNELS),
    "session/recorded.py": ("session/test_reader.py", OF_A_READER),
    "session/session_tables.py": ("session/test_hftbacktest_array.py", "what of a session its exports take"),
    "simulator/flow_kernel.py": ("simulator/test_order_flow.py", OF_KERNELS),
    "simulator/flow_state.py": ("simulator/test_order_flow.py", OF_KERNELS),
    "simulator/traders.py": ("simulator/test_order_flow.py", OF_KERNELS),
    "testing/fake_socket.py": ("testing/test_fake_client.py", "the fake client's connection"),
    "trading/recorded_venue.py": ("trading/test_paper_source.py", "a protocol; its trading is tested there"),
    "trading/venue.py": ("simulator/test_exchange_orders.py", "a protocol and its data; the exchange implements it"),
    "venues/binance/messages.py": ("venues/binance/test_reader.py", OF_DATA),
    "venues/dbn/record_file.py": ("venues/dbn/test_dbn_file.py", "which of the two readers takes a file"),
    "venues/dbn/records.py": ("venues/dbn/test_dbn_file.py", OF_DATA),
    "venues/dbn/symbology.py": ("venues/dbn/test_survey.py", "what a survey fills"),
    "venues/itch/decode_kernel.py": ("venues/itch/test_decoder.py", OF_KERNELS),
    "venues/itch/decoder_state.py": ("venues/itch/test_decoder.py", OF_KERNELS),
    "venues/itch/encode_kernel.py": ("venues/itch/test_encoder.py", OF_KERNELS),
    "venues/itch/message_layouts.py": ("venues/itch/test_message_tables.py", OF_DATA),
    "venues/itch/message_writers.py": ("venues/itch/test_encoder.py", OF_KERNELS),
    "venues/kraken/messages.py": ("venues/kraken/test_reader.py", OF_DATA),
    "venues/kraken/frame_lines.py": ("venues/kraken/test_frame_reader.py", "the lines of a capture"),
    "venues/kraken/frame_survey.py": ("venues/kraken/test_frame_reader.py", "what the reader asks first"),
    "venues/kraken/api/subscription.py": ("venues/kraken/api/test_subscriber.py", OF_DATA),
    "venues/kraken/api/instrument_list.py": (
        "venues/kraken/api/test_requests_in.py",
        "what a client is told",
    ),
    "venues/market_state/broadcast.py": ("venues/binance/api/test_stream_set.py", OF_DATA),
    "server/native/kraken_connections.py": ("server/native/test_kraken_wire.py", "the sockets of the wire"),
    "server/native/make_wire.py": ("server/native/test_kraken_wire.py", "chooses one of the two wires"),
    "server/native/native_connections.py": ("server/native/test_binance_connections.py", "what both venues' share"),
    "server/native/native_wire.py": ("server/native/test_binance_wire.py", "what both venues' share"),
    "venues/lobster/books.py": ("venues/lobster/test_reader.py", OF_KERNELS),
    "venues/lobster/decode_kernel.py": ("venues/lobster/test_reader.py", OF_KERNELS),
    "venues/lobster/decoder.py": ("venues/lobster/test_reader.py", OF_KERNELS),
    "venues/arbitration/arbiter_kernel.py": ("venues/arbitration/test_arbiter.py", OF_KERNELS),
    "venues/arbitration/arbiter_state.py": ("venues/arbitration/test_arbiter.py", OF_KERNELS),
    "venues/moldudp64/packet_kernel.py": ("venues/moldudp64/test_receiver.py", OF_KERNELS),
    "venues/nyse/decode_kernel.py": ("venues/nyse/test_decoder.py", OF_KERNELS),
    "venues/nyse/decoder_state.py": ("venues/nyse/test_decoder.py", OF_KERNELS),
    "venues/nyse/encode_kernel.py": ("venues/nyse/test_encoder.py", OF_KERNELS),
    "venues/nyse/layouts.py": ("venues/nyse/test_message_tables.py", OF_DATA),
    "venues/nyse/listing.py": ("venues/nyse/test_decoder.py", OF_DATA),
    "venues/nyse/message_rows.py": ("venues/nyse/test_decoder.py", OF_KERNELS),
    "venues/nyse/message_types.py": ("venues/nyse/test_decoder.py", OF_DATA),
    "venues/nyse/order_keys.py": ("venues/nyse/test_decoder.py", OF_KERNELS),
    "venues/nyse/packet_cursor.py": ("venues/nyse/test_decoder.py", OF_KERNELS),
    "venues/nyse/packet_writers.py": ("venues/nyse/test_encoder.py", OF_KERNELS),
    "venues/nyse/symbol_table.py": ("venues/nyse/test_decoder.py", "what the decoder is asked about symbols"),
    "venues/event_rows.py": ("venues/mitch/test_decoder.py", OF_KERNELS),
    "venues/iex/decode_kernel.py": ("venues/iex/test_decoder.py", OF_KERNELS),
    "venues/iex/decoder_state.py": ("venues/iex/test_decoder.py", OF_KERNELS),
    "venues/iex/layouts.py": ("venues/iex/test_message_tables.py", OF_DATA),
    "venues/iex/segment_headers.py": ("venues/iex/test_decoder.py", OF_KERNELS),
    "venues/iex/symbols.py": ("venues/iex/test_decoder.py", "what the decoder names"),
    "venues/live_orders.py": ("venues/mitch/test_decoder.py", OF_KERNELS),
    "venues/mitch/decode_kernel.py": ("venues/mitch/test_decoder.py", OF_KERNELS),
    "venues/mitch/decoder_state.py": ("venues/mitch/test_decoder.py", OF_KERNELS),
    "venues/mitch/encode_kernel.py": ("venues/mitch/test_encoder.py", OF_KERNELS),
    "venues/mitch/message_rows.py": ("venues/mitch/test_decoder.py", OF_KERNELS),
    "venues/mitch/layouts.py": ("venues/mitch/test_message_tables.py", OF_DATA),
    "venues/mitch/unit_file.py": ("venues/mitch/test_reader.py", "files as the reader reads them"),
    "venues/mitch/unit_headers.py": ("venues/mitch/test_decoder.py", OF_KERNELS),
    "venues/mitch/unit_writers.py": ("venues/mitch/test_encoder.py", OF_KERNELS),
    "venues/packet_tables.py": ("venues/iex/test_message_tables.py", "what IEX, MITCH and NYSE have in common"),
    "venues/pcap/flow_table.py": ("venues/pcap/test_reader.py", OF_KERNELS),
    "venues/pcap/frame_kernel.py": ("venues/pcap/test_writer.py", OF_KERNELS),
    "venues/pcap/ip_kernel.py": ("venues/pcap/test_reader.py", OF_KERNELS),
    "venues/pcap/packet_kernel.py": ("venues/pcap/test_reader.py", OF_KERNELS),
    "venues/pcap/packet_parser.py": ("venues/pcap/test_reader.py", "what the reader feeds"),
    "venues/pcap/packet_state.py": ("venues/pcap/test_reader.py", OF_KERNELS),
    "venues/soupbintcp/packet_kernel.py": ("venues/itch/test_run_sources.py", OF_KERNELS),
    "sweeps/framing.py": ("sweeps/test_worker_pool.py", "how its processes are talked to"),
    "sweeps/measures.py": ("sweeps/test_run.py", OF_DATA),
    "sweeps/memory_rows.py": ("sweeps/test_sweeping.py", "the rows of a sweep without a folder"),
    "sweeps/worker.py": ("sweeps/test_worker_pool.py", "runs in a process of its own"),
    "version.py": ("cli/test_main.py", OF_DATA),
    "widgets/dashboard/picture.py": ("lab/test_dashboard.py", OF_WIDGETS),
    "widgets/dashboard/widget.py": ("lab/test_dashboard.py", OF_WIDGETS),
    "widgets/blotter/frame.py": ("widgets/blotter/test_blotter.py", OF_WIDGETS),
    "widgets/blotter/picture.py": ("widgets/blotter/test_blotter.py", OF_WIDGETS),
    "widgets/blotter/view.py": ("widgets/blotter/test_blotter.py", OF_WIDGETS),
    "widgets/blotter/widget.py": ("widgets/blotter/test_blotter.py", OF_WIDGETS),
    "widgets/core/account.py": ("widgets/blotter/test_blotter.py", "interfaces of what views read"),
    "widgets/connection/frame.py": ("widgets/connection/test_connection.py", OF_WIDGETS),
    "widgets/connection/picture.py": ("widgets/connection/test_connection.py", OF_WIDGETS),
    "widgets/connection/view.py": ("widgets/connection/test_connection.py", OF_WIDGETS),
    "widgets/connection/widget.py": ("widgets/connection/test_connection.py", OF_WIDGETS),
    "widgets/core/interfaces.py": ("widgets/core/test_live_widget.py", "protocols without code"),
    "widgets/core/recorded_client.py": ("widgets/heatmap/test_recorded_view.py", "what stands for a client there"),
    "widgets/depth/frame.py": ("widgets/depth/test_depth.py", OF_WIDGETS),
    "widgets/depth/picture.py": ("widgets/depth/test_depth.py", OF_WIDGETS),
    "widgets/depth/view.py": ("widgets/depth/test_depth.py", OF_WIDGETS),
    "widgets/depth/widget.py": ("widgets/depth/test_depth.py", OF_WIDGETS),
    "widgets/heatmap/column.py": ("widgets/heatmap/test_heatmap.py", OF_WIDGETS),
    "widgets/heatmap/frame.py": ("widgets/heatmap/test_heatmap.py", OF_WIDGETS),
    "widgets/heatmap/picture.py": ("widgets/heatmap/test_heatmap.py", OF_WIDGETS),
    "widgets/heatmap/view.py": ("widgets/heatmap/test_heatmap.py", OF_WIDGETS),
    "widgets/heatmap/widget.py": ("widgets/heatmap/test_heatmap.py", OF_WIDGETS),
    "widgets/ladder/frame.py": ("widgets/ladder/test_ladder.py", OF_WIDGETS),
    "widgets/ladder/own_orders.py": ("widgets/ladder/test_ladder.py", OF_WIDGETS),
    "widgets/ladder/picture.py": ("widgets/ladder/test_ladder.py", OF_WIDGETS),
    "widgets/ladder/view.py": ("widgets/ladder/test_ladder.py", OF_WIDGETS),
    "widgets/ladder/widget.py": ("widgets/ladder/test_ladder.py", OF_WIDGETS),
    "widgets/latency/bars.py": ("widgets/latency/test_latency.py", OF_WIDGETS),
    "widgets/latency/frame.py": ("widgets/latency/test_latency.py", OF_WIDGETS),
    "widgets/latency/picture.py": ("widgets/latency/test_latency.py", OF_WIDGETS),
    "widgets/latency/rate_meter.py": ("widgets/latency/test_latency.py", OF_WIDGETS),
    "widgets/latency/timeline.py": ("widgets/latency/test_latency.py", OF_WIDGETS),
    "widgets/latency/view.py": ("widgets/latency/test_latency.py", OF_WIDGETS),
    "widgets/latency/widget.py": ("widgets/latency/test_latency.py", OF_WIDGETS),
    "widgets/time_and_sales/frame.py": ("widgets/time_and_sales/test_time_and_sales.py", OF_WIDGETS),
    "widgets/time_and_sales/picture.py": ("widgets/time_and_sales/test_time_and_sales.py", OF_WIDGETS),
    "widgets/time_and_sales/view.py": ("widgets/time_and_sales/test_time_and_sales.py", OF_WIDGETS),
    "widgets/time_and_sales/widget.py": ("widgets/time_and_sales/test_time_and_sales.py", OF_WIDGETS),
    "widgets/watchlist/frame.py": ("widgets/watchlist/test_watchlist.py", OF_WIDGETS),
    "widgets/watchlist/picture.py": ("widgets/watchlist/test_watchlist.py", OF_WIDGETS),
    "widgets/watchlist/sparkline.py": ("widgets/watchlist/test_watchlist.py", OF_WIDGETS),
    "widgets/watchlist/view.py": ("widgets/watchlist/test_watchlist.py", OF_WIDGETS),
    "widgets/watchlist/widget.py": ("widgets/watchlist/test_watchlist.py", OF_WIDGETS),
    "widgets/queue/frame.py": ("widgets/queue/test_queue.py", OF_WIDGETS),
    "widgets/queue/picture.py": ("widgets/queue/test_queue.py", OF_WIDGETS),
    "widgets/queue/track.py": ("widgets/queue/test_queue.py", OF_WIDGETS),
    "widgets/queue/tracker.py": ("widgets/queue/test_queue.py", OF_WIDGETS),
    "widgets/queue/view.py": ("widgets/queue/test_queue.py", OF_WIDGETS),
    "widgets/queue/widget.py": ("widgets/queue/test_queue.py", OF_WIDGETS),
    "widgets/transport/frame.py": ("widgets/transport/test_transport.py", OF_WIDGETS),
    "widgets/transport/picture.py": ("widgets/transport/test_transport.py", OF_WIDGETS),
    "widgets/transport/playhead.py": ("widgets/transport/test_transport.py", OF_WIDGETS),
    "widgets/transport/price_line.py": ("widgets/transport/test_transport.py", OF_WIDGETS),
    "widgets/transport/view.py": ("widgets/transport/test_transport.py", OF_WIDGETS),
    "widgets/transport/widget.py": ("widgets/transport/test_transport.py", OF_WIDGETS),
}
"""Module -> the test file that covers it instead of its own, both as paths below hftlab/ and tests/; and why."""


def modules() -> list[Path]:
    """Every module but the packages' __init__ and the benchmarks, which are run by hand (`hftlab bench`)."""
    found = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if not path.name.startswith("__"))
    return sorted(path for path in found if path.parts[0] != "bench")


class TestMirror:
    def test_a_module_has_its_test_file(self) -> None:
        """hftlab/x/y.py is tested by tests/x/test_y.py, or the table above says where and why."""
        own = {module.as_posix(): (module.parent / f"test_{module.name}").as_posix() for module in modules()}
        tested = {module: TESTED_ELSEWHERE.get(module, (test, ""))[0] for module, test in own.items()}
        assert [f"write tests/{own[module]}" for module, test in tested.items() if not (TESTS / test).is_file()] == []

    def test_the_exceptions_are_needed(self) -> None:
        needless = [
            name
            for name in TESTED_ELSEWHERE
            if not (PACKAGE / name).is_file() or (TESTS / name).with_name(f"test_{Path(name).name}").is_file()
        ]
        assert needless == []


def module_exists(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


class TestContracts:
    def layers(self) -> list[set[str]]:
        (contract,) = (one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
        return [{name.strip(" ()") for name in re.split(r"[|:]", layer)} for layer in contract["layers"]]

    def test_the_map_for_contributors_has_the_layers(self) -> None:
        """A row a layer, from the top down, with all of its packages that are there yet."""
        table = (ROOT / "CONTRIBUTING.md").read_text().partition("| layer | what it holds |\n|---|---|\n")[2]
        rows = table.partition("\n\n")[0].splitlines()
        named = [set(re.findall(r"`([^`]+)`", row.split("|")[1])) for row in rows]
        placed = ({name.removeprefix("hftlab.") for name in layer} for layer in self.layers())
        there = ({name for name in layer if importlib.util.find_spec(f"hftlab.{name}")} for layer in placed)
        assert named == [layer for layer in there if layer]

    def test_every_package_has_its_layer(self) -> None:
        """import-linter passes over a package that no layer names."""
        here = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
        placed = {name.removeprefix("hftlab.") for layer in self.layers() for name in layer}
        assert here - placed == {"__init__", "__main__"}

    def test_no_package_has_two_layers(self) -> None:
        names = [name for layer in self.layers() for name in layer]
        assert len(names) == len(set(names))

    IO: Final = frozenset(
        [
            "_socket",
            "_thread",
            "asyncio",
            "concurrent",
            "h11",
            "http",
            "multiprocessing",
            "select",
            "selectors",
            "signal",
            "socket",
            "socketserver",
            "ssl",
            "structlog",
            "subprocess",
            "threading",
            "uvloop",
            "websockets",
            "hftlab.log",
            "hftlab.loop",
        ]
    )

    def free_of_io(self) -> dict[str, Any]:
        (contract,) = (one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "forbidden")
        assert isinstance(contract, dict)
        return contract

    def test_what_is_free_of_io_is_all_that_exists_of_it(self) -> None:
        """A contract may not name a package before it is there; this says when it has to."""
        wanted = {"session", "trading", "backtest", "protocol", "venues", "book", "market"}
        there = {f"hftlab.{name}" for name in wanted if (PACKAGE / name / "__init__.py").is_file()}
        assert there <= set(self.free_of_io()["source_modules"])

    def test_io_does_not_come_in_from_below(self) -> None:
        """What the packages without I/O may import is without I/O as well, or forbidden to them."""
        layers = self.layers()
        (top,) = (at for at, layer in enumerate(layers) if "hftlab.session" in layer)
        below = {name for layer in layers[top:] for name in layer if module_exists(name)}
        # Backtests are above the simulator, which runs threads while it compiles.
        assert set(self.free_of_io()["source_modules"]) == {"hftlab.backtest", *below} - self.IO

    def test_everything_that_does_io_is_forbidden(self) -> None:
        assert set(self.free_of_io()["forbidden_modules"]) == self.IO


class TestPureCore:
    """What is free of I/O loads none of it either, by whatever way: a contract looks at direct imports alone."""

    IO: Final = frozenset(
        [
            "_thread",
            "asyncio",
            "concurrent",
            "http",
            "multiprocessing",
            "select",
            "selectors",
            "socket",
            "ssl",
            "structlog",
            "subprocess",
            "threading",
            "urllib.request",
            "uvloop",
            "websockets",
        ]
    )

    @pytest.mark.parametrize(
        "module",
        [
            "hftlab.protocol",
            "hftlab.protocol.publishing.server_protocol",
            "hftlab.protocol.subscribing.client_protocol",
        ],
    )
    def test_a_protocol_loads_neither_sockets_nor_threads(self, module: str) -> None:
        """The interpreter itself has `_thread`; `functools` and others lock with it."""
        code = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        assert self.IO & set(done.stdout.split()) == set()


class TestDependencies:
    """A library that is imported is declared, and one that is declared is used."""

    NOT_IMPORTED: Final = {"jupyterlab", "ipywidgets"}
    """The program that `hftlab lab` starts, and the part of it that draws widgets in a page."""

    OPTIONAL: Final = {
        "databento-dbn": "venues/dbn/dbn_file.py",
        "distributed": "bench/sweep.py",
        "dpkt": "bench/decode.py",
        "hftbacktest": "bench/peer_package.py",
        "itchfeed": "bench/decode.py",
        "marimo": "display.py",
        "nats-py": "gateway",
        "nautilus-trader": "session/nautilus_catalogue.py",
        "order-book": "bench/book.py",
    }
    """The reader of an extra, a notebook program that hftlab draws for, and a rival of a benchmark; by their user:
    a file or a package."""

    OTHER_NAMES: Final = {"itch": "itchfeed", "nats": "nats-py"}
    """Distributions of modules that are named otherwise, and that need not be installed."""

    def imported(self) -> set[str]:
        """Top-level names that hftlab imports, at the top of a file or inside of a function."""
        return {name for names in imports().values() for name in names.anywhere}

    def declared(self, names: list[str]) -> set[str]:
        return {canonicalize_name(Requirement(name).name) for name in names}

    def used(self, imported: set[str]) -> set[str]:
        """The distributions of what is imported; one that is absent by OTHER_NAMES, else by its module's name."""
        homes = packages_distributions()
        foreign = imported - set(sys.stdlib_module_names) - {"hftlab"}
        return {canonicalize_name(homes.get(name, [self.OTHER_NAMES.get(name, name)])[0]) for name in foreign}

    @pytest.mark.no_cover
    def test_what_is_imported_is_declared(self) -> None:
        """As a dependency at run time: those of a developer are not there where hftlab is installed."""
        declared = self.declared(PROJECT["project"]["dependencies"])
        assert self.used(self.imported()) - declared == set(self.OPTIONAL)

    @pytest.mark.no_cover
    def test_what_is_optional_is_imported_where_it_is_used_alone(self) -> None:
        for name, home in self.OPTIONAL.items():
            module = next((key for key, one in self.OTHER_NAMES.items() if one == name), name.replace("-", "_"))
            users = [path for path, names in imports().items() if module in names.anywhere]
            assert users
            for user in users:
                assert user.relative_to(PACKAGE).is_relative_to(home)
                assert module not in imports()[user].at_the_top

    def test_an_unknown_name_is_not_passed_over(self) -> None:
        assert self.used({"numpy", "os", "no_such_module"}) == {"numpy", "no-such-module"}

    @pytest.mark.no_cover
    def test_what_is_declared_is_imported(self) -> None:
        assert (
            self.declared(PROJECT["project"]["dependencies"]) - self.used(self.imported()) - self.NOT_IMPORTED == set()
        )

    def test_hftlab_doctor_looks_for_what_is_not_imported(self) -> None:
        source = (PACKAGE / "doctor.py").read_text()
        assert [name for name in self.NOT_IMPORTED if f'"{name}"' not in source] == []


class Imports(NamedTuple):
    """Top-level names that a file imports: at its top, or there and inside of its functions."""

    at_the_top: frozenset[str]
    anywhere: frozenset[str]


@functools.cache
def imports() -> dict[Path, Imports]:
    """Imports of every file of the package. Hundreds of files are read and parsed once, and no tree is kept."""
    return {path: imports_in(path) for path in PACKAGE.rglob("*.py")}


def imports_in(path: Path) -> Imports:
    tree = ast.parse(path.read_text())
    top = ast.Module([one for one in tree.body if is_import(one)], [])
    return Imports(frozenset(imports_of(top)), frozenset(imports_of(tree)))


def is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


class TestCommands:
    """CI, the Makefile and the commit hooks call the same tools."""

    def targets(self) -> str:
        return (ROOT / "Makefile").read_text()

    def test_every_tool_of_make_check_is_a_hook(self) -> None:
        recipe = self.targets().partition("\ncheck:")[2].partition("\n\n")[0]
        tools = re.findall(r"^\t\$\(BIN\)/(.+)$", recipe, re.MULTILINE)
        hooks = re.findall(r"entry: \.venv/bin/(.+)", (ROOT / ".pre-commit-config.yaml").read_text())
        assert [tool.removesuffix(" .") for tool in tools] == hooks

    def test_a_change_of_a_contract_or_a_generated_file_alone_runs_the_tests(self) -> None:
        hook = (ROOT / ".pre-commit-config.yaml").read_text().partition("- id: exports")[2]
        (pattern,) = re.findall(r"files: '(.+)'", hook)
        changed = ["pyproject.toml", "Makefile", "CONTRIBUTING.md", "hftlab/widgets/core/palette.js", "hftlab/log.py"]
        assert [name for name in changed if not re.search(pattern, name)] == []
        assert all((ROOT / name).is_file() for name in changed)

    def test_make_test_holds_the_floor_of_the_coverage(self) -> None:
        """Each run measures and asks for nothing; the report on all of them fails below the floor."""
        assert PROJECT["tool"]["coverage"]["report"]["fail_under"] >= 80
        recipe = self.targets().partition("\ntest:")[2].partition("\n\n")[0].splitlines()
        (report,) = [at for at, line in enumerate(recipe) if "$(BIN)/coverage report" in line]
        assert "fail-under" not in recipe[report]
        assert not recipe[report].strip().startswith("-")  # make would pass over its failure
        runs = [at for at, line in enumerate(recipe) if "--cov" in line]
        assert runs
        assert max(runs) < report

    def test_make_test_runs_every_serial_test(self) -> None:
        """The first run leaves out what conftest.py marks; the second reads only the files that it names."""
        (named,) = re.findall(r"^SERIAL := (.+)$", self.targets(), re.MULTILINE)
        assert named.split() == [f"tests/{path.rstrip('/')}" for path in conftest.SERIAL]

    def test_ci_calls_what_a_developer_calls(self) -> None:
        last = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
        command, *targets = last.split()
        assert command == "make"
        assert targets == ["check", "docs", "test"]
        assert [name for name in targets if f"\n{name}:" not in self.targets()] == []
