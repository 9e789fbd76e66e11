from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from hftlab.errors import HftlabError
from hftlab.gateway import NatsServer, NatsTerms
from tests.command import environment
from tests.gateway.conftest import until


class TestNatsServer:
    def test_one_that_does_not_start_says_why(self, tmp_path: Path) -> None:
        with pytest.raises(HftlabError, match="nats-server has not started"):
            NatsServer(folder=tmp_path, options=["--no-such-option"]).start()

    async def test_behind_a_crash_it_has_its_port_and_its_streams(self, tmp_path: Path) -> None:
        with NatsServer(folder=tmp_path) as server:
            port = server.port
            client = await NatsTerms(servers=[server.url]).connect("test", told=lambda _: None, patience=5.0)
            await client.jetstream().add_stream(name="kept", subjects=["kept"])
            await client.jetstream().publish("kept", b"x")
            await client.close()
            server.kill()
            server.start()
            assert server.port == port
            client = await NatsTerms(servers=[server.url]).connect("test", told=lambda _: None, patience=5.0)
            assert (await client.jetstream().stream_info("kept")).state.messages == 1
            await client.close()

    async def test_it_ends_with_a_process_that_was_killed(self, tmp_path: Path) -> None:
        program = (
            "import pathlib, sys, time; from hftlab.gateway import NatsServer\n"
            "print(NatsServer(folder=pathlib.Path(sys.argv[1])).start().pid, flush=True); time.sleep(600)"
        )
        with _killed(program, str(tmp_path)) as (number,):
            server = psutil.Process(int(number))
            assert _is_running(server)
        await until(lambda: not _is_running(server))

    @pytest.mark.soak
    @pytest.mark.parametrize("is_first", [False, True], ids=["with its program", "before its program"])
    async def test_so_does_its_temporary_folder(self, is_first: bool) -> None:
        program = (
            "import time; from hftlab.gateway import NatsServer\n"
            "one = NatsServer(jetstream=False).start(); print(one.pid, one.folder, flush=True); time.sleep(600)"
        )
        with _killed(program) as (number, folder):
            assert Path(folder).is_dir()
            if is_first:
                psutil.Process(int(number)).kill()
        await until(lambda: not Path(folder).exists())

    def test_a_temporary_folder_goes_with_it(self) -> None:
        with NatsServer(jetstream=False) as server:
            folder = server.folder
            assert folder is not None
            assert folder.is_dir()
        assert not folder.exists()

    def test_one_that_is_never_started_or_does_not_start_leaves_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        NatsServer()
        with pytest.raises(HftlabError, match="has not started"):
            NatsServer(options=["--no-such-option"]).start()
        assert list(tmp_path.iterdir()) == []


@contextmanager
def _killed(program: str, *arguments: str) -> Iterator[list[str]]:
    """Run a program up to the words of its first line, and kill it, whatever becomes of the test."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as parent:
        try:
            assert parent.stdout is not None
            yield parent.stdout.readline().split()
        finally:
            parent.kill()


def _is_running(process: psutil.Process) -> bool:
    """Whether a process lives: one that has ended keeps its number where nobody collects orphans."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
