"""Structured log lines through the standard logging module; silent until the program configures logging."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import structlog

__all__ = ["AUDIT", "NoticeFormatter", "get_logger", "write_audit"]

AUDIT: Final = "hftlab.audit"
"""The audit logger: connections, refusals, sign-ins and requests; never a token."""

logging.getLogger("hftlab").addHandler(logging.NullHandler())


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger that takes an event and key=value pairs, whatever structlog configuration the user has."""
    import structlog  # the command line and the doctor come here without it

    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            _Renderer(structlog.processors.KeyValueRenderer(key_order=["event"], repr_native_str=False)),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger


class NoticeFormatter(logging.Formatter):
    """Formatter of log records for a person: the event as a sentence, and its facts in brackets."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        if fields is None:  # another library's
            return f"{record.name}: {super().format(record)}"
        facts = ", ".join(f"{name}: {value}" for name, value in fields.items() if name not in ("event", "exception"))
        text = f"hftlab: {fields['event']}" + (f" ({facts})" if facts else "")
        return f"{text}\n{fields['exception']}" if "exception" in fields else text


def write_audit(path: Path) -> None:
    """Append the audit log to a file, one line an event with its UTC time. Raises OSError.

    A new file can be read by this user alone; one that is there keeps its permissions.
    """
    handler = logging.StreamHandler(open(path, "a", opener=_private, encoding="utf-8"))  # noqa: SIM115 - stays open
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = logging.getLogger(AUDIT)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _Renderer:
    """Gives a record its text of key=value pairs, and the pairs themselves as `fields`."""

    def __init__(self, pairs: structlog.processors.KeyValueRenderer) -> None:
        self._pairs = pairs

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
        fields = dict(event)
        return (str(self._pairs(logger, method, event)),), {"extra": {"fields": fields}}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
