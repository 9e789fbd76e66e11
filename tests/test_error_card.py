"""What a notebook shows of an error, in a kernel of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from hftlab.error_card import error_card
from hftlab.errors import ArgumentTypeError, CallbackFailed, NetworkError
from hftlab.protocol.symbol_argument import symbol_name
from tests.notebook_kernel import Kernel, kernel

START = """
import hftlab as hl
server = hl.serve(hl.simulator.RandomWalk(seed=7), port=0)
client = hl.connect(server.url)
"""


def words(shown: str) -> str:
    """What is shown, in one line."""
    return " ".join(shown.split())


@pytest.fixture(scope="module")
def notebook() -> Iterator[Kernel]:
    with kernel() as started:
        assert started.run(START) == ""
        yield started


def test_it_shows_what_the_line_and_what_to_paste(notebook: Kernel) -> None:
    shown = notebook.run('# a comment\nclient.subscribe(["APPL", "MSFT"])')
    what, more, where, line, advice, paste, rest = (part for part in shown.splitlines() if part)
    assert what.startswith("SubscriptionFailed: ")
    assert "'APPL' (nearest: 'AAPL')" in what
    assert max(len(what), len(more)) <= 78
    assert where.startswith("Cell In[")
    assert where.endswith(", line 2")
    assert line == '----> 2 client.subscribe(["APPL", "MSFT"])'
    assert advice == "Did you mean AAPL? Paste this:"
    assert paste == '    client.subscribe(["AAPL", "MSFT"])'
    assert rest == "%tb shows the full traceback."
    assert notebook.run(paste.strip()).startswith("Ack(")


def test_the_full_traceback_stays_in_reach(notebook: Kernel) -> None:
    assert "asyncio" not in notebook.run("client.subscribe(['APPL'])")
    full = notebook.run("%tb")
    assert "Traceback (most recent call last)" in full
    assert "commands.py" in full
    assert "commands.py" not in notebook.run("client.subscribe(['APPL'])")
    assert notebook.run("%xmode Verbose\nclient.subscribe(['APPL'])").count("commands.py")
    notebook.run("%xmode Context")


def test_it_advises_the_call_of_the_api_that_raised(notebook: Kernel) -> None:
    """Each paste works in a cell, by the name that the user has for the client."""
    plain = notebook.run("c = hl.connect(server.url)\nc.close()\nc.ping()")
    assert "call client.connect() first" in words(plain)
    assert "Paste this:\n    c.connect()\n" in plain
    assert notebook.run("c.connect()\nc.ping() > 0") == "True\n"
    awaited = notebook.run("a = hl.Client(server.url)\nawait a.ping()")
    assert "call await client.connect() first" in words(awaited)
    assert "Paste this:\n    await a.connect()\n" in awaited
    assert notebook.run("await a.connect()\nawait a.ping() > 0\nawait a.close()") == ""


def test_ones_own_kernel_is_not_another_process(notebook: Kernel) -> None:
    """Neither with a busy port nor with a session that it is recording."""
    port = notebook.run("one = hl.serve(hl.simulator.RandomWalk(), port=0, name='one')\nprint(one.port)").strip()
    shown = notebook.run(f"two = hl.serve(hl.simulator.RandomWalk(), port={port}, name='two')")
    assert "in use by this kernel: " in words(shown)
    paste = "two = hl.serve(hl.simulator.RandomWalk(), port=0, name='two')"
    assert f"Paste this:\n    {paste}\n" in shown
    assert notebook.run(paste) == ""
    notebook.run("import tempfile\nfolder = tempfile.mkdtemp() + '/day'\nrecording = hl.record(client, folder)")
    shown = notebook.run("hl.recover(folder)")
    assert "is being written by this kernel: call stop() of the recording there" in words(shown)
    notebook.run("recording.stop()")


def test_each_line_of_the_user_is_shown_and_no_other(notebook: Kernel) -> None:
    shown = notebook.run("def look(symbol):\n    return client.subscribe(symbol)\nlook('APPL')")
    assert [line for line in shown.splitlines() if line.startswith("---->")] == [
        "----> 3 look('APPL')",
        "----> 2     return client.subscribe(symbol)",
    ]
    assert "in look()" in shown
    assert "Did you mean AAPL?\n" in shown
    assert "File" not in shown


def test_other_errors_are_ipythons(notebook: Kernel) -> None:
    for cell in ("1 / 0", "raise KeyboardInterrupt", "client.subscribe()"):
        assert "Traceback (most recent call last)" in notebook.run(cell)


def test_colours_are_those_of_ipython(notebook: Kernel) -> None:
    """In a notebook, whose errors are on red, nothing is red or green."""
    assert set(re.findall(r"\x1b\[[\d;]*m", notebook.shown("client.subscribe(['APPL'])"))) == {"\x1b[1m", "\x1b[0m"}
    assert "\x1b[" not in notebook.shown("%colors nocolor\nclient.subscribe(['APPL'])")
    notebook.run("%colors neutral")


def test_the_error_behind_it_is_shown() -> None:
    """With the user's line in it: here that of this file, which no notebook runs."""

    def callback() -> None:
        raise ValueError("of the user's own")

    try:
        callback()
    except ValueError as exc:
        failed = CallbackFailed("message", "callback", exc, 1)
    text = "\n".join(failed._render_traceback_())
    assert "Caused by" in text
    assert "ValueError" in text
    assert 'raise ValueError("of the user\'s own")' in text


def test_notes_are_shown_and_nothing_acts_on_a_terminal() -> None:
    error = NetworkError("lost")
    error.add_note("seen at\nnoon")
    error.add_note("")
    error.__cause__ = ValueError("\x1b[2Jgone\x9b0m")
    error.__cause__.add_note("\x07bell")
    shown = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error._render_traceback_()))
    assert "lost\nseen at noon\n" in shown
    assert r"ValueError: \x1b[2Jgone\x9b0m" in shown
    assert r"\x07bell" in shown
    assert "\x1b" not in shown


def test_without_ipython_it_is_pythons_own() -> None:
    try:
        raise NetworkError("gone")
    except NetworkError as exc:
        error = exc
    assert "%tb" in error._render_traceback_()[-1]
    assert error._render_traceback_()[0] == "Traceback (most recent call last):\n"


def test_without_ipython_a_card_has_the_callers_line_and_the_cause() -> None:
    """In this process: the other tests look at cards in a kernel."""
    try:
        try:
            raise OSError("the line is cut")
        except OSError as cause:
            raise symbol_error() from cause
    except ArgumentTypeError as error:
        card = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error_card(error)))
    assert words(card).startswith("ArgumentTypeError: client.ladder() takes one symbol, such as 'AAPL'; got ['AAPL']")
    assert "raise symbol_error() from cause" in card
    assert "Caused by OSError: the line is cut" in card
    assert "Did you mean AAPL?" in card
    assert card.endswith("%tb shows the full traceback.")


def symbol_error() -> ArgumentTypeError:
    try:
        symbol_name(["AAPL"], "client.ladder()")
    except ArgumentTypeError as error:
        return error
    raise AssertionError("a list was taken for a symbol")
