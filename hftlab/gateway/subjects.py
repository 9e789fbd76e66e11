"""Names of a cluster's subjects and streams at NATS."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from hftlab.errors import ArgumentError

__all__ = ["DEFAULT_CLUSTER", "Subjects", "name_of", "token_of"]

DEFAULT_CLUSTER: Final = "main"
_CLUSTER: Final = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")


class Subjects:
    """Subjects of one cluster, which all begin with `hftlab.` and its name; JetStream's streams are named likewise.

    Raises ArgumentError for a name that is not made of letters, digits, `-` and `_`.
    """

    def __init__(self, cluster: str) -> None:
        if not isinstance(cluster, str) or not _CLUSTER.match(cluster):
            raise ArgumentError(
                f"{cluster!r} is not the name of a cluster: give 1 to 32 letters, digits, '-' and '_', such as "
                f"{DEFAULT_CLUSTER!r}"
            )
        self.cluster = cluster
        root = f"hftlab.{cluster}"
        self.market = f"{root}.market"
        """Market data, by symbol."""
        self.beats = f"{root}.market.+beat"
        """Signs of life of publishers: on the same subscription as their messages, and so behind those of before."""
        self.notices = f"{root}.market.+notice"
        """Errors of publishers that all clients are told."""
        self.hello = f"{root}.hello"
        """Question to all publishers: who are you?"""
        self.newest = f"{root}.newest"
        """Question of a publisher to all gateways: when was the newest publisher started that you have heard?"""
        self.gateways = f"{root}.gateways"
        """Signs of life of gateways."""
        self.marks = f"{root}.mark"
        """Valuations of accounts, by account: state of which the newest is enough."""
        self.orders = f"{root}.order"
        """Requests of accounts, by account (JetStream)."""
        self.accounts = f"{root}.account"
        """All that accounts are told (JetStream): the next two."""
        self.messages = f"{root}.account.message"
        """Private messages, by account, with the answers that come with them."""
        self.answers = f"{root}.account.answer"
        """Answers to requests that no private message comes with, by account."""
        self.order_stream = f"hftlab-{cluster}-orders"
        self.account_stream = f"hftlab-{cluster}-accounts"
        self.refresh_bucket = f"hftlab-{cluster}-refresh"
        """Key-value bucket of JetStream with the newest refresh token of each sign-in."""
        self._root = root

    def announcement(self, run: str) -> str:
        """Return the subject on which one publisher tells who it is."""
        return f"{self._root}.announcement.{run}"

    def snapshots(self, run: str) -> str:
        """Return the subject on which one publisher is asked for the state of symbols."""
        return f"{self._root}.snapshot.{run}"

    def to(self, gateway: str) -> str:
        """Return the subject of what is for one gateway alone, by symbol."""
        return f"{self._root}.to.{gateway}"


@lru_cache(maxsize=200_000)
def token_of(name: str) -> str:
    """Return a symbol or an account as one token of a subject: NATS has its own use for dots, stars and blanks."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


@lru_cache(maxsize=200_000)
def name_of(subject: str) -> str:
    """Return the symbol or account that the last token of a subject stands for."""
    return unquote(subject.rpartition(".")[2])
