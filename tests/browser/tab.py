"""A page of a real Chromium with one widget on it: the page code, a stand-in for its model, and nothing else."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any, Self

__all__ = ["COUNT", "FLAGS", "SCHEMES", "Tab", "new_context", "text"]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SCHEMES = [{"scheme": "light"}, {"scheme": "dark"}, {"scheme": "light", "scale": 2}, {"scheme": "dark", "scale": 2}]
"""What a test of colours and of sharpness is run with."""
WAIT = 20_000  # ms until a test gives up; none takes as long

# A stand-in for what anywidget gives to render(): get, on, off, send, save_changes.
PAGE = """
<!doctype html><meta charset="utf-8">
<style>:root { color-scheme: light dark; } body { margin: 12px; }</style>
<div id="cell" style="width: 520px"></div>
<script type="module">
class Model {
  constructor(state) { this.state = state; this.listeners = {}; this.sent = []; }
  get(name) { return this.state[name]; }
  on(name, callback) { (this.listeners[name] ??= new Set()).add(callback); }
  off(name, callback) { this.listeners[name]?.delete(callback); }
  send(content) { this.sent.push(content); }
  save_changes() {}
  emit(name, ...values) { for (const callback of this.listeners[name] ?? []) callback(...values); }
  set(name, value) { this.state[name] = value; this.emit(`change:${name}`, value); }
  listening() { return Object.values(this.listeners).reduce((sum, each) => sum + each.size, 0); }
}
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
window.start = async (source, state) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  window.module = await import(url);
  window.model = new Model({ ...state, frame: bytes(state.frame) });
  window.cleanup = await window.module.default.render({ model: window.model, el: document.getElementById("cell") });
};
window.feed = (text) => window.model.set("frame", bytes(text));
window.parsed = (text) => window.module.parse(bytes(text));
/** The paints of the canvas so far: each clears it with one fillRect over all of it. */
window.paints = 0;
const fill = CanvasRenderingContext2D.prototype.fillRect;
CanvasRenderingContext2D.prototype.fillRect = function (x, y, width, height) {
  if (x === 0 && y === 0) window.paints += 1;
  return fill.call(this, x, y, width, height);
};
/** Everything written onto the canvas by the last paint. */
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  if (window.written?.paint !== window.paints) window.written = { paint: window.paints, texts: [] };
  window.written.texts.push(text);
  return write.call(this, text, ...rest);
};
/** The test's clock: what the page would do at intervals, it does when told to. */
const repeated = [];
window.setInterval = (callback) => repeated.push(callback);
window.beat = () => repeated.forEach((callback) => callback());
window.ready = true;
</script>
"""

# Counts the pixels whose colour is near one of the theme's.
COUNT = """
([colour, tolerance]) => {
  const canvas = document.querySelector("canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (wanted.every((value, index) => Math.abs(data[at + index] - value) <= tolerance)) count += 1;
  }
  return count;
}
"""


def new_context(browser: Any, scheme: str = "light", scale: float = 1, motion: str = "no-preference") -> Any:
    """Make a context for tabs, with a page that stays: beside it, other pages need no process of their own.

    A context or a process for each takes Chromium three times as long.
    """
    context = browser.new_context(
        color_scheme=scheme,
        device_scale_factor=scale,
        reduced_motion=motion,
        viewport={"width": 700, "height": 700},
    )
    context.new_page().set_content(PAGE)
    return context


def text(frame: bytes) -> str:
    return base64.b64encode(frame).decode()


class Tab:
    """A page with one widget view on it."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(WAIT)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.set_content(PAGE)
        self.until("window.ready")

    def start(self, source: str, frame: bytes, *, paints: bool = True, **state: Any) -> Self:
        """Render a widget; `paints` says that it has a canvas, whose first paint is waited for."""
        settings = state.pop("settings", {})
        whole = {"status": "CONNECTED", "error": "", "notice": "", "replay": "", "beat": 4, "frame": text(frame)}
        whole |= {"settings": settings, "pulse": {"count": 1, "ages": {"": 0.0}}, **state}
        self.page.evaluate("([source, state]) => window.start(source, state)", [source, whole])
        self.until("window.paints > 0" if paints else "document.querySelector('.hftlab-view')")
        return self

    def feed(self, frame: bytes) -> None:
        self.page.evaluate("frame => window.feed(frame)", text(frame))

    def set(self, name: str, value: Any) -> None:
        self.page.evaluate("([name, value]) => window.model.set(name, value)", [name, value])

    def until(self, expression: str, argument: Any = None) -> None:
        self.page.wait_for_function(expression, arg=argument, timeout=WAIT)

    def until_written(self, word: str) -> None:
        self.until("word => window.written.texts.includes(word)", word)

    def written(self) -> list[str]:
        return self.page.evaluate("window.written.texts")

    def sent(self) -> list[dict[str, Any]]:
        return self.page.evaluate("window.model.sent")

    def pixels(self, colour: str, tolerance: int = 2) -> int:
        return self.page.evaluate(COUNT, [colour, tolerance])

    def voice(self) -> str:
        """Return the text that the view has read aloud."""
        return self.page.locator(".voice").text_content()

    def leaves(self, key: str) -> bool:
        """Press a key on the view, and tell whether the view leaves it to what is around it."""
        self.page.evaluate("window.left = 0; document.addEventListener('keydown', () => { window.left += 1; })")
        self.page.locator(".hftlab-view").press(key)
        return self.page.evaluate("window.left > 0")

    def header(self) -> str:
        return self.page.locator("header").first.inner_text()

    def until_veiled(self, word: str) -> None:
        self.until(
            "word => { const veil = document.querySelector('.veil');"
            " return !veil.hidden && veil.innerText.includes(word); }",
            word,
        )

    def picture(self, name: str) -> None:
        """Save what the tab shows to the folder HFTLAB_SCREENSHOTS, if there is one."""
        if folder := os.environ.get("HFTLAB_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")
