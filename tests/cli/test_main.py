"""The command line as a whole: help, version, usage, and errors in one sentence."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.session import Session
from hftlab.simulator import RandomWalk
from tests.command import Run, ended, environment, sentence, started

pytestmark = pytest.mark.usefixtures("compiled")


class TestOneSentence:
    """Each error: status 2, nothing on standard output, one line on standard error."""

    @pytest.mark.parametrize("speed", ["0", "-1", "nan", "-inf"])
    def test_a_speed_that_is_none(self, session: Session, run: Run, speed: str) -> None:
        for command in (["serve"], ["replay", session.folder], ["serve", "--source", session.folder]):
            assert f"--speed {speed} is not above 0" in sentence(run(*command, "--speed", speed, "--port", "0"))

    @pytest.mark.parametrize("command", ["info", "recover", "replay", "serve --source"])
    def test_a_missing_session(self, tmp_path: Path, run: Run, command: str) -> None:
        said = sentence(run(*command.split(), tmp_path / "absent"))
        assert str(tmp_path / "absent") in said
        assert "recorded session" in said

    def test_a_source_that_is_neither(self, run: Run) -> None:
        assert "or --source exchange or walk" in sentence(run("serve", "--source", "exchnage"))

    @pytest.mark.parametrize("command", ["info", "replay"])
    def test_a_damaged_session(self, session: Session, run: Run, command: str) -> None:
        part = session.folder / session.manifest.tables["market_data"][1].file
        part.write_bytes(b"x" + part.read_bytes()[1:])
        assert str(part) in sentence(run(command, session.folder))

    def test_a_session_of_a_later_version(self, session: Session, run: Run) -> None:
        manifest = session.folder / "manifest.json"
        fields = json.loads(manifest.read_text())
        del fields["checksum"]
        manifest.write_text(json.dumps(fields | {"schema": 9}))
        assert "upgrade hftlab" in sentence(run("info", session.folder))

    def test_a_port_in_use(self, run: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as foreign:
            port = foreign.getsockname()[1]
            said = sentence(run("serve", "--port", str(port)))
        assert f"port {port} on 127.0.0.1 is in use by this process" in said

    def test_an_address_that_is_not_this_machine_s(self, run: Run) -> None:
        said = sentence(run("serve", "--host", "192.0.2.1", "--port", "0"))
        assert "cannot listen on 192.0.2.1:0" in said
        assert "give another --host" in said

    def test_nobody_to_record(self, tmp_path: Path, run: Run) -> None:
        for more in ([], ["--seconds", "5"]):
            said = sentence(run("record", "ws://127.0.0.1:1", "-o", tmp_path / "session", *more))
            assert "cannot connect to ws://127.0.0.1:1" in said
        assert "WebSocket address" in sentence(run("record", "127.0.0.1", "-o", tmp_path / "session"))
        assert not (tmp_path / "session").exists()

    def test_a_wrong_symbol(self, tmp_path: Path, run: Run) -> None:
        with hl.serve(RandomWalk(7), port=0) as server:
            said = sentence(run("record", server.url, "-o", tmp_path / "session", "--symbols", "AAPL,NOPE"))
        assert "does not have 'NOPE': name some of AAPL" in said
        assert not (tmp_path / "session").exists()

    def test_a_folder_that_is_taken(self, session: Session, tmp_path: Path, run: Run) -> None:
        (tmp_path / "thesis").write_text("years of work")
        with hl.serve(RandomWalk(7), port=0) as server:
            taken = sentence(run("record", server.url, "-o", session.folder))
            assert "exists already" in taken
            assert "on the command line --overwrite" in taken
            said = sentence(run("record", server.url, "-o", tmp_path / "thesis", "--overwrite"))
        assert "recorded session" in said
        assert (tmp_path / "thesis").read_text() == "years of work"

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, run: Run) -> None:
        (tmp_path / "file").write_text("")
        with hl.serve(RandomWalk(7), port=0) as server:
            said = sentence(run("record", server.url, "-o", tmp_path / "file" / "session"))
        assert str(tmp_path / "file") in said

    @pytest.mark.parametrize("symbols", ["", "AAPL,", ",", "AAPL,,MSFT"])
    def test_an_empty_symbol(self, tmp_path: Path, run: Run, symbols: str) -> None:
        said = sentence(run("simulate", "-o", tmp_path / "session", "--symbols", symbols))
        assert f"--symbols {symbols!r} has an empty name: give symbols such as AAPL,MSFT" in said
        assert not (tmp_path / "session").exists()

    def test_a_capture_that_is_none(self, tmp_path: Path, run: Run) -> None:
        target = tmp_path / "session"
        assert "does not exist" in sentence(run("import", "binance", tmp_path / "absent.gz", "-o", target))
        assert "'betamax'" in sentence(run("import", "betamax", tmp_path / "x", "-o", target))
        (tmp_path / "x").write_text("not a capture\n")
        assert f"{tmp_path / 'x'}, line 1" in sentence(run("import", "binance", tmp_path / "x", "-o", target))
        assert not target.exists()

    def test_no_traceback_from_the_command_itself(self, tmp_path: Path) -> None:
        """In another process, where a warning would be printed as for a user."""
        with started("record", "ws://127.0.0.1:1", "-o", tmp_path / "session") as process:
            assert "cannot connect" in sentence(ended(process))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("hftlab re", {"replay", "record", "recover"}),
        ("hftlab serve --source ", {"exchange", "walk"}),
        ("hftlab bench co", {"codec", "connections"}),
        ("hftlab import ", {"binance", "dbn", "hftbacktest", "iex", "itch", "kraken", "lobster", "mitch", "nyse"}),
        ("hftlab serve --auth ", {"public", "required"}),
    ],
)
def test_a_shell_completes_commands_and_values(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: str, offered: set[str]
) -> None:
    for name, value in {
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_HFTLAB_COMPLETE": "complete_bash",
    }.items():
        monkeypatch.setenv(name, value)
    assert set(run().out.split()) == offered


@pytest.mark.parametrize("arguments", [["serve"], ["demo"], ["simulate", "-o", "x"]])
def test_a_seed_below_0_is_refused(run: Run, arguments: list[str]) -> None:
    status, out, err = run(*arguments, "--seed", "-1")
    assert (status, out) == (2, "")
    assert "--seed" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--port", "99999"], ["info"], ["record", "ws://x"]])
def test_wrong_usage_is_status_2_and_points_to_help(run: Run, arguments: list[str]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "--help" in err
    assert "Traceback" not in err


COMMANDS = [
    *("serve", "replay", "token", "record", "import", "simulate", "info", "recover"),
    *("demo", "lab", "doctor", "bench"),
]


def test_help_names_every_command(run: Run) -> None:
    out = run("--help").out
    for command in COMMANDS:
        assert f" {command} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    status, out, err = run(command, "--help")
    assert (status, err) == (0, "")
    assert f"hftlab {command}" in out


def test_the_version_is_the_package_s(run: Run) -> None:
    assert run("--version") == (0, f"hftlab {hl.__version__}\n", "")


def test_starting_loads_nothing_heavy() -> None:
    """Only what every command needs: the rest is loaded by the command that uses it."""
    code = "import sys; from hftlab.cli import main; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    heavy = {
        "polars",
        "pyarrow",
        "numba",
        "numpy",
        "plotly",
        "ipywidgets",
        "jupyterlab",
        "websockets",
        "msgspec",
        "jwt",
    }
    assert heavy.isdisjoint(done.stdout.split())
