"""A cluster on this machine: nats-server, a publisher in this process, and gateways in processes of their own."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from hftlab.credentials import access_token, is_subject, refresh_token
from hftlab.errors import ArgumentError
from hftlab.gateway.gateway_process import GatewayProcess
from hftlab.gateway.nats_server import NatsServer
from hftlab.gateway.nats_terms import NatsTerms
from hftlab.gateway.publisher_node import PublisherNode
from hftlab.gateway.subjects import DEFAULT_CLUSTER
from hftlab.protocol import Message
from hftlab.protocol.publishing.authentication import Tokens
from hftlab.server.arguments import port_number
from hftlab.source import Source
from hftlab.trading.account import AccountTerms
from hftlab.trading.recorded_venue import Fills

__all__ = ["LocalCluster", "check_size"]


class LocalCluster:
    """Publishes a source of this process to `gateways` processes; an asynchronous context manager.

    `urls` are the addresses for clients, which are given all of them: hl.connect(cluster.urls). The first gateway has
    `port`, the others those behind it; 0 takes any free ones. `arguments` are further ones of `hftlab gateway`. All
    gateways sign tokens with one key, which is made with the cluster, unless `arguments` name another.
    `nats`, `publisher` and `gateways` are its parts: to kill one shows what becomes of the rest.
    """

    def __init__(
        self,
        source: Source[Message],
        gateways: int = 2,
        port: int = 0,
        *,
        accounts: Mapping[str, AccountTerms] | None = None,
        fills: Fills | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        check_size(gateways, port)
        self.source = source
        self._accounts, self._fills = accounts, fills
        self._made: PublisherNode | None = self._node()
        """Publisher of the first start, made here so that arguments which cannot be are refused at once."""
        self.nats = NatsServer()
        self._count, self._port, self._arguments = gateways, port, arguments
        self._key = secrets.token_bytes(32)
        self.publisher: PublisherNode | None = None
        self.gateways: list[GatewayProcess] = []

    @property
    def urls(self) -> list[str]:
        """The addresses for clients, one a gateway."""
        return [gateway.url for gateway in self.gateways]

    async def start(self) -> Self:
        """Start all parts; returns when every gateway listens."""
        try:
            await asyncio.to_thread(self.nats.start)
            self.publisher, self._made = self._made or self._node(), None
            self.publisher.nats = NatsTerms(servers=[self.nats.url])
            await self.publisher.start()
            ports = [self._port + number if self._port else 0 for number in range(self._count)]
            self.gateways = [
                GatewayProcess(self.nats.url, DEFAULT_CLUSTER, port, self._arguments, key=self._key) for port in ports
            ]
            await asyncio.gather(*(gateway.start() for gateway in self.gateways))
        except BaseException:
            await self.stop()
            raise
        return self

    def _node(self) -> PublisherNode:
        return PublisherNode(self.source, accounts=self._accounts, fills=self._fills)

    async def stop(self) -> None:
        """End all parts, within two seconds."""
        await asyncio.gather(*(gateway.stop() for gateway in self.gateways))
        if self.publisher is not None:
            await self.publisher.stop()
        try:
            await asyncio.to_thread(self.nats.stop)
        except RuntimeError:  # the program ends, and has no threads any more
            self.nats.stop()

    def issue_tokens(self, subject: str) -> Tokens:
        """Sign an account in: an access token, and a refresh token that each gateway exchanges for the next pair."""
        if not is_subject(subject):
            raise ArgumentError(f"subject={subject!r} is not a printable name of 1 to 128 characters")
        now = time.time()
        return Tokens(access_token(self._key, subject, now), refresh_token(self._key, subject, now))

    def stats(self) -> dict[str, Any]:
        """Return the publisher's counts."""
        return {} if self.publisher is None else self.publisher.stats()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"LocalCluster({self.source.name!r}, {', '.join(self.urls) or 'not started'})"


def check_size(gateways: int, port: int) -> None:
    """Raise ArgumentError for a number of gateways, or a port of the first, that cannot be."""
    if isinstance(gateways, bool) or not isinstance(gateways, int) or not 1 <= gateways <= 64:
        raise ArgumentError(f"gateways={gateways!r} is not a number of processes: give 1 to 64")
    if port_number(port) + gateways - 1 > 65535:
        raise ArgumentError(f"port={port} is too high for {gateways} gateways, which have the ports behind it")
