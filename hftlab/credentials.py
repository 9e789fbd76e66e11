"""Signing keys in files that only their user can read, and access tokens signed with them.

Whoever has a server's key can sign in as any account. A server that was given no key makes one and leaves it where the
clients of the same user find it, one file per port, until it stops.
"""

from __future__ import annotations

import getpass
import os
import secrets
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hftlab.errors import HftlabError

__all__ = [
    "ACCESS_LIFETIME",
    "ALGORITHM",
    "AUDIENCE",
    "ISSUER",
    "MIN_KEY_BYTES",
    "REFRESH_AUDIENCE",
    "REFRESH_LIFETIME",
    "access_token",
    "find_secret",
    "is_subject",
    "local_account",
    "read_key",
    "refresh_token",
    "remove_secret",
    "write_secret",
]

AUDIENCE: Final = "hftlab"
ISSUER: Final = "hftlab"
ALGORITHM: Final = "HS256"
ACCESS_LIFETIME: Final = 15 * 60
"""Seconds for which an access token is valid."""
REFRESH_AUDIENCE: Final = "hftlab-refresh"
REFRESH_LIFETIME: Final = 24 * 3600
"""Seconds for which a refresh token is valid."""
MIN_KEY_BYTES: Final = 32
"""An HS256 key is at least as long as its hash (RFC 7518 section 3.2)."""


def access_token(key: bytes, subject: str, now: float, lifetime: float = ACCESS_LIFETIME) -> str:
    """Sign a token (RFC 7519) for AUTH messages as the account `subject`; `now` is in seconds since 1970 UTC."""
    import jwt  # 0.1 s, which a client of an open server need not wait for

    claims: dict[str, Any] = {"sub": subject, "iat": int(now), "exp": int(now + lifetime)}
    return jwt.encode(claims | {"aud": AUDIENCE, "iss": ISSUER}, key, algorithm=ALGORITHM)


def refresh_token(key: bytes, subject: str, now: float, family: str | None = None, number: int = 0) -> str:
    """Sign a refresh token that a cluster's gateways exchange: the `number`th of its sign-in, or a new one's first.

    `now` is in seconds since 1970 UTC.
    """
    import jwt

    claims: dict[str, Any] = {"sub": subject, "iat": int(now), "exp": int(now + REFRESH_LIFETIME)}
    claims |= {"aud": REFRESH_AUDIENCE, "iss": ISSUER, "family": family or secrets.token_urlsafe(16), "number": number}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def is_subject(text: object) -> bool:
    """Tell whether a text may be the name of an account: printable, 1 to 128 characters."""
    return isinstance(text, str) and 0 < len(text) <= 128 and text.isprintable()


def local_account() -> str:
    """Name of the user who runs this process: the account with which local clients sign in by default."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number without a name
        return "local"


def read_key(path: Path) -> bytes:
    """Read a key from a file of the operator's, without the line end behind it.

    Raises HftlabError if others can read it or it is too short, and OSError.
    """
    with path.open("rb") as file:
        if sys.platform != "win32" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise HftlabError(f"others can read the key in {path}: run `chmod 600 {path}`, or make a new one")
        key = file.read().removesuffix(b"\n").removesuffix(b"\r")
    if len(key) < MIN_KEY_BYTES:
        raise HftlabError(
            f"the key in {path} has {len(key)} bytes, and needs {MIN_KEY_BYTES} random ones: make one with "
            f"`(umask 077; openssl rand -hex 32 > {path})`"
        )
    return key


def write_secret(port: int, secret: bytes) -> Path:
    """Store a server's key for its user. Raises OSError if there is no private folder for it."""
    path = _folder(create=True) / f"{port}.key"
    with suppress(FileNotFoundError):
        path.unlink()  # of a server that was killed
    # O_EXCL: never through a link, never into a file that somebody else has open.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    return path


def find_secret(port: int) -> bytes | None:
    """Return the key of this user's server on a port of this machine; None if only others could have left one."""
    try:
        path = _folder(create=False) / f"{port}.key"
        with path.open("rb") as file:
            _check_private(os.fstat(file.fileno()), path)
            return file.read(4096) or None
    except OSError:
        return None


def remove_secret(port: int, secret: bytes) -> None:
    """Remove a server's key, unless another server has taken the port since."""
    if find_secret(port) == secret:
        with suppress(OSError):
            (_folder(create=False) / f"{port}.key").unlink()


def _folder(*, create: bool) -> Path:
    if sys.platform == "win32":  # a user's profile is private there
        path = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "hftlab" / "run"
    elif runtime := os.environ.get("XDG_RUNTIME_DIR"):
        path = Path(runtime) / "hftlab"
    else:
        path = Path(tempfile.gettempdir()) / f"hftlab-{os.getuid()}"
    if create:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(path.lstat(), path)
    return path


def _check_private(status: os.stat_result, path: Path) -> None:
    """Raise PermissionError for a folder or file that others could have put there, to read our keys or plant theirs."""
    if sys.platform == "win32":
        return
    if stat.S_ISLNK(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(f"{path} is not private to this user: remove it, or set XDG_RUNTIME_DIR")
