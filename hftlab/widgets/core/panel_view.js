// The frame around every view: a header with a dot and the age of what is shown, the view's body, a veil and a tooltip.

import { age } from "./formats.js";
import { Page } from "./page.js";
import { Surface } from "./surface.js";
import { Theme } from "./theme.js";

const STYLE = `
.hftlab-view { box-sizing: border-box; position: relative; display: flex; flex-direction: column; min-width: 260px;
  width: 100%; background: var(--hft-paper); color: var(--hft-ink); font: 12px/1.35 var(--hft-sans); outline: none;
  font-variant-numeric: tabular-nums; text-align: left; }
.hftlab-view * { box-sizing: border-box; }
.hftlab-view.fills { height: 100%; min-height: 0; }
.hftlab-view > header { display: flex; align-items: baseline; gap: 2px 10px; flex-wrap: wrap; padding: 6px 12px 5px;
  min-height: 30px; flex: none; background: none; }
.hftlab-view .dot { flex: none; width: 9px; height: 9px; border: 2px solid var(--hft-good); border-radius: 50%;
  background: var(--hft-good); align-self: center; }
.hftlab-view .dot.late, .hftlab-view .dot.lost { border-color: var(--hft-warn); background: none; }
.hftlab-view .dot.late { background: var(--hft-warn); }
.hftlab-view .dot.still, .hftlab-view .dot.offline { border-color: var(--hft-muted); background: none; }
.hftlab-view .title { font-size: 14px; font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  max-width: 100%; }
.hftlab-view .facts { color: var(--hft-muted); white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  min-width: 0; }
.hftlab-view .age { color: var(--hft-muted); font: 11px var(--hft-mono); white-space: nowrap; min-width: 3.2em; }
.hftlab-view .age.late, .hftlab-view .age.lost { color: var(--hft-warn); font-weight: 600; }
.hftlab-view .tools { margin-left: auto; display: flex; gap: 4px; align-items: center; }
.hftlab-view button, .hftlab-view select { font: 11.5px var(--hft-sans); color: var(--hft-ink); background: none;
  border: 1px solid var(--hft-line); border-radius: 4px; padding: 2px 7px; cursor: pointer; min-height: 22px; }
.hftlab-view select option { background: var(--hft-paper); color: var(--hft-ink); }
.hftlab-view button:hover:enabled, .hftlab-view select:hover { border-color: var(--hft-muted); }
.hftlab-view button:disabled { opacity: 0.45; cursor: default; }
.hftlab-view button[aria-pressed="true"] { background: var(--hft-bid); border-color: var(--hft-bid);
  color: var(--hft-paper); }
.hftlab-view :focus-visible { outline: 2px solid var(--hft-bid); outline-offset: -2px; }
.hftlab-view:focus-visible::after { content: ""; position: absolute; inset: 0; z-index: 4; pointer-events: none;
  border: 2px solid var(--hft-bid); }
.hftlab-view > .body { position: relative; flex: 1 1 auto; min-height: 0; }
.hftlab-view canvas { display: block; width: 100%; height: 100%; }
.hftlab-view > .body.dimmed { opacity: 0.35; }
.hftlab-view > .veil { position: absolute; left: 12px; right: 12px; top: 50%; display: flex; justify-content: center;
  pointer-events: none; transform: translateY(-50%); z-index: 2; }
.hftlab-view > .veil > div { background: var(--hft-tint); border: 1px solid var(--hft-warn); border-radius: 6px;
  color: var(--hft-warn); padding: 6px 12px; text-align: center; overflow-wrap: anywhere; }
.hftlab-view > .veil b { display: block; font-weight: 600; }
.hftlab-view > .veil span:empty { display: none; }
.hftlab-view > .tip { position: absolute; z-index: 3; pointer-events: none; background: var(--hft-paper);
  border: 1px solid var(--hft-line); border-radius: 5px; box-shadow: 0 2px 8px var(--hft-line); padding: 5px 8px;
  font-size: 11.5px; white-space: nowrap; display: grid; grid-template-columns: auto auto; gap: 1px 10px; }
.hftlab-view > .tip span:nth-child(odd) { color: var(--hft-muted); }
.hftlab-view > .tip span:nth-child(even) { font-family: var(--hft-mono); text-align: right; }
.hftlab-view > .voice { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.hftlab-view > .veil[hidden], .hftlab-view > .tip[hidden], .hftlab-view [hidden] { display: none; }
`;

/** Append a new element to `parent`. */
export function add(parent, tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return parent.appendChild(element);
}

/** Set an element's text if it differs. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The base of every view. A subclass overrides `take()` (a new frame has come), and may override `themed()`,
 * `settled()` (settings have changed), `key(event)` (true if it did something) and `hear(content, buffers)`. Its
 * `static style` is CSS for what it puts into `this.body`. With `fills` it is as high as the element around it.
 */
export class PanelView {
  static style = "";

  constructor(panel, el, { fills = false } = {}) {
    this.panel = panel;
    this.fills = fills;
    this.build(el);
    this.theme = new Theme(this.root, () => this.themed());
    void this.theme.colours;
    panel.watch = () => this.watch();
    panel.on("frame", () => { this.take(); this.watch(); });
    panel.on("settings", () => { this.settled(); this.watch(); });
    for (const name of ["status", "replay", "notice", "error"]) panel.on(name, () => this.watch());
    panel.hear((content, buffers) => this.hear(content, buffers));
    this.watch();
  }

