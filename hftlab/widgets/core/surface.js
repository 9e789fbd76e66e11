// The page side of every live widget: a sharp canvas that is painted only while it is visible, the notebook's colours,
// and the heartbeats by which the kernel knows that a page shows the widget.

import { DARK, LIGHT, MONO, SANS } from "./palette.js";

const UNANSWERED = 30_000; // ms after which a heartbeat counts as lost, and the next is sent without its answer
const BETWEEN_PAINTS = 30; // ms; about thirty frames a second are enough for a fade
const THEME_LASTS = 2_000; // ms; a theme's style sheet may arrive after the theme's name has changed

/** Read the colours and fonts of the page around `el`: JupyterLab's or VS Code's, else the system's light or dark. */
function readTheme(el, context) {
  const style = getComputedStyle(el);
  const pick = (...names) => names.map((name) => style.getPropertyValue(name).trim()).find(Boolean);
  const paper = pick("--jp-layout-color0", "--vscode-editor-background");
  const dark = paper ? luminance(paper, context) < 0.4 : matchMedia("(prefers-color-scheme: dark)").matches;
  const own = dark ? DARK : LIGHT;
  return {
    ...own,
    dark,
    paper: paper ?? own.paper,
    ink: pick("--jp-ui-font-color0", "--vscode-editor-foreground") ?? own.ink,
    muted: pick("--jp-ui-font-color2", "--vscode-descriptionForeground") ?? own.muted,
    line: pick("--jp-border-color2", "--vscode-panel-border") ?? own.line,
    sans: pick("--jp-ui-font-family", "--vscode-font-family") ?? SANS,
    mono: pick("--jp-code-font-family", "--vscode-editor-font-family") ?? MONO,
  };
}

function luminance(colour, context) {
  context.fillStyle = LIGHT.paper; // stays where the other one is not a colour
  context.fillStyle = colour; // the canvas returns any notation as #rrggbb, or as rgba where it is translucent
  const hex = /^#(..)(..)(..)$/.exec(context.fillStyle);
  if (!hex) return 1;
  const [red, green, blue] = hex.slice(1).map((pair) => parseInt(pair, 16) / 255);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Unpack a frame's float64 values; the kernel packs them little-endian, and the buffer need not be aligned. */
export function values(view) {
  if (!view || !view.byteLength) return [];
  const data = new DataView(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
  return Array.from({ length: data.byteLength >> 3 }, (_, index) => data.getFloat64(index * 8, true));
}

const formats = new Map();

/** Format a number as `515,000.00`, an unknown one as a dash. */
export function amount(value, decimals) {
  if (!Number.isFinite(value)) return "–";
  if (!formats.has(decimals)) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    formats.set(decimals, new Intl.NumberFormat("en-US", digits));
  }
  return formats.get(decimals).format(value);
}

/** A canvas that calls `draw(context, width, height, theme, now)`, again for the next frame while that returns true. */
export class Surface {
  constructor(model, canvas, draw) {
    this.model = model;
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.draw = draw;
    this.onScreen = false;
    this.pending = 0;
    this.asked = false;
    this.painted = -Infinity;
    this.themeRead = -Infinity;
    this.presence = new Presence(model);
    this.ending = new AbortController();
    this.listen();
  }

  listen() {
    const signal = this.ending.signal;
    const repaint = () => this.redraw();
    const rethemed = () => { this.themeRead = -Infinity; this.redraw(); };
    this.sight = new IntersectionObserver((entries) => this.seen(entries.at(-1).isIntersecting));
    this.sight.observe(this.canvas);
    // Immediately and not with the next frame: until then the old picture is stretched.
    this.sizes = new ResizeObserver(() => this.visible && this.paint());
    this.sizes.observe(this.canvas);
    this.themes = new MutationObserver(rethemed);
    this.themes.observe(document.documentElement, { attributeFilter: ["class", "data-theme", "style"] });
    this.themes.observe(document.body, {
      attributeFilter: ["class", "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind"],
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", rethemed, { signal });
    window.addEventListener("resize", repaint, { signal }); // also fires when the zoom changes
    document.addEventListener("visibilitychange", () => this.seen(this.onScreen), { signal });
    window.addEventListener("pagehide", () => this.presence.show(false), { signal });
    window.addEventListener("pageshow", () => this.seen(this.onScreen), { signal });
  }

  get visible() {
    return this.onScreen && !document.hidden;
  }

  seen(onScreen) {
    this.onScreen = onScreen;
    this.presence.show(this.visible);
    this.redraw();
  }

  /** Paint with the next animation frame, once for any number of calls. */
  redraw() {
    this.asked = true;
    this.schedule();
  }

  schedule() {
    if (this.pending || !this.visible) return;
    this.pending = requestAnimationFrame((now) => {
      this.pending = 0;
      if (this.asked || now - this.painted > BETWEEN_PAINTS) this.paint(now);
      else this.schedule();
    });
  }

  paint(now = performance.now()) {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width || !height) return;
    this.asked = false;
    this.painted = now;
    const ratio = window.devicePixelRatio || 1;
    const columns = Math.round(width * ratio), rows = Math.round(height * ratio);
    // Setting a size clears the canvas, even to the same size.
    if (this.canvas.width !== columns) this.canvas.width = columns;
    if (this.canvas.height !== rows) this.canvas.height = rows;
    if (now - this.themeRead > THEME_LASTS) {
      this.theme = readTheme(this.canvas, this.context);
      this.themeRead = now;
    }
    this.context.setTransform(columns / width, 0, 0, rows / height, 0, 0);
    this.context.globalAlpha = 1;
    this.context.fillStyle = this.theme.paper;
    this.context.fillRect(0, 0, width, height);
    if (this.draw(this.context, width, height, this.theme, now)) this.schedule();
  }

  destroy() {
    this.ending.abort();
    for (const observer of [this.sight, this.sizes, this.themes]) observer.disconnect();
    cancelAnimationFrame(this.pending);
    this.onScreen = false;
    this.presence.end();
  }
}

/** Tells the kernel whether this view is visible, and sends heartbeats while it is. */
class Presence {
  constructor(model) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.shown = false;
    this.beats = 0;
    this.asked = -Infinity; // when the beat that waits for its answer was sent
    this.heard = (message) => { if (message?.view === this.view) this.asked = -Infinity; };
    model.on("msg:custom", this.heard);
    this.timer = setInterval(() => this.beat(), 1000 * model.get("beat"));
  }

  show(shown) {
    if (shown === this.shown) return;
    this.shown = shown;
    this.say();
  }

  beat() {
    // A busy kernel reads nothing: let it find one heartbeat, not a thousand.
    if (this.shown && performance.now() - this.asked > UNANSWERED) this.say();
  }

  say() {
    this.beats += 1;
    this.asked = performance.now();
    try {
      this.model.send({ view: this.view, visible: this.shown, beat: this.beats });
    } catch {
      // The kernel or the widget is gone.
    }
  }

  end() {
    clearInterval(this.timer);
    this.model.off("msg:custom", this.heard);
    this.show(false);
  }
}
