"""Options of the commands that connect to NATS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from hftlab.cli.checks import check_readable
from hftlab.errors import HftlabError

if TYPE_CHECKING:
    from hftlab.gateway import NatsTerms

__all__ = [
    "Cluster",
    "Nats",
    "NatsCa",
    "NatsCert",
    "NatsCreds",
    "NatsKey",
    "NatsPassword",
    "NatsToken",
    "NatsUser",
    "nats_terms",
]

Nats: TypeAlias = Annotated[
    str, typer.Option(metavar="URL", help="NATS server, or several with commas between: nats://host:4222, tls://...")
]
Cluster: TypeAlias = Annotated[str, typer.Option(help="Name by which publishers and gateways find each other.")]
NatsUser: TypeAlias = Annotated[str | None, typer.Option(help="User at NATS.")]
NatsPassword: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File with the user's password at NATS.")
]
NatsToken: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="File with a token for NATS.")]
NatsCreds: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="Credentials for NATS (.creds).")]
NatsCa: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Authority that NATS' certificate is from, in PEM.")
]
NatsCert: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate to show to NATS, in PEM.")]
NatsKey: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="Private key of that certificate.")]


def nats_terms(
    nats: str,
    user: str | None,
    password: Path | None,
    token: Path | None,
    creds: Path | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
) -> NatsTerms:
    """Return the terms that options name. Raises HftlabError."""
    from hftlab.gateway import NatsTerms

    for option, path in (
        ("--nats-password", password),
        ("--nats-token", token),
        ("--nats-creds", creds),
        ("--nats-ca", ca),
        ("--nats-cert", cert),
        ("--nats-key", key),
    ):
        if path is not None:
            check_readable(option, path)
    try:
        return NatsTerms(
            servers=[one.strip() for one in nats.split(",") if one.strip()],
            user=user,
            password=None if password is None else password.read_text().strip(),
            token=None if token is None else token.read_text().strip(),
            credentials=creds,
            tls_ca=ca,
            tls_cert=cert,
            tls_key=key,
        )
    except ValueError as exc:
        raise HftlabError(str(exc)) from None