  build(el) {
    const root = this.root = add(el, "div", this.fills ? "hftlab-view fills" : "hftlab-view");
    // Each view's rules are for itself: two views of a dashboard may use one class name.
    const own = `.hftlab-view[data-view="${this.constructor.name}"]`;
    add(root, "style").textContent = STYLE + this.constructor.style.replaceAll(".hftlab-view", own);
    root.dataset.view = this.constructor.name;
    root.tabIndex = 0;
    root.dataset.lmSuppressShortcuts = "true"; // keys are the view's while it has the focus, not JupyterLab's
    const header = this.header = add(root, "header");
    this.dot = add(header, "span", "dot");
    this.titled = add(header, "span", "title");
    this.titled.id = `hftlab-${this.panel.id}`;
    root.setAttribute("role", "group");
    root.setAttribute("aria-labelledby", this.titled.id);
    this.facts = add(header, "span", "facts");
    this.aged = add(header, "span", "age");
    this.tools = add(header, "span", "tools");
    this.body = add(root, "div", "body");
    this.veil = add(root, "div", "veil");
    this.veil.hidden = true;
    const card = add(this.veil, "div");
    card.setAttribute("role", "status");
    this.veiled = [add(card, "b"), add(card, "span")];
    this.tip = add(root, "div", "tip");
    this.tip.hidden = true;
    this.voice = add(root, "div", "voice");
    this.voice.setAttribute("aria-live", "polite");
    root.addEventListener("keydown", (event) => {
      if (event.target.closest("input, select, textarea")) return;
      if (this.key(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    });
    this.root.addEventListener("pointerleave", () => this.hint(null));
  }

  take() {}
  settled() {}
  themed() { void this.theme.colours; }
  key() { return false; }
  hear() {}

  /** Name what is shown, with a few facts beside it. */
  entitle(title, facts = "") {
    write(this.titled, title);
    write(this.facts, facts);
  }

  /** Add a button to the header; `title` is its tooltip. */
  button(text, title, press) {
    const button = add(this.tools, "button", "", text);
    button.type = "button";
    button.title = title;
    button.addEventListener("click", press);
    return button;
  }

  /** Put a canvas of `height` px into the body, painted by `draw(context, width, height, colours, now)`. */
  canvas(height, draw) {
    const canvas = add(this.body, "canvas");
    canvas.setAttribute("role", "img");
    this.resize(height);
    this.surface = new Surface(canvas, this.theme, draw);
    return canvas;
  }

  /** Make the body `height` px high, unless the element around it decides. */
  resize(height) {
    if (!this.fills) this.body.style.height = `${height}px`;
  }

  /** Show a tooltip near (x, y) of the body, `rows` are [label, value]; null hides it. */
  hint(rows, x = 0, y = 0) {
    this.tip.hidden = !rows?.length;
    if (this.tip.hidden) return;
    this.tip.replaceChildren();
    for (const text of rows.flat()) add(this.tip, "span", "", String(text));
    const top = this.body.offsetTop, room = this.root.clientWidth;
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = x + 14 + width > room ? x - 14 - width : x + 14;
    this.tip.style.left = `${Math.max(2, Math.min(left, room - width - 2))}px`;
    this.tip.style.top = `${Math.max(2, Math.min(top + y + 14, this.root.clientHeight - height - 2))}px`;
  }

  /** Have rows [label, value], as those of a tooltip, read aloud: what a key has moved to. */
  speak(rows) {
    write(this.voice, (rows ?? []).map((row) => row.filter(Boolean).join(" ")).join(", "));
  }

  /** Say for a few seconds, over the view, that something was refused or done. */
  say(text) {
    this.said = { text, until: performance.now() + 4000 };
    this.watch();
  }

  /** Show how well the view is: never look alive when it is not. */
  watch() {
    const { level, age: seconds, word, reason } = this.panel.health();
    if (this.dot.className !== `dot ${level}`) this.dot.className = `dot ${level}`;
    const old = seconds === null ? word && level === "still" ? word : "" : age(seconds);
    write(this.aged, old);
    if (this.aged.className !== `age ${level}`) this.aged.className = `age ${level}`;
    this.dot.title = { well: "live", late: "late", lost: "no data", still: `the replay has ${word}`, offline: "recorded" }[level];
    const said = this.said && performance.now() < this.said.until ? this.said.text : "";
    const lost = level === "lost";
    this.body.classList.toggle("dimmed", lost);
    this.veil.hidden = !lost && !said;
    write(this.veiled[0], lost ? word ?? `no data for ${age(seconds)}` : said);
    write(this.veiled[1], lost ? reason : "");
  }

  destroy() {
    this.surface?.destroy();
    this.theme.destroy();
    this.panel.destroy();
    this.root.remove();
  }
}

/** The module that anywidget renders: one view in a widget of its own. */
export function mount(View) {
  return {
    render({ model, el }) {
      const page = new Page(model, el);
      const view = new View(page.panel(), el);
      return () => {
        view.destroy();
        page.destroy();
      };
    },
  };
}
