// The colours and fonts of the page around a widget.

import { DARK, LIGHT, MONO, SANS } from "./palette.js";

const LASTS = 2_000; // ms; a theme's style sheet may arrive after the theme's name has changed

/** Read the colours and fonts of the page around `el`: JupyterLab's or VS Code's, else the system's light or dark. */
function readTheme(el) {
  const style = getComputedStyle(el);
  const pick = (...names) => names.map((name) => style.getPropertyValue(name).trim()).find(Boolean);
  const paper = pick("--jp-layout-color0", "--vscode-editor-background") ?? marimoPaper();
  const dark = paper ? luminance(paper) < 0.4 : matchMedia("(prefers-color-scheme: dark)").matches;
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

/** marimo says light or dark by a class of the page, and paints the page itself. */
function marimoPaper() {
  for (const el of [document.body, document.documentElement]) {
    if (el.classList.contains("dark") || el.classList.contains("dark-theme")) return DARK.paper;
    if (el.classList.contains("light") || el.classList.contains("light-theme")) return LIGHT.paper;
  }
  return undefined;
}

let context; // one canvas that turns colours of any notation into #rrggbb

function luminance(colour) {
  context ??= document.createElement("canvas").getContext("2d");
  context.fillStyle = LIGHT.paper; // stays where the other one is not a colour
  context.fillStyle = colour; // the canvas returns any notation as #rrggbb, or as rgba where it is translucent
  const hex = /^#(..)(..)(..)$/.exec(context.fillStyle);
  if (!hex) return 1;
  const [red, green, blue] = hex.slice(1).map((pair) => parseInt(pair, 16) / 255);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The theme around an element, as CSS variables on it (--hft-paper ...) and as `colours`; calls `changed` for another. */
export class Theme {
  constructor(el, changed) {
    this.el = el;
    this.changed = changed;
    this.read = -Infinity;
    this.ending = new AbortController();
    this.observer = new MutationObserver(() => this.again());
    this.observer.observe(document.documentElement, { attributeFilter: ["class", "data-theme", "style"] });
    this.observer.observe(document.body, {
      attributeFilter: ["class", "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind"],
    });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.again(), { signal: this.ending.signal });
  }

  again() {
    this.read = -Infinity;
    this.changed();
  }

  /** The colours and fonts by role. */
  get colours() {
    const now = performance.now();
    if (now - this.read > LASTS) {
      const before = JSON.stringify(this.kept);
      this.kept = readTheme(this.el);
      this.read = now;
      if (JSON.stringify(this.kept) !== before) {
        for (const [role, value] of Object.entries(this.kept)) this.el.style.setProperty(`--hft-${role}`, value);
        this.el.style.colorScheme = this.kept.dark ? "dark" : "light";
      }
    }
    return this.kept;
  }

  destroy() {
    this.ending.abort();
    this.observer.disconnect();
  }
}
