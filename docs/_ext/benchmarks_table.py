"""The benchmarks that `hftlab bench` knows, each as its own module describes it."""

from __future__ import annotations

import inspect
from importlib import import_module

from hftlab.bench import BENCHMARKS

__all__ = ["table"]


def table() -> str:
    lines: list[str] = []
    for name in BENCHMARKS:
        title, _, rest = inspect.cleandoc(import_module(f"hftlab.bench.{name}").__doc__ or "").partition("\n\n")
        _, _, summary = title.replace("\n", " ").partition(": ")
        lines += [f"## {name}", "", f"{summary[:1].upper()}{summary[1:]}", "", rest, ""]
    return "\n".join(lines)
