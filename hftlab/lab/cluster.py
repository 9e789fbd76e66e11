"""The cluster of a notebook: a publisher in this process, and gateways in processes of their own."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final, Self

from hftlab.forking import Home
from hftlab.gateway.local_cluster import LocalCluster, check_size
from hftlab.gateway.published_source import check_publishable
from hftlab.html_table import facts_table
from hftlab.lab.background import background
from hftlab.lab.cluster_gateway import ClusterGateway
from hftlab.lab.kept import kept
from hftlab.protocol import Message
from hftlab.simulator import Exchange
from hftlab.source import Source, undecorated
from hftlab.trading import AccountTerms
from hftlab.trading.recorded_venue import Fills

__all__ = ["LabCluster", "cluster"]

_clusters: Final[dict[str, LabCluster]] = kept("clusters", dict)


def cluster(
    source: Source[Message] | None = None,
    gateways: int = 2,
    port: int = 0,
    *,
    name: str = "cluster",
    accounts: Mapping[str, AccountTerms] | None = None,
    fills: Fills | None = None,
) -> LabCluster:
    """Serve a source from several processes of this machine, and return the cluster once its gateways listen.

    This process has the source and the accounts, each gateway serves clients; NATS between them is started as well
    (`pip install 'hftlab[cluster]'`). Connect with hl.connect(cluster.urls): a client goes on at another gateway when
    one ends. Running the cell again is safe: a cluster of the same `name` or source is stopped first, once arguments
    are known to be right.

    `source`: as in hl.serve(), on a clock with a speed (default: the simulated exchange).
    `gateways`: processes that serve clients, each on a core if there are as many.
    `port`: TCP port of the first, the others have those behind it; 0 takes any free ones.
    `accounts`, `fills`: as in hl.serve().
    """
    check_size(gateways, port)
    if source is not None and any(one.streams(source) for one in _clusters.values()):
        check_publishable(source, fills)
        for one in [one for one in _clusters.values() if one.streams(source)]:
            one.stop()  # a source has one publisher, also while the next is made
    made = LocalCluster(Exchange() if source is None else source, gateways, port, accounts=accounts, fills=fills)
    if name in _clusters:
        _clusters[name].stop()
    background.run(made.start())
    _clusters[name] = LabCluster(made)
    return _clusters[name]


class LabCluster:
    """A cluster whose publisher is on the background loop; a context manager that stops it.

    `gateways` are its processes, in the order of `urls`: `cluster.gateways[0].kill()` shows what becomes of clients,
    and `.restart()` brings it back.
    """

    def __init__(self, inner: LocalCluster) -> None:
        self.inner, self._home = inner, Home()
        self.gateways = [ClusterGateway(one) for one in inner.gateways]

    @property
    def urls(self) -> list[str]:
        """The addresses for hl.connect(), one a gateway."""
        return self.inner.urls

    def streams(self, source: Source[Message]) -> bool:
        """Return whether this cluster publishes a source, or what it decorates."""
        return self._home.is_here and undecorated(self.inner.source) is undecorated(source)

    def stats(self) -> dict[str, Any]:
        """Return the publisher's counts; see hftlab.gateway.PublisherNode.stats."""
        return background.call(self.inner.stats)

    def stop(self) -> None:
        """Stop the gateways, the publisher and NATS; stopping again, or in a forked child, does nothing."""
        if not self._home.is_here:
            return
        for name in [name for name, one in _clusters.items() if one is self]:
            del _clusters[name]
        background.run(self.inner.stop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<hftlab cluster at {', '.join(self.urls)}>"

    def _repr_html_(self) -> str:
        facts = {"gateways": ", ".join(self.urls)} | {name: value for name, value in self.stats().items() if value}
        return facts_table("Cluster", facts)


@atexit.register
def _stop_all() -> None:
    """Stop all clusters at the end of the process."""
    with ExitStack() as stack:
        for one in list(_clusters.values()):
            stack.callback(one.stop)
