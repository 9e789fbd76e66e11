"""The page code of a widget: its JavaScript modules put together as one, and a page that shows it without a kernel.

A widget's code travels as one text and has nowhere to import from; as files, the modules stay plain.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final

__all__ = ["page_source", "standalone_page"]

_IMPORT: Final = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[\w/.]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:class|function|const) (\w+))", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^export default .*;\n", re.MULTILINE)


@cache
def page_source(path: Path) -> str:
    """Put the module `path` and all that it imports together as one module.

    Each imported module becomes a function's scope, so that two modules may use one name.
    """
    included: dict[Path, str] = {}
    code = _linked(path.resolve(), included)
    return "".join(included.values()) + code


def _linked(path: Path, included: dict[Path, str]) -> str:
    """Return a module's code with its imports replaced; what it imports goes to `included` first."""

    def replaced(match: re.Match[str]) -> str:
        other = (path.parent / match[2]).resolve()
        if other not in included:
            code = _linked(other, included)
            names = ", ".join(_EXPORT.findall(code))
            body = _DEFAULT.sub("", _EXPORT.sub("", code))
            included[other] = f"const {_name(other)} = (() => {{\n{body}return {{ {names} }};\n}})();\n"
        return f"const {{{match[1].replace(' as ', ': ')}}} = {_name(other)};\n"

    return _IMPORT.sub(replaced, path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return f"$_{path.parent.name}_{path.stem}"


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>:root {{ color-scheme: light dark; }} body {{ margin: 16px; background: Canvas; }}</style>
</head><body><main></main>
<noscript>{picture}</noscript>
<script type="module">
{code}
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
const state = {state};
for (const [name, text] of Object.entries({buffers})) state[name] = bytes(text);
const module = await import(URL.createObjectURL(new Blob([source], {{ type: "text/javascript" }})));
module.default.render({{ model: new OfflineModel(state), el: document.querySelector("main") }});
</script></body></html>
"""


def standalone_page(title: str, source: str, state: Mapping[str, Any], picture: str) -> str:
    """Return an HTML document that shows a widget's page code with its present state; it needs no kernel."""
    buffers = {name: base64.b64encode(value).decode() for name, value in state.items() if isinstance(value, bytes)}
    plain = {name: value for name, value in state.items() if not isinstance(value, bytes)}
    offline = (Path(__file__).parent / "offline_model.js").read_text(encoding="utf-8").replace("export ", "")
    return _PAGE.format(
        title=escape(title),
        picture=picture,
        code=f"{offline}const source = {_script(source)};",
        state=_script({**plain, "offline": True}),
        buffers=_script(buffers),
    )


def _script(value: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(value).replace("<", "\\u003c")
