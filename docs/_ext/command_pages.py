"""The command line as a page: each command's help and options, read from the program itself."""

from __future__ import annotations

from typing import Any

import typer

from hftlab.cli import app

__all__ = ["page"]


def page() -> str:
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return "\n".join(line for name in sorted(commands) for line in _section(name, commands[name]))


def _section(name: str, command: Any) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = " ".join(["hftlab", name, *map(_metavar, arguments), *(["[OPTIONS]"] if options else [])])
    lines = [f"## {name}", "", f"`{usage}`", "", command.help or "", ""]
    rows = [(_metavar(one), one) for one in arguments]
    rows += [(", ".join([*one.opts, *one.secondary_opts]), one) for one in options]
    if rows:
        lines += ["| option | what it does | default |", "|---|---|---|"]
        lines += [f"| `{label}` | {_text(one.help or '')} | {_default(one)} |" for label, one in rows]
    return [*lines, ""]


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _text(text: str) -> str:
    return text.replace("|", "\\|")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if value in (None, ()) or callable(value):
        return ""
    return "off" if value is False else f"`{value}`"
