from __future__ import annotations

import asyncio
import threading

import pytest
from IPython.core.interactiveshell import InteractiveShell

from hftlab.widgets.core.jupyter_kernel import JupyterKernel, read_as_addressed

WAIT = 5.0  # seconds until a test gives up; none takes as long


def in_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_without_a_loop_or_a_shell_it_is_free():
    kernel = JupyterKernel()
    kernel.attach()
    assert not kernel.is_busy(0.0)


def test_a_loop_that_answers_is_free_and_one_that_does_not_is_busy():
    kernel = JupyterKernel()

    async def main():
        kernel.attach()
        assert not kernel.is_busy(0.0)  # asked just now
        assert kernel.is_busy(100.0)  # a long computation: no answer yet
        await asyncio.sleep(0)
        assert not kernel.is_busy(100.1)

    asyncio.run(main())


def test_a_closed_loop_does_not_stay_busy_for_ever():
    kernel = JupyterKernel()

    async def main():
        kernel.attach()

    asyncio.run(main())
    assert not kernel.is_busy(0.0)


@pytest.fixture
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_a_running_cell_is_busy(shell):
    kernel = JupyterKernel()
    kernel.follow(shell)
    assert kernel.in_cell  # follow() is called from a cell
    seen = []
    shell.user_ns["look"] = lambda: seen.append(kernel.is_busy(0.0))
    shell.run_cell("look()")
    assert seen == [True]
    assert not kernel.is_busy(0.0)


def test_a_cell_that_awaits_is_busy_though_the_loop_is_free(shell):
    kernel = JupyterKernel()
    kernel.follow(shell)
    seen = []
    shell.user_ns["look"] = lambda: seen.append(kernel.is_busy(0.0))
    shell.run_cell("import asyncio\nawait asyncio.sleep(0)\nlook()")
    assert seen == [True]
    assert not kernel.is_busy(0.0)


def test_a_pages_message_is_no_cell(shell):
    """ipykernel triggers these events around each message, also in a subshell while a cell runs."""
    kernel = JupyterKernel()
    kernel.follow(shell)
    shell.events.trigger("pre_execute")
    shell.events.trigger("post_execute")
    assert kernel.in_cell
    shell.run_cell("pass")
    shell.events.trigger("pre_execute")
    assert not kernel.in_cell


def test_a_message_read_by_another_thread_is_heard_in_cells(shell):
    kernel, heard = JupyterKernel(), []
    kernel.follow(shell)
    assert not kernel.hear()
    in_thread(lambda: heard.append(kernel.hear()))
    assert heard == [True]


def test_without_a_shell_nothing_is_heard_in_cells():
    """Other kernels may run cells on any thread."""
    kernel, heard = JupyterKernel(), []
    in_thread(lambda: heard.append(kernel.hear()))
    assert heard == [False]


def test_code_that_a_subshell_runs_is_not_the_cell(shell):
    kernel = JupyterKernel()
    kernel.follow(shell)
    in_thread(lambda: shell.events.trigger("post_run_cell", None))
    assert kernel.in_cell
    shell.run_cell("pass")
    in_thread(lambda: shell.events.trigger("pre_run_cell", None))
    assert not kernel.in_cell


def test_a_subshell_that_a_callback_keeps_is_busy_until_it_answers_or_ends():
    kernel = JupyterKernel()
    heard, go_on = threading.Event(), threading.Event()

    async def read():
        kernel.hear()
        heard.set()
        assert go_on.wait(WAIT)

    thread = threading.Thread(target=lambda: asyncio.run(read()))
    thread.start()
    assert heard.wait(WAIT)
    assert not kernel.is_busy(0.0)  # asked just now
    assert kernel.is_busy(100.0)
    go_on.set()
    thread.join()
    assert not kernel.is_busy(200.0)


class TestReadAsAddressed:
    def test_ipykernel_reads_what_a_page_sends_where_the_page_says(self):
        class Comm:
            def _reply_subshell_for(self, data, default):
                return "the last publisher's"

        comm = Comm()
        read_as_addressed(comm)
        assert comm._reply_subshell_for({"content": {"id": "x"}}, "the page's") == "the page's"
        assert comm._reply_subshell_for({}, None) is None

    @pytest.mark.parametrize("comm", [None, object()])
    def test_other_comms_are_left_alone(self, comm):
        read_as_addressed(comm)


def test_a_cell_that_fails_ends_as_well(shell):
    kernel = JupyterKernel()
    kernel.follow(shell)
    shell.showtraceback = lambda *args, **kwargs: None
    shell.run_cell("1 / 0")
    assert not kernel.in_cell


class StubKernel:
    """The part of an ipykernel that tells the request whose cell runs."""

    def __init__(self, **content):
        self.request = {"content": content}

    def get_parent(self):
        return self.request


@pytest.mark.parametrize(
    ("content", "expected"), [({"allow_stdin": False}, True), ({"allow_stdin": True}, False), ({}, False)]
)
def test_a_program_that_runs_the_cells_answers_no_input(shell, monkeypatch, content, expected):
    monkeypatch.setattr(shell, "kernel", StubKernel(**content), raising=False)
    kernel = JupyterKernel()
    assert not kernel.is_unattended
    kernel.follow(shell)
    assert kernel.is_unattended is expected
    monkeypatch.setenv("VOILA_KERNEL_ID", "1")
    assert not kernel.is_unattended
