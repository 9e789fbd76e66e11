"""A gateway in a process of its own: `hftlab gateway`, started by a program and ended with it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from hftlab.errors import HftlabError

__all__ = ["GatewayProcess", "inherited_key"]

_KEY: Final = "HFTLAB_GATEWAY_KEY"
"""Variable of the environment, which other users cannot read, unlike the arguments of a process."""
_START: Final = 60.0
_STOP: Final = 1.5


class GatewayProcess:
    """`hftlab gateway` with further arguments; `url` is its address once it is started, and stays that.

    It signs tokens with `key`, as others that are given the same, and leaves it for clients of the same user. kill()
    and start() in turn are a crash and a restart.
    """

    def __init__(self, nats: str, cluster: str, port: int = 0, arguments: Sequence[str] = (), *, key: bytes) -> None:
        self.url = ""
        self._key = key
        self._command = [sys.executable, "-m", "hftlab", "gateway", "--nats", nats, "--cluster", cluster]
        self._command += ["--parent", str(os.getpid()), *arguments]
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Number of the process."""
        if self._process is None:
            raise HftlabError("the gateway has not been started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True if the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, and wait until it listens; does nothing while it runs.

        Raises HftlabError with what it says if it does not.
        """
        if self.is_running:
            return
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            "--port",
            str(self._port),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {_KEY: self._key.hex()},
            start_new_session=True,  # an interrupt at the terminal is for the program, which ends it
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        try:
            async with asyncio.timeout(_START):
                line = await self._process.stdout.readline()
                said = b"" if line else await self._process.stderr.read()
        except BaseException:
            await self.stop()
            raise
        url = line.decode().strip()
        if not url:
            await self.stop()
            raise HftlabError(f"a gateway has not started: {said.decode(errors='replace').strip()[-500:]}")
        self.url, self._port = url, int(url.rpartition(":")[2])
        self._reading = asyncio.create_task(_forward(self._process.stderr))

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self.is_running and self._process is not None:
            self._process.send_signal(signal.SIGKILL)

    async def wait(self) -> None:
        """Wait until it has ended."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """End it, and wait until it has."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def inherited_key() -> bytes | None:
    """Take the key that a GatewayProcess gives this process out of the environment; None if there is none."""
    text = os.environ.pop(_KEY, None)
    return None if text is None else bytes.fromhex(text)


async def _forward(lines: asyncio.StreamReader) -> None:
    """Let what a gateway says come out here; a pipe that nobody reads would stop it."""
    while not lines.at_eof():
        try:
            line = await lines.readline()
        except ValueError:  # it is longer than the reader's limit, and thrown away
            continue
        sys.stderr.write(line.decode(errors="replace"))
