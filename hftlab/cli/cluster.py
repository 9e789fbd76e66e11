"""`hftlab publish`, `hftlab gateway` and `hftlab cluster`."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any

import typer

from hftlab.cli.feed import Feed, FeedMarket, RestUrl, WsUrl
from hftlab.cli.nats import (
    Cluster,
    Nats,
    NatsCa,
    NatsCert,
    NatsCreds,
    NatsKey,
    NatsPassword,
    NatsToken,
    NatsUser,
    nats_terms,
)
from hftlab.cli.options import Speed
from hftlab.cli.serving import Audit, Auth, Host, Hosts, Key, Origins, Port, Serving, TlsCert, TlsKey
from hftlab.cli.source import Seed, SourceName, source_maker
from hftlab.errors import HftlabError
from hftlab.loop import interruption, run
from hftlab.port import DEFAULT_PORT

__all__ = ["cluster", "gateway", "publish"]

_NATS = "nats://127.0.0.1:4222"
_CLUSTER = "main"

FillModel = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Session or feed: take orders, which fill by this model, such as risk_averse."),
]


def publish(
    source: SourceName = "exchange",
    feed: Feed = None,
    market: FeedMarket = None,
    ws_url: WsUrl = None,
    rest_url: RestUrl = None,
    fills: FillModel = None,
    seed: Seed = None,
    speed: Speed = 1.0,
    orders: Annotated[bool, typer.Option(help="Take orders where the source does.")] = True,
    cluster: Cluster = _CLUSTER,
    nats: Nats = _NATS,
    nats_user: NatsUser = None,
    nats_password: NatsPassword = None,
    nats_token: NatsToken = None,
    nats_creds: NatsCreds = None,
    nats_ca: NatsCa = None,
    nats_cert: NatsCert = None,
    nats_key: NatsKey = None,
) -> None:
    """Publish a source to the gateways of a cluster, over NATS, until interrupted.

    It prints a line when it is connected. Several publishers may each have some symbols of a cluster.
    """
    terms = nats_terms(nats, nats_user, nats_password, nats_token, nats_creds, nats_ca, nats_cert, nats_key)
    make = source_maker(source, feed, market, ws_url, rest_url, seed, speed)

    from hftlab.gateway import PublisherNode

    async def stream() -> None:
        stop = interruption()
        async with PublisherNode(make(), terms, cluster=cluster, orders=orders, fills=fills) as node:
            print(f"publishing {node.source.name} to {terms.shown} as {cluster}", flush=True)  # noqa: T201
            ends = [asyncio.create_task(one.wait()) for one in (stop, node.ended)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
            if not stop.is_set():
                raise HftlabError(node.problem or "the publisher has stopped")

    run(stream())


def gateway(
    host: Host = "127.0.0.1",
    port: Port = DEFAULT_PORT,
    auth: Auth = "public",
    key: Key = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    allow_host: Hosts = None,
    origin: Origins = None,
    audit: Audit = None,
    cluster: Cluster = _CLUSTER,
    nats: Nats = _NATS,
    nats_user: NatsUser = None,
    nats_password: NatsPassword = None,
    nats_token: NatsToken = None,
    nats_creds: NatsCreds = None,
    nats_ca: NatsCa = None,
    nats_cert: NatsCert = None,
    nats_key: NatsKey = None,
    parent: Annotated[int | None, typer.Option(hidden=True, help="End with this process.")] = None,
) -> None:
    """Serve clients what the publishers of a cluster publish over NATS, until interrupted.

    Any number of gateways serve the same. Without NATS it refuses clients, and /ready says why.
    """
    serving = Serving(host, port, auth, key, tls_cert, tls_key, allow_host, origin, audit)
    terms = nats_terms(nats, nats_user, nats_password, nats_token, nats_creds, nats_ca, nats_cert, nats_key)
    serving.serve_gateway(terms, cluster, None if parent is None else _orphaned(parent))


def cluster(
    gateways: Annotated[int, typer.Option(help="Processes that serve clients.", min=1, max=64)] = 2,
    port: Annotated[
        int, typer.Option(help="TCP port of the first gateway; the others have those behind it. 0 takes any.", min=0)
    ] = DEFAULT_PORT,
    source: SourceName = "exchange",
    feed: Feed = None,
    market: FeedMarket = None,
    ws_url: WsUrl = None,
    rest_url: RestUrl = None,
    fills: FillModel = None,
    seed: Seed = None,
    speed: Speed = 1.0,
) -> None:
    """Run a cluster on this machine until interrupted: nats-server, a publisher and gateways.

    It prints the address of each gateway on a line.
    """
    make = source_maker(source, feed, market, ws_url, rest_url, seed, speed)

    from hftlab.gateway import LocalCluster

    async def stream() -> None:
        stop = interruption()
        async with LocalCluster(make(), gateways, port, fills=fills) as running:
            print(*running.urls, sep="\n", flush=True)  # noqa: T201 - what a calling program reads
            await stop.wait()

    run(stream())


async def _until_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


def _orphaned(parent: int) -> Any:
    return lambda: _until_orphaned(parent)
