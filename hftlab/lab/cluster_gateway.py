"""One gateway of a notebook's cluster: a process that can be killed, stopped and started again by plain calls."""

from __future__ import annotations

from hftlab.forking import Home
from hftlab.gateway.gateway_process import GatewayProcess
from hftlab.lab.background import background

__all__ = ["ClusterGateway"]


class ClusterGateway:
    """Process that serves clients of a cluster. `hl.cluster()` makes it: see `cluster.gateways`."""

    def __init__(self, process: GatewayProcess) -> None:
        self._process, self._home = process, Home()

    @property
    def url(self) -> str:
        """The address for hl.connect(), which stays the same over a restart."""
        return self._process.url

    @property
    def pid(self) -> int:
        """Number of the process; of the last one if it has ended."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True if the process lives."""
        return self._process.is_running

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash does, and wait until it has; its clients go on at another gateway."""
        self._check()
        self._process.kill()
        background.run(self._process.wait())

    def stop(self) -> None:
        """End it in order: its clients get SERVER_SHUTDOWN. It has ended when this returns."""
        self._check()
        background.run(self._process.stop())

    def restart(self) -> None:
        """Start it again at its address, after stopping it where it runs; it listens when this returns."""
        self._check()
        background.run(self._process.stop())
        background.run(self._process.start())

    def __repr__(self) -> str:
        return f"<gateway at {self.url}, {'running' if self.is_running else 'ended'}>"

    def _check(self) -> None:
        self._home.check(f"the gateway at {self.url}", "hl.cluster()")
