"""Model of what a disk may hold after a power failure, made of a recording that really ran.

A folder is looked at before and after every call that changes or syncs something in it. What fsync and fdatasync were
called for is on disk. Anything else may be there or not: bytes that were written, in whole, in part or as zeros, and
entries of folders, in any combination.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

__all__ = ["Disk", "Moment", "watched"]

_CALLS = ("fsync", "fdatasync", "rename", "replace", "unlink", "mkdir", "rmdir")

Entries = dict[str, int]


class Moment(NamedTuple):
    """What is on disk at one moment and what may be, and how many messages were acknowledged."""

    disk: Disk
    acknowledged: int


class Disk:
    """Files and folders by numbers of their own: the system gives those of deleted ones to new ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.numbers: dict[int, int] = {}
        """The numbers of what is there now, by inode."""
        self.count = 0
        self.folders: dict[int, Entries] = {}
        self.contents: dict[int, bytes] = {}
        self.durable_folders: dict[int, Entries] = {}
        self.durable_contents: dict[int, bytes] = {}
        self.pending: dict[int, list[dict[str, int | None]]] = {}
        """Changes of a folder's entries since it was synced: names and what they stand for then, None for nothing."""
        self.top = self.look()

    def look(self) -> int:
        """Take note of what has changed; returns the number of the root."""
        before, self.numbers, kept = self.numbers, {}, dict(self.folders)
        self.folders = {}
        top = self._folder(self.root, before)
        for number, entries in self.folders.items():
            old = kept.get(number, {})
            change = {name: entries.get(name) for name in {*old, *entries} if old.get(name) != entries.get(name)}
            if change:
                self.pending.setdefault(number, []).append(change)
        return top

    def sync(self, inode: int, *, is_folder: bool) -> None:
        """Make durable what an open file or folder holds now."""
        number = self.numbers.get(inode)
        if number is None:
            return
        if is_folder:
            self.durable_folders[number] = dict(self.folders[number])
            self.pending.pop(number, None)
        else:
            self.durable_contents[number] = self.contents[number]

    def fail(self, chance: random.Random, target: Path) -> None:
        """Write one of the states that the disk may be in after a failure of the power."""
        self._restore(self.top, chance, target)

    def _folder(self, path: Path, before: dict[int, int]) -> int:
        number = self._number(path, before)
        entries: Entries = {}
        for entry in sorted(path.iterdir()):
            if entry.is_dir():
                entries[entry.name] = self._folder(entry, before)
            else:
                entries[entry.name] = self._number(entry, before)
                self.contents[entries[entry.name]] = entry.read_bytes()
        self.folders[number] = entries
        return number

    def _number(self, path: Path, before: dict[int, int]) -> int:
        inode = path.stat().st_ino
        if inode not in before:
            self.count += 1
        return self.numbers.setdefault(inode, before.get(inode, self.count))

    def _restore(self, number: int, chance: random.Random, target: Path) -> None:
        target.mkdir()
        entries = dict(self.durable_folders.get(number, {}))
        for change in self.pending.get(number, ()):
            if chance.random() < 0.5:
                for name, what in change.items():
                    if what is None:
                        entries.pop(name, None)
                    else:
                        entries[name] = what
        for name, what in entries.items():
            if what in self.contents:
                (target / name).write_bytes(self._content(what, chance))
            else:
                self._restore(what, chance, target / name)

    def _content(self, number: int, chance: random.Random) -> bytes:
        durable, written = self.durable_contents.get(number, b""), self.contents[number]
        if durable == written:
            return written
        if not written.startswith(durable):
            return chance.choice([durable, written])
        rest = written[len(durable) :]
        torn = rest[: chance.randrange(len(rest) + 1)]
        return durable + chance.choice([b"", rest, torn, torn + bytes(len(rest) - len(torn)), bytes(len(rest))])


@contextmanager
def watched(root: Path) -> Iterator[tuple[list[Moment], Callable[[], None]]]:
    """Note each moment of what happens in a folder; the function is called for each message that is acknowledged."""
    disk = Disk(root)
    moments: list[Moment] = []
    acknowledged = 0

    def note() -> None:
        disk.look()
        moments.append(Moment(deepcopy(disk), acknowledged))

    def acknowledge() -> None:
        nonlocal acknowledged
        acknowledged += 1

    def hooked(call: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **options: Any) -> Any:
            note()
            result = call(*arguments, **options)
            disk.look()
            return result

        def sync(descriptor: int) -> None:
            note()
            call(descriptor)
            status = os.fstat(descriptor)
            disk.sync(status.st_ino, is_folder=stat.S_ISDIR(status.st_mode))

        return sync if call.__name__ in ("fsync", "fdatasync") else change

    with pytest.MonkeyPatch.context() as patch:
        for name in _CALLS:
            patch.setattr(os, name, hooked(getattr(os, name)))
        patch.setattr("hftlab.session.journal._sync", os.fdatasync)
        yield moments, acknowledge
    note()
