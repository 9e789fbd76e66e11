"""The accounts of one server session: the private log of each, and the connections that are signed in as it."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Final, Generic, TypeVar

from hftlab.protocol.messages import Message
from hftlab.protocol.publishing.peer import Peer
from hftlab.protocol.publishing.private_log import MOST_MESSAGES, PrivateLog

K = TypeVar("K", bound=Hashable)

__all__ = ["Accounts"]

_MOST_ACCOUNTS: Final = 10_000
_MOST_IN_ALL: Final = 200_000
_EPOCH: Final = 1 << 32
"""More messages than an account gets in one session."""


class _Account(Generic[K]):
    def __init__(self, log: PrivateLog) -> None:
        self.log = log
        self.peers: dict[K, Peer[K]] = {}


class Accounts(Generic[K]):
    """Keeps private messages apart by account. Memory is bounded in both directions.

    All logs together hold at most `most_messages`: each may have an equal share of them, and 10,000 at most. When there
    are more than `most_accounts` logs, the account that has been idle for longest, and that no connection is signed in
    as, is forgotten. From then on the sequences of new logs start at a multiple of 2^32 above all those forgotten.
    Should the account come back, a client of it that resumes gets a GAP, never a number for the second time, and learns
    nothing about other accounts.

    With `mirrors` they are a copy of accounts elsewhere: each message has its sequence already, and keeps it.
    """

    def __init__(
        self,
        session: str,
        *,
        most_accounts: int = _MOST_ACCOUNTS,
        most_messages: int = _MOST_IN_ALL,
        mirrors: bool = False,
    ) -> None:
        self.session = session
        self._mirrors = mirrors
        self._most_accounts, self._most_messages = most_accounts, most_messages
        self._accounts: dict[str, _Account[K]] = {}
        """The one that has been idle for longest is first."""
        self._start = 0
        self._share = MOST_MESSAGES

    def __len__(self) -> int:
        return len(self._accounts)

    def sign_in(self, peer: Peer[K], name: str) -> PrivateLog:
        """Make a connection a reader of an account's private messages, and of no other's; returns the account's log."""
        self.sign_out(peer)
        account = self._touched(name)
        account.peers[peer.key] = peer
        peer.account = name
        return account.log

    def sign_out(self, peer: Peer[K]) -> None:
        """Make a connection a reader of no private messages."""
        if peer.account is not None:
            del self._accounts[peer.account].peers[peer.key]
            peer.account = None

    def add(self, name: str, message: Message, at: int = 0) -> tuple[Message, Collection[Peer[K]]]:
        """Number and keep one message of an account, of the source time `at`; returns it with its connections."""
        account = self._touched(name)
        sequence = message.sequence if self._mirrors else None
        return account.log.add(message, at, sequence), account.peers.values()

    def move_to(self, name: str, sequence: int) -> bool:
        """Make `sequence` that of the newest message of an account, of which nothing before is held any more.

        Does nothing where it is that already; returns whether it was another.
        """
        return self._touched(name).log.move_to(sequence)

    def withdraw(self, at: int) -> list[tuple[Message, Collection[Peer[K]]]]:
        """Withdraw the messages of after `at` (source time); returns the GAPs that say so, with their connections."""
        gaps = ((account.log.withdraw(at), account.peers.values()) for account in self._accounts.values())
        return [(gap, peers) for gap, peers in gaps if gap is not None]

    def signed_in(self) -> list[str]:
        """Return the accounts that connections are signed in as."""
        return [name for name, account in self._accounts.items() if account.peers]

    def reaches(self, name: str, at: int) -> bool:
        """Return whether an account's log reaches back to a source time; see PrivateLog."""
        account = self._accounts.get(name)
        return account is None or account.log.reaches(at)

    def peers(self, name: str) -> Collection[Peer[K]]:
        """Return the connections that are signed in as an account."""
        account = self._accounts.get(name)
        return () if account is None else account.peers.values()

    def can_resume(self, name: str, session: str | None, sequence: int | None) -> bool:
        """Return whether the account's log has every message after `sequence` of `session`."""
        account = self._accounts.get(name)
        log = PrivateLog(self.session, self._share, self._start) if account is None else account.log
        return log.can_resume(session, sequence)

    def sequence(self, name: str) -> int:
        """The sequence of the newest private message of an account."""
        account = self._accounts.get(name)
        return self._start if account is None else account.log.sequence

    def _touched(self, name: str) -> _Account[K]:
        account = self._accounts.pop(name, None)
        if account is None:
            self._make_room()
            account = _Account(PrivateLog(self.session, self._share, self._start))
        self._accounts[name] = account
        return account

    def _make_room(self) -> None:
        """Forget an idle account if there are too many, and leave each log its share of all messages."""
        if len(self._accounts) >= self._most_accounts:
            idle = next((name for name, account in self._accounts.items() if not account.peers), None)
            if idle is not None:
                forgotten = self._accounts.pop(idle).log.sequence
                self._start = max(self._start, (forgotten // _EPOCH + 1) * _EPOCH)
        share = max(1, min(MOST_MESSAGES, self._most_messages // (len(self._accounts) + 1)))
        if share != self._share:
            self._share = share
            for account in self._accounts.values():
                account.log.resize(share)
