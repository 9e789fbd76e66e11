"""A session's manifest in words.

What is in a manifest's `source` is whatever made the session, which may be a program of somebody else: anything that is
JSON is shown as far as it can be, and nothing is taken for granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hftlab.cli.counts import counted, fact_text, is_fact
from hftlab.clock import in_words
from hftlab.printable import printable

if TYPE_CHECKING:
    from hftlab.session import Session

__all__ = ["events_end_text", "extent_text", "session_text", "source_text", "time_text"]


def session_text(session: Session) -> str:
    """Describe a session in one line: its folder, messages, symbols, length and size."""
    manifest = session.manifest
    held = f"{counted(manifest.messages, 'message')} of {counted(len(manifest.symbols), 'symbol')}"
    state = "" if session.recorded_by is None else ", still being recorded"
    where = printable(str(session.folder))
    return f"{where}: {held} in {session.duration:,.1f} s, {counted(manifest.size, 'byte')}{state}"


def time_text(session: Session) -> str | None:
    """Say from when to when a session was recorded; None if it does not say."""
    started, ended = session.manifest.started, session.manifest.ended
    return None if started is None or ended is None else f"{in_words(started)} to {in_words(ended)}"


def source_text(source: dict[str, Any]) -> str:
    """Say where a recording comes from: its name, and the other facts in brackets."""
    name, kind = source.get("name"), source.get("kind")
    facts = {key: value for key, value in source.items() if key not in ("name", "kind") and is_fact(value)}
    texts = [fact_text(kind)] if is_fact(kind) else []
    texts += [
        counted(len(value), fact_text(key.replace("_", " ").removesuffix("s")))
        if isinstance(value, list)
        else f"{fact_text(key.replace('_', ' '))} {fact_text(value)}"
        for key, value in facts.items()
    ]
    return (fact_text(name) if is_fact(name) else "unknown") + (f" ({', '.join(texts)})" if texts else "")


def extent_text(extent: object) -> str | None:
    """Say how far a source was read, as far as it is known; None if it was read to its end, or does not say."""
    if not isinstance(extent, dict) or extent.get("whole") is not False:
        return None
    size, done, until, events_until = (_number(extent.get(name)) for name in ("size", "bytes", "until", "events_until"))
    told = []
    if size and done is not None:
        # The manifest of a process that was killed is older than the last messages.
        least = "at least " if "events_until" in extent else ""
        told.append(f"{least}{done:,} of {size:,} bytes of the file")
    if until is not None:
        where = f"up to {in_words(until)}"
        if events_until is not None and events_until != until:
            where = f"messages {where}, order-level events up to {in_words(events_until)}"
        told.append(where)
    return "the source was not read to its end" + (f": {'; '.join(told)}" if told else "")


def events_end_text(extent: object) -> str | None:
    """Say that the order-level events of a killed import end before its messages; None if they do not."""
    if not isinstance(extent, dict):
        return None
    until, events_until = (_number(extent.get(name)) for name in ("until", "events_until"))
    if until is None or events_until is None or events_until >= until:
        return None
    return f"the order-level events end at {in_words(events_until)}, before the messages"


def _number(value: object) -> int | None:
    """Return a count or a time in ns; None for anything else."""
    return value if type(value) is int and 0 <= value < 2**63 else None
