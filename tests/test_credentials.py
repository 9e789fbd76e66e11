"""Keys in files, and the names that tokens may speak for."""

from __future__ import annotations

import getpass

import pytest

from hftlab.credentials import find_secret, is_subject, local_account, remove_secret, write_secret

KEY = b"k" * 32
PORT = 1
"""No server of a user listens there."""


def test_the_local_account_is_the_user() -> None:
    assert local_account() == getpass.getuser()


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_a_user_without_a_name_has_one(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """A container may run as a number."""

    def fail() -> str:
        raise error("no such user")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert local_account() == "local"


@pytest.mark.parametrize(
    ("name", "fits"),
    [("alice", True), ("Ålice B.", True), ("x" * 128, True), ("", False), ("x" * 129, False), ("\n", False)],
)
def test_an_account_has_a_printable_name(name: str, fits: bool) -> None:
    assert is_subject(name) is fits


def test_a_key_is_found_by_its_port_until_it_is_removed() -> None:
    write_secret(PORT, KEY)
    try:
        assert find_secret(PORT) == KEY
        remove_secret(PORT, b"another's" * 8)
        assert find_secret(PORT) == KEY
    finally:
        remove_secret(PORT, KEY)
    assert find_secret(PORT) is None
