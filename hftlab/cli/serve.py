"""`hftlab serve`, `hftlab replay` and `hftlab token`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hftlab.cli.feed import MARKETS, Feed, FeedMarket, RestUrl, WsUrl
from hftlab.cli.native import as_session, check_wire
from hftlab.cli.options import Speed, check_speed
from hftlab.cli.serving import (
    Audit,
    Auth,
    Host,
    Hosts,
    Key,
    Origins,
    Port,
    Serving,
    TlsCert,
    TlsKey,
    make_refresh_token,
    make_token,
)
from hftlab.cli.source import Seed, SourceName, source_maker
from hftlab.credentials import ACCESS_LIFETIME
from hftlab.errors import HftlabError
from hftlab.port import DEFAULT_PORT

if TYPE_CHECKING:
    from hftlab.session import Merged, Replay

__all__ = ["replay", "serve", "token"]


def serve(
    host: Host = "127.0.0.1",
    port: Port = DEFAULT_PORT,
    source: SourceName = "exchange",
    feed: Feed = None,
    market: FeedMarket = None,
    ws_url: WsUrl = None,
    rest_url: RestUrl = None,
    fills: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="With --feed: take orders, which fill by this model, such as risk_averse."),
    ] = None,
    seed: Seed = None,
    speed: Speed = 1.0,
    stepped: Annotated[
        bool,
        typer.Option("--stepped", help="Let the exchange stand still until clients step it, as hl.run() does."),
    ] = False,
    auth: Auth = "public",
    key: Key = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    allow_host: Hosts = None,
    origin: Origins = None,
    audit: Audit = None,
) -> None:
    """Serve the simulated exchange, a random walk, a recorded session or a live feed until interrupted."""
    serving = Serving(host, port, auth, key, tls_cert, tls_key, allow_host, origin, audit)
    make = source_maker(source, feed, market, ws_url, rest_url, seed, speed)
    if stepped and (feed is not None or source != "exchange"):
        other = f"--source {source}" if feed is None else f"--feed {feed}"
        raise HftlabError(f"--stepped is for the exchange: leave it or {other} out; a replay is stepped as it is")
    if feed is None and fills is not None:
        raise HftlabError(f"--fills {fills} is for a live feed here: give --feed, or hftlab replay --fills")
    serving.serve(make, fills=fills, stepped=stepped)


def replay(
    sessions: Annotated[
        list[str],
        typer.Argument(
            metavar="SESSION",
            help="Folders or addresses of sessions; with --as also a capture as for hftlab import.",
        ),
    ],
    speed: Speed = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, until interrupted.")] = False,
    fills: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Take orders, which fill by this model: fifo, risk_averse, power, power(3), log ..."
        ),
    ] = None,
    wire: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="VENUE",
            autocompletion=lambda: ["binance", "kraken"],
            help="Serve it in this venue's own streams and requests as well, on the same port: binance or kraken.",
        ),
    ] = None,
    market: Annotated[
        str | None,
        typer.Option(
            autocompletion=lambda: list(MARKETS),
            help="With --as binance: spot, usdm or coinm; default: that of the symbols' venue.",
        ),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = DEFAULT_PORT,
    auth: Auth = "public",
    key: Key = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    allow_host: Hosts = None,
    origin: Origins = None,
    audit: Audit = None,
) -> None:
    """Serve a recorded session, or several as one; it starts with the first subscription.

    Several come message by message in the order of their times. A symbol that more than one of them has gets ":" and
    the session's name behind it.

    With --as anybody's client of that venue can be pointed at it: its addresses are printed below ours.
    """
    check_speed(speed)
    check_wire(wire, market, len(sessions))
    serving = Serving(host, port, auth, key, tls_cert, tls_key, allow_host, origin, audit)

    def recorded() -> Replay | Merged:
        from hftlab.session import merged, open_session

        folders = sessions if wire is None else [as_session(path) for path in sessions]
        opened = [open_session(folder) for folder in folders]
        for one in opened:
            if isinstance(one.folder, Path):  # one of an object store would be fetched twice
                one.verify()  # a replay would come to what is damaged later, when somebody watches
        if len(opened) == 1:
            return opened[0].replay(speed, loop=loop)
        try:
            return merged(opened, speed=speed, loop=loop)
        except ValueError as exc:
            raise HftlabError(f"these sessions cannot be served as one: {exc}") from None

    serving.serve(recorded, fills=fills, wire=wire, market=market)


def token(
    key: Annotated[Path, typer.Option(help="The key file that the server was started with (--key).")],
    subject: Annotated[str, typer.Option(help="The account that the token speaks for.")],
    seconds: Annotated[int, typer.Option(help="How long it is valid.", min=1, max=366 * 86_400)] = ACCESS_LIFETIME,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Print a refresh token for the gateways of a cluster on a second line.")
    ] = False,
) -> None:
    """Print an access token for hl.connect(token=...) or a client's AUTH message.

    Any gateway of a cluster with this key exchanges the refresh token of --refresh, once and within a day. A single
    server issues its own in Python, and keeps track of them.
    """
    typer.echo(make_token(key, subject, seconds))
    if refresh:
        typer.echo(make_refresh_token(key, subject))
