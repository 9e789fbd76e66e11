"""Object stores: their addresses' schemes, credentials and endpoints, and the file systems that read and write them.

The usual variables of the environment count, and `storage_options` of the same names before them, for pyarrow, which
reads and writes, and for polars, which scans tables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, Final

from hftlab.errors import ArgumentError, ArgumentTypeError, ObjectStoreFailed
from hftlab.nearest import nearest

__all__ = ["ADVICE", "SCHEMES", "Options", "checked_options", "file_system", "polars_options", "told"]

Options = Mapping[str, str]

SCHEMES: Final = ("s3", "gs", "az")
_COMMON: Final = ("connect_timeout", "timeout", "max_retries")
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "s3": (
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_region",
        "aws_endpoint_url",
        "aws_allow_http",
        "aws_skip_signature",
    ),
    "gs": ("google_application_credentials",),
    "az": ("azure_storage_account_name", "azure_storage_account_key"),
}
"""Options by scheme; in upper case they are the variables of the environment."""
_ALIASES: Final = {"aws_default_region": "aws_region", "aws_endpoint_url_s3": "aws_endpoint_url"}
"""Other names of the same."""
_VARIABLES: Final = (
    "aws_default_region",
    *(name for names in _NAMES.values() for name in names),
    "aws_endpoint_url_s3",
)
"""Names of the environment; of two of the same the later one counts, as with Amazon's own tools."""
_CONNECT, _ANSWER, _RETRIES = 5.0, 30.0, 3
"""Seconds to connect in, seconds without a byte after which a request is given up, and how often it is tried again."""
_PROCESS_SYSTEMS: Final[dict[tuple[object, ...], Any]] = {}
"""File systems by process, scheme and options: a forked child makes its own."""


def checked_options(options: Mapping[str, object] | None) -> dict[str, str]:
    """Return options by their names in lower case. Raises ArgumentError for one that is not known."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise ArgumentTypeError(f"storage_options is {options!r}: give a dict such as {{'aws_endpoint_url': '...'}}")
    known = [*_COMMON, *(name for names in _NAMES.values() for name in names)]
    checked: dict[str, str] = {}
    for given, value in options.items():
        name = _ALIASES.get(str(given).lower(), str(given).lower())
        if name not in known:
            near = nearest(name, known)
            told = f" (nearest: {near!r})" if near else ""
            raise ArgumentError(f"storage_options has no {given!r}{told}: there are {', '.join(known)}")
        if value is not None:
            checked[name] = str(value).lower() if isinstance(value, bool) else str(value)
    for name in _COMMON:
        if name in checked:
            _seconds(checked, name, 0)
    return checked


def file_system(scheme: str, bucket: str, options: Options) -> Any:
    """Return the pyarrow file system of a bucket; its paths are bucket/key. Raises ObjectStoreFailed."""
    settings = _settings(scheme, options)
    key = (os.getpid(), scheme, bucket, *sorted(settings.items()))
    if key not in _PROCESS_SYSTEMS:
        _PROCESS_SYSTEMS[key] = _MADE[scheme](bucket, settings)
    return _PROCESS_SYSTEMS[key]


def polars_options(scheme: str, options: Options) -> dict[str, Any]:
    """Return the arguments for `polars.scan_parquet` that give it the same credentials and endpoint."""
    settings = _settings(scheme, options)
    named: dict[str, Any] = {name: value for name, value in settings.items() if name not in _COMMON}
    if settings.get("aws_endpoint_url", "").startswith("http://"):
        named["aws_allow_http"] = "true"
    if scheme == "s3" and "aws_endpoint_url" in settings:
        named.setdefault("aws_region", _REGION)
        named["aws_endpoint_url_s3"] = settings["aws_endpoint_url"]  # else polars takes that of the environment
    named["connect_timeout"] = f"{_seconds(settings, 'connect_timeout', _CONNECT):g}s"
    named["timeout"] = f"{_seconds(settings, 'timeout', _ANSWER):g}s"
    named["max_retries"] = round(_seconds(settings, "max_retries", _RETRIES))
    arguments: dict[str, Any] = {"storage_options": named}
    if "aws_access_key_id" in named or _is_true(settings, "aws_skip_signature"):
        arguments["credential_provider"] = None  # it would look for others
    return arguments


@contextmanager
def told(address: PathLike[str]) -> Iterator[None]:
    """Turn what a file system raises into ObjectStoreFailed, which says what to do; FileNotFoundError stays."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise ObjectStoreFailed(f"{address} {_reason(str(exc))}", path=address) from exc


# --- the file systems ---

_REGION: Final = "us-east-1"
"""Region where an endpoint of one's own is named, and no region: such servers take any."""


def _settings(scheme: str, options: Options) -> dict[str, str]:
    """Return the options of a scheme, those of the environment among them."""
    names = _NAMES[scheme]
    found: dict[str, str] = {}
    for variable, name in ((one.upper(), _ALIASES.get(one, one)) for one in _VARIABLES):
        if name in names and os.environ.get(variable):
            found[name] = os.environ[variable]
    if options.get("aws_access_key_id"):
        found.pop("aws_session_token", None)  # it belongs to the environment's key
    return found | {name: value for name, value in options.items() if name in names or name in _COMMON}


