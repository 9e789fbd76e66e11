"""Options of `hftlab serve`, `replay` and `token`, and the server that runs until a signal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from ssl import Purpose, SSLContext, SSLError, create_default_context
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from hftlab.cli.checks import check_address, check_hosts, check_origins, check_readable, key_of
from hftlab.credentials import ACCESS_LIFETIME, access_token, is_subject, refresh_token
from hftlab.errors import HftlabError
from hftlab.log import write_audit
from hftlab.loop import interruption, run

if TYPE_CHECKING:
    from hftlab.gateway import NatsTerms

__all__ = [
    "Audit",
    "Auth",
    "Host",
    "Hosts",
    "Key",
    "Origins",
    "Port",
    "Serving",
    "TlsCert",
    "TlsKey",
    "make_refresh_token",
    "make_token",
]

_LIVE: Final = 10.0
"""Seconds that a live feed has to know its instruments; if its venue cannot be reached, the server goes on trying."""

Port: TypeAlias = Annotated[int, typer.Option(help="TCP port; 0 takes any free one.", min=0, max=65535)]
Host: TypeAlias = Annotated[str, typer.Option(help="Address to listen on.")]
Auth: TypeAlias = Annotated[
    str,
    typer.Option(
        autocompletion=lambda: ["public", "required"],
        help="public: market data for everyone; required: everything needs a token. An address other than loopback "
        "needs required, and --tls-cert.",
    ),
]
Key: TypeAlias = Annotated[
    Path | None, typer.Option(help="File with the key that signs tokens; `hftlab token` takes the same file.")
]
TlsCert: TypeAlias = Annotated[Path | None, typer.Option(help="Certificate chain in PEM; the address becomes wss://.")]
TlsKey: TypeAlias = Annotated[
    Path | None, typer.Option(help="The certificate's private key, unless it is in the same file.")
]
Hosts: TypeAlias = Annotated[
    list[str] | None, typer.Option("--allow-host", help="Name by which clients may address this server; repeatable.")
]
Origins: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Origin of web pages that may connect: https://lab.example; repeatable."),
]
Audit: TypeAlias = Annotated[
    Path | None, typer.Option(help="File to append the audit log to: connections, refusals, sign-ins, requests.")
]


@dataclass(frozen=True)
class Serving:
    """The options of a serving command, as they were given."""

    host: str
    port: int
    auth: str
    key: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    hosts: list[str] | None
    origins: list[str] | None
    audit: Path | None

    def serve(
        self,
        make_source: Callable[[], Any],
        *,
        fills: str | None = None,
        stepped: bool = False,
        wire: str | None = None,
        market: str | None = None,
    ) -> None:
        """Serve until SIGINT or SIGTERM, after printing the addresses. Raises HftlabError.

        `fills`, `stepped`, `wire` and `market` are as in Server; a wire's addresses have a line each.

        The source is made when everything else is known to be right: the exchange may compile for a minute.
        """
        options = self._options()
        self._check_network()
        self._open_audit_log()
        source = make_source()

        from hftlab.server import Server
        from hftlab.source import Live, undecorated

        async def stream() -> None:
            served: Any = {"fills": fills, "stepped": stepped, "wire": wire, "market": market}
            async with Server(source, self.host, self.port, **served, **options) as server:
                stop = interruption()
                live = undecorated(source)
                if isinstance(live, Live):
                    await asyncio.to_thread(live.wait, _LIVE)  # symbols that the venue does not list are an error here
                # The first line is what a calling program reads.
                print(server.url, *server.native_urls, sep="\n", flush=True)  # noqa: T201
                await stop.wait()

        try:
            run(stream())
        except OSError as exc:
            raise HftlabError(
                f"cannot listen on {self.host}:{self.port} ({exc.strerror or exc}): give another --host or --port"
            ) from exc

    def serve_gateway(
        self, terms: NatsTerms, cluster: str, until: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        """Serve clients of a cluster until SIGINT or SIGTERM, or until `until()` returns, after printing the address.

        Raises HftlabError.
        """
        options = self._options()
        self._check_network()
        self._open_audit_log()

        from hftlab.gateway import Gateway
        from hftlab.gateway.gateway_process import inherited_key

        options["local_key"] = inherited_key()

        async def stream() -> None:
            stop = interruption()
            async with Gateway(terms, self.host, self.port, cluster=cluster, **options) as gateway:
                print(gateway.url, flush=True)  # noqa: T201 - what a calling program reads
                ends: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
                if until is not None:
                    ends.append(asyncio.create_task(until()))
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()

        try:
            run(stream())
        except OSError as exc:
            raise HftlabError(
                f"cannot listen on {self.host}:{self.port} ({exc.strerror or exc}): give another --host or --port"
            ) from exc

    def _options(self) -> dict[str, Any]:
        if self.auth not in ("public", "required"):
            raise HftlabError(f"--auth {self.auth} is not known: give public or required")
        check_hosts(self.hosts or ())
        check_origins(self.origins or ())
        return {
            "auth": self.auth,
            "key": None if self.key is None else key_of(self.key),
            "hosts": self.hosts or (),
            "origins": self.origins or (),
            "ssl": _tls(self.tls_cert, self.tls_key),
        }

    def _check_network(self) -> None:
        """Raise HftlabError for an address that cannot be listened on, or that others reach and nothing protects."""
        from hftlab.server.http.admission import is_loopback

        check_address(self.host, self.port)
        if is_loopback(self.host):
            return
        if self.tls_cert is None or self.auth != "required":
            raise HftlabError(
                f"cannot listen on {self.host}:{self.port} without TLS and required authentication, as anyone in its "
                "network could read and send: give --tls-cert FILE and --auth required, or listen on 127.0.0.1"
            )
        if self.key is None:
            raise HftlabError(
                f"clients of {self.host} cannot sign in without a key: give --key FILE, and each user a token from "
                "`hftlab token --key FILE --subject NAME`"
            )

    def _open_audit_log(self) -> None:
        if self.audit is None:
            return
        try:
            write_audit(self.audit)
        except OSError as exc:
            raise HftlabError(
                f"--audit {self.audit}: {exc.strerror}: give a file that you can write, in a folder that exists"
            ) from None


def make_token(key: Path, subject: str, seconds: int = ACCESS_LIFETIME) -> str:
    """Sign an access token for a server that has the same key file. Raises HftlabError."""
    import time

    if not is_subject(subject):
        raise HftlabError(f"--subject {subject!r} is not a valid name: give 1 to 128 printable characters")
    return access_token(key_of(key), subject, time.time(), seconds)


def make_refresh_token(key: Path, subject: str) -> str:
    """Sign the first refresh token of a sign-in at a cluster's gateways. Raises HftlabError."""
    import time

    return refresh_token(key_of(key), subject, time.time())


def _tls(certificate: Path | None, key: Path | None) -> SSLContext | None:
    if certificate is None:
        if key is not None:
            raise HftlabError(f"--tls-key {key} needs its certificate: give --tls-cert as well")
        return None
    for option, path in (("--tls-cert", certificate), ("--tls-key", key)):
        check_readable(option, path)
    context = create_default_context(Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except SSLError as exc:
        where = f"--tls-cert {certificate}" + ("" if key is None else f" with --tls-key {key}")
        raise HftlabError(
            f"{where} cannot be used ({_reason(exc)}): give the certificate chain and the private key that belongs to "
            "it, both in PEM"
        ) from None
    return context


def _reason(error: SSLError) -> str:
    """Return the TLS library's reason as words, such as "key values mismatch"."""
    return "not a PEM file" if error.reason in (None, "PEM lib") else error.reason.replace("_", " ").lower()
