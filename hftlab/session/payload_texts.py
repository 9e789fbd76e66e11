"""Payloads as the text of a table's columns, and back."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import polars as pl

__all__ = ["BASE64", "payload_texts", "texts_payloads"]

BASE64: Final = "base64"
"""The encoding of a payload that is not UTF-8, or that has a NUL, at which some readers end a text."""


def payload_texts(payloads: Sequence[bytes]) -> tuple[pl.Series, pl.Series]:
    """Return the columns `payload` and `encoding`, which is null where the payload is the text itself."""
    try:
        texts = pl.Series("payload", payloads, pl.Binary).cast(pl.String)
        if not texts.str.contains("\0", literal=True).any():
            return texts, pl.Series("encoding", [None] * len(payloads), pl.String)
    except pl.exceptions.PolarsError:
        pass  # some of them are not UTF-8
    pairs = [_encoded(payload) for payload in payloads]
    return (
        pl.Series("payload", [text for text, _ in pairs], pl.String),
        pl.Series("encoding", [encoding for _, encoding in pairs], pl.String),
    )


def texts_payloads(rows: pl.DataFrame) -> list[bytes]:
    """Return the payloads of rows with these columns; the inverse of payload_texts()."""
    return [
        text.encode() if encoding is None else base64.b64decode(text)
        for text, encoding in zip(rows["payload"], rows["encoding"], strict=True)
    ]


def _encoded(payload: bytes) -> tuple[str, str | None]:
    with suppress(UnicodeDecodeError):
        if b"\0" not in payload:
            return payload.decode(), None
    return base64.b64encode(payload).decode(), BASE64