def _s3(bucket: str, settings: dict[str, str]) -> Any:
    from pyarrow import fs

    endpoint = settings.get("aws_endpoint_url")
    key, secret = (bool(settings.get(f"aws_{name}")) for name in ("access_key_id", "secret_access_key"))
    if key != secret:
        there, missing = ("access_key_id", "secret_access_key") if key else ("secret_access_key", "access_key_id")
        raise ArgumentError(f"aws_{there} is given and aws_{missing} is not: give both, or neither of them")
    if endpoint is not None and "@" in endpoint:  # without the endpoint, which has what nobody should see
        raise ArgumentError("credentials are not part of aws_endpoint_url: give them as aws_access_key_id and so on")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ArgumentError(f"aws_endpoint_url is {endpoint!r}: begin it with https://, or http:// for plain text")
    scheme, _, host = (endpoint or "https://").partition("://")
    region = settings.get("aws_region") or (_REGION if endpoint else _region_of(bucket))
    return fs.S3FileSystem(
        access_key=settings.get("aws_access_key_id"),
        secret_key=settings.get("aws_secret_access_key"),
        session_token=settings.get("aws_session_token"),
        anonymous=_is_true(settings, "aws_skip_signature"),
        region=region,
        scheme=scheme,
        endpoint_override=host.rstrip("/") or None,
        connect_timeout=_seconds(settings, "connect_timeout", _CONNECT),
        request_timeout=_seconds(settings, "timeout", _ANSWER),
        retry_strategy=fs.AwsStandardS3RetryStrategy(
            max_attempts=1 + round(_seconds(settings, "max_retries", _RETRIES))
        ),
        background_writes=False,  # what is written is told of when it is there
        allow_delayed_open=True,  # a small object is one request
    )


def _region_of(bucket: str) -> str | None:
    """Ask Amazon where a bucket is; None if it does not say."""
    from pyarrow import fs

    try:
        region: str = fs.resolve_s3_region(bucket)
    except OSError:
        return None
    return region


def _gs(_: str, settings: dict[str, str]) -> Any:
    from datetime import timedelta

    from pyarrow import fs

    limit = _seconds(settings, "timeout", _ANSWER) * (1 + _seconds(settings, "max_retries", _RETRIES))
    return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=limit))


def _az(_: str, settings: dict[str, str]) -> Any:
    from pyarrow import fs

    name = settings.get("azure_storage_account_name")
    if name is None:
        raise ArgumentError("az:// needs the name of a storage account: set AZURE_STORAGE_ACCOUNT_NAME")
    return fs.AzureFileSystem(account_name=name, account_key=settings.get("azure_storage_account_key"))


_MADE: Final[dict[str, Any]] = {"s3": _s3, "gs": _gs, "az": _az}


def _is_true(settings: Options, name: str) -> bool:
    return settings.get(name, "").lower() in ("true", "1", "yes", "on")


def _seconds(settings: Options, name: str, default: float) -> float:
    text = settings.get(name)
    if text is None:
        return default
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise ArgumentError(f"storage_options has {name}={text!r}: give a number, 0 or more")
    return value


# --- errors ---

ADVICE: Final = "check the address, and AWS_ENDPOINT_URL where it is not Amazon's"
"""Advice for a bucket that does not exist."""
_STATUS: Final = re.compile(r"UNKNOWN \(HTTP status (\d+)\)")
"""Text of pyarrow for an answer without a code that it knows."""
_REASONS: Final = (
    (
        ("ExpiredToken", "EXPIRED_TOKEN", "TokenRefreshRequired", "REQUEST_EXPIRED"),
        "is refused, as the credentials have expired: set new ones (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
        "AWS_SESSION_TOKEN, or storage_options)",
    ),
    (
        ("REQUEST_TIME_TOO_SKEWED", "RequestTimeTooSkewed"),
        "is refused, as the clock of this machine is wrong: set it",
    ),
    (
        ("SLOW_DOWN", "SlowDown", "THROTTLING", "HTTP status 429", "HTTP status 503", "SERVICE_UNAVAILABLE"),
        "cannot be had at present, as the store is overloaded or down: try again later",
    ),
    (
        ("INTERNAL_FAILURE", "HTTP status 500", "HTTP status 502", "HTTP status 504"),
        "cannot be had at present, as the store has failed: try again later",
    ),
    (
        ("HTTP status 301", "HTTP status 307", "PermanentRedirect", "AuthorizationHeaderMalformed"),
        "is in another region: set AWS_REGION to that of its bucket",
    ),
    (
        ("HTTP status 400",),
        "is refused: check the credentials, which may have expired, AWS_ENDPOINT_URL and AWS_REGION",
    ),
    (
        ("NO_SUCH_BUCKET", "NoSuchBucket"),
        f"cannot be had, as its bucket does not exist: {ADVICE}",
    ),
    (
        (
            "ACCESS_DENIED",
            "INVALID_ACCESS_KEY_ID",
            "INVALID_CLIENT_TOKEN_ID",
            "SIGNATURE_DOES_NOT_MATCH",
            "UNRECOGNIZED_CLIENT",
            "InvalidAccessKeyId",
            "HTTP status 401",
            "HTTP status 403",
        ),
        "is refused to these credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or storage_options, and "
        "what they are allowed",
    ),
    (
        ("NETWORK_CONNECTION", "curlCode", "Could not connect", "Couldn't resolve"),
        "cannot be reached: check the network, AWS_ENDPOINT_URL and AWS_REGION",
    ),
)


def _reason(error: str) -> str:
    for signs, reason in _REASONS:
        if any(sign in error for sign in signs):
            return f"{reason} ({_short(error)})"
    return f"cannot be read or written ({_short(error)}): try again"


def _short(error: str) -> str:
    """Return what a store's answer says, without where it was asked and the request's id."""
    _, found, rest = error.partition("AWS Error ")
    short = (rest if found else error).split(" (Request ID")[0].removesuffix("No response body.").strip().rstrip(".:")
    return _STATUS.sub(r"HTTP \1", short).replace("Unable to parse ExceptionName: ", "")[:300]
