"""%load_ext hftlab in a real kernel: the magics, and completion with and without jedi."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.widgets.kernel import WAIT, Kernel, running_kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with running_kernel() as kernel:
        kernel.run("%load_ext hftlab\nimport hftlab as hl")
        yield kernel


def failed(kernel: Kernel, code: str) -> str:
    """Run a cell that ends with an error, and return all that it shows."""
    since = len(kernel.published)
    request = kernel.start(code)
    kernel.until(lambda: kernel.has_ended(request))
    shown = [each["content"] for each in kernel.published[since:] if each["msg_type"] in ("error", "stream")]
    return "\n".join(each.get("text") or "\n".join(each["traceback"]) for each in shown)


def result(kernel: Kernel, code: str) -> dict[str, Any]:
    """Run a cell, and return its output in all formats."""
    since = len(kernel.published)
    kernel.run(code)
    return next(each["content"]["data"] for each in kernel.published[since:] if each["msg_type"] == "execute_result")


def completed(kernel: Kernel, code: str) -> list[str]:
    request = kernel.client.complete(code, len(code))
    while (reply := kernel.client.get_shell_msg(timeout=WAIT))["parent_header"].get("msg_id") != request:
        pass
    content = reply["content"]
    return [code[: content["cursor_start"]] + match for match in content["matches"]]


class TestReplay:
    def test_a_cell_runs_on_a_replay(self, kernel: Kernel) -> None:
        shown = kernel.run("client = 'mine'\n") + kernel.run(
            "%%replay data/walk --speed max\n"
            "count = len(client.messages(count=20))\n"
            "print(count, server.is_running, client.symbols == session.manifest.symbols)\n"
            "kept = client, server\n"
        )
        assert shown == "20 True True\n"
        assert kernel.run("print(client, kept[1].is_running, kept[0].connection_status, 'session' in globals())") == (
            "mine False DISCONNECTED False\n"
        )

    def test_the_last_line_is_the_output_and_a_session_may_be_a_variable(self, kernel: Kernel) -> None:
        kernel.run("walk = hl.open_session('data/walk')")
        assert result(kernel, "%%replay walk --symbols AAPL MSFT --speed 50\nclient.symbols")["text/plain"] == (
            "['AAPL', 'MSFT']"
        )

    def test_an_error_of_the_cell_is_the_cells(self, kernel: Kernel) -> None:
        shown = failed(kernel, "%%replay data/walk\nleft = server\n1 / 0")
        assert "ZeroDivisionError" in shown
        assert kernel.run("print(left.is_running)") == "False\n"

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("data/wark", "UsageError: %%replay: "),
            ("data/walk --speed fast", "the speed must be a number above 0, or max, got 'fast'"),
            ("data/walk --speed 0", "the speed must be a number above 0"),
            ("", "the following arguments are required: session"),
            ("'data/walk", "No closing quotation"),
            ("data/walk --symbols APPL", "UsageError: %%replay: "),
        ],
        ids=str,
    )
    def test_wrong_arguments_are_said_in_a_line(self, kernel: Kernel, line: str, words: str) -> None:
        shown = failed(kernel, f"%%replay {line}\n1")
        assert words in shown
        assert "Traceback" not in shown


class TestStatus:
    def test_nothing_runs(self, kernel: Kernel) -> None:
        assert "no servers, clients or recordings" in result(kernel, "%hft")["text/plain"]

    def test_what_runs(self, kernel: Kernel) -> None:
        kernel.run(
            "feed = hl.serve(hl.open_session('data/walk').replay(), port=0)\n"
            "reader = hl.connect(feed.url)\n"
            "_ = reader.subscribe(['AAPL', 'MSFT'])\n"
        )
        try:
            shown = result(kernel, "%hft")
            _, server, client = shown["text/plain"].splitlines()
            assert server.split()[:2] == ["server", "feed"]
            assert "walk; 1 connected" in server
            assert client.split()[:2] == ["client", "reader"]
            assert "connected" in client
            assert "2 symbols" in client
            assert "<td>feed</td>" in shown["text/html"]
        finally:
            kernel.run("reader.close(); feed.stop(); del reader, feed")

    def test_it_takes_no_arguments(self, kernel: Kernel) -> None:
        assert "UsageError: %hft takes no arguments, got 'now'" in failed(kernel, "%hft now")


@pytest.mark.parametrize("jedi", [True, False])
class TestCompletion:
    def test_in_strings(self, kernel: Kernel, jedi: bool) -> None:
        kernel.run(f"%config Completer.use_jedi = {jedi}\nwalk = hl.open_session('data/walk')")
        assert completed(kernel, 'walk.book_at(0, "AA') == ['walk.book_at(0, "AAPL']
        assert completed(kernel, 'x.subscribe(symbols=["MS') == ['x.subscribe(symbols=["MSFT']
        assert completed(kernel, 'x = 1\nx.subscribe([], data_types=["STAT') == [
            'x = 1\nx.subscribe([], data_types=["STATISTICS'
        ]
        assert completed(kernel, "%%replay wal") == ["%%replay walk"]

    def test_keys_and_attributes(self, kernel: Kernel, jedi: bool) -> None:
        kernel.run(f"%config Completer.use_jedi = {jedi}\ndays = hl.sessions('data')")
        assert "days['walk" in [each.rstrip("']") for each in completed(kernel, "days['wa")]
        assert any(each.endswith("market_data") for each in completed(kernel, "walk.market_d"))

    def test_other_strings_are_files_as_before(self, kernel: Kernel, jedi: bool) -> None:
        kernel.run(f"%config Completer.use_jedi = {jedi}")
        assert any("pyproject" in each for each in completed(kernel, "open('pypro"))


def test_it_can_be_unloaded_and_loaded_again(kernel: Kernel) -> None:
    kernel.run("%unload_ext hftlab")
    assert "not found" in failed(kernel, "%hft")
    assert completed(kernel, 'x.subscribe(symbols=["MS') == []
    kernel.run("%load_ext hftlab\n%reload_ext hftlab\nwalk = hl.open_session('data/walk')")
    assert completed(kernel, 'x.subscribe(symbols=["MS') == ['x.subscribe(symbols=["MSFT']
