"""Text from files and networks, made safe to print on a terminal."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Escape control characters and others that do not print, as Python does: an escape becomes "\x1b".

    A terminal would act on them: they move the cursor, rename the window or hide text.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
