"""One private log per account: who reads it, how its memory is bounded, what comes back after it was forgotten."""

from __future__ import annotations

import msgspec

from hftlab.protocol import JSON, Gap
from hftlab.protocol.publishing.accounts import Accounts
from hftlab.protocol.publishing.peer import Peer
from hftlab.protocol.publishing.private_log import MOST_MESSAGES
from tests.protocol.publishing.test_private_log import UPDATE

EPOCH = 1 << 32


def peer(key: str) -> Peer[str]:
    return Peer(key, JSON)


def add(accounts: Accounts[str], account: str, count: int = 1) -> None:
    for _ in range(count):
        accounts.add(account, UPDATE)


class TestReaders:
    def test_each_account_has_its_own_sequence_and_readers(self) -> None:
        accounts: Accounts[str] = Accounts("s")
        alice, bob = peer("a"), peer("b")
        accounts.sign_in(alice, "alice")
        accounts.sign_in(bob, "bob")
        for account, sequence, reader in (("alice", 1, alice), ("bob", 1, bob), ("alice", 2, alice)):
            message, readers = accounts.add(account, UPDATE)
            assert (message.channel, message.sequence, list(readers)) == (0, sequence, [reader])
        message, readers = accounts.add("carol", UPDATE)
        assert (message.sequence, list(readers)) == (1, [])

    def test_a_connection_reads_one_account_at_a_time(self) -> None:
        accounts: Accounts[str] = Accounts("s")
        one = peer("a")
        for account in ("alice", "bob", "bob"):
            accounts.sign_in(one, account)
            assert one.account == account
        assert not accounts.add("alice", UPDATE)[1]
        assert list(accounts.add("bob", UPDATE)[1]) == [one]
        for _ in range(2):
            accounts.sign_out(one)
            assert one.account is None
            assert not accounts.add("bob", UPDATE)[1]


class TestMemory:
    def test_all_logs_share_the_room(self) -> None:
        accounts: Accounts[str] = Accounts("s", most_messages=100)
        add(accounts, "alice", 150)
        alice = accounts.sign_in(peer("a"), "alice")
        assert len(alice) == 100
        add(accounts, "bob", 70)
        assert len(alice) == 50
        bob = accounts.sign_in(peer("b"), "bob")
        assert len(bob) == 50
        gap, *rest = alice.since("s", 0)
        assert isinstance(gap, Gap)
        assert (gap.from_sequence, gap.to_sequence) == (1, 100)
        assert [message.sequence for message in rest] == list(range(101, 151))

    def test_one_account_has_no_more_than_its_most(self) -> None:
        accounts: Accounts[str] = Accounts("s")
        add(accounts, "alice", MOST_MESSAGES + 1)
        assert len(accounts.sign_in(peer("a"), "alice")) == MOST_MESSAGES

    def test_the_account_that_is_idle_for_longest_is_forgotten(self) -> None:
        accounts: Accounts[str] = Accounts("s", most_accounts=2)
        for account in ("alice", "bob", "alice", "carol"):
            add(accounts, account)
        assert len(accounts) == 2
        assert (accounts.sequence("alice"), accounts.sequence("carol")) == (2, EPOCH + 1)
        assert accounts.sequence("bob") == EPOCH

    def test_one_that_somebody_is_signed_in_as_stays(self) -> None:
        accounts: Accounts[str] = Accounts("s", most_accounts=2)
        accounts.sign_in(peer("a"), "alice")
        accounts.sign_in(peer("b"), "bob")
        add(accounts, "carol")
        assert (len(accounts), accounts.sequence("alice"), accounts.sequence("carol")) == (3, 0, 1)

    def test_one_that_comes_back_has_a_gap_and_no_number_twice(self) -> None:
        """Neither does its first sequence tell how many messages other accounts have had."""
        accounts: Accounts[str] = Accounts("s", most_accounts=1)
        add(accounts, "alice", 7)
        add(accounts, "bob", 3)
        log = accounts.sign_in(peer("a"), "alice")
        assert log.sequence == accounts.sequence("alice") == 2 * EPOCH
        (gap,) = log.since("s", 7)
        assert isinstance(gap, Gap)
        assert (gap.from_sequence, gap.to_sequence) == (8, 2 * EPOCH)
        message, _ = accounts.add("alice", UPDATE)
        assert log.since("s", 2 * EPOCH) == [message]


class TestMirrors:
    def test_an_account_that_the_copy_has_forgotten_goes_on_with_its_own_numbers(self) -> None:
        """New logs of a copy start above all those forgotten, which is where only the publisher's own may be."""
        copy: Accounts[str] = Accounts("s", most_accounts=1, mirrors=True)
        for sequence in (1, 2, 3):
            copy.add("alice", msgspec.structs.replace(UPDATE, sequence=sequence))
        copy.add("bob", msgspec.structs.replace(UPDATE, sequence=1))
        assert not copy.can_resume("alice", "s", 3)
        assert copy.move_to("alice", 3)
        assert not copy.move_to("alice", 3)
        assert copy.sequence("alice") == 3
        assert copy.can_resume("alice", "s", 3)
        assert not copy.can_resume("alice", "s", 2)
        message, _ = copy.add("alice", msgspec.structs.replace(UPDATE, sequence=4))
        assert message.sequence == 4
