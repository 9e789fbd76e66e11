import { PanelView, add, mount, write } from "../core/panel_view.js";

const VERSION = 1; // the same as in frame.py

const STYLE = `
.hftlab-view .connection { height: 100%; overflow: auto; scrollbar-width: thin; padding: 0 12px 8px; }
.hftlab-view .connection .counters { display: grid; grid-template-columns: repeat(auto-fit, minmax(55px, 1fr)); gap: 5px;
  margin: 2px 0 6px; padding: 0; }
.hftlab-view .connection .counters > div { border: 1px solid var(--hft-line); border-radius: 5px; padding: 2px 0;
  text-align: center; min-width: 0; }
.hftlab-view .connection .counters b { display: block; font: 13px var(--hft-mono); overflow: hidden;
  text-overflow: ellipsis; }
.hftlab-view .connection .counters span { color: var(--hft-muted); font-size: 9.5px; }
.hftlab-view .connection .counters .warns { border-color: var(--hft-warn); }
.hftlab-view .connection .counters .warns b { color: var(--hft-warn); font-weight: 700; }
.hftlab-view .connection .facts-of { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 12px;
  margin: 0; }
.hftlab-view .connection.wide .facts-of { grid-template-columns: max-content minmax(0, 1fr) max-content minmax(0, 1fr); }
.hftlab-view .connection :is(dt, dd) { float: none; width: auto; margin: 0; }
.hftlab-view .connection dt { color: var(--hft-muted); font-weight: 400; }
.hftlab-view .connection dd { font: 11.5px/1.45 var(--hft-mono); overflow-wrap: anywhere; }
.hftlab-view .connection dd.warns { color: var(--hft-warn); font-weight: 600; }
.hftlab-view .connection h4 { margin: 9px 0 2px; font-size: 11px; font-weight: 400; color: var(--hft-muted);
  border-bottom: 1px solid var(--hft-line); padding: 0 0 2px; }
.hftlab-view .connection table { width: 100%; border-collapse: collapse; font-size: 12px; margin: 0; }
.hftlab-view .connection td { padding: 1px 10px 1px 0; border: 0; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; background: none; }
.hftlab-view .connection td:first-child { white-space: nowrap; font-family: var(--hft-mono); font-size: 11.5px;
  width: 96px; }
.hftlab-view .connection .events td:first-child { color: var(--hft-muted); }
.hftlab-view .connection tr { background: none; }
.hftlab-view .connection .types { color: var(--hft-muted); font-size: 11px; }
.hftlab-view .connection .WARN, .hftlab-view .connection .ERROR { color: var(--hft-warn); }
.hftlab-view .facts.warns { color: var(--hft-warn); font-weight: 600; }
`;
const WIDE = 620; // px; wide enough for two columns of facts
const HEIGHT = 360;

/** Unpack a frame's texts; null before the first one. */
export function parse(frame) {
  if (!frame?.byteLength) return null;
  const state = JSON.parse(new TextDecoder().decode(frame));
  return state.version === VERSION ? state : null;
}

export class ConnectionView extends PanelView {
  static style = STYLE;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.box = add(this.body, "div", "connection");
    this.box.tabIndex = -1;
    this.counters = add(this.box, "div", "counters");
    this.list = add(this.box, "dl", "facts-of");
    this.subscribed = this.section("subscriptions");
    this.events = this.section("events");
    this.events.setAttribute("aria-live", "off");
    this.resize(HEIGHT);
    this.sizes = new ResizeObserver(() => this.box.classList.toggle("wide", this.body.clientWidth >= WIDE));
    this.sizes.observe(this.body);
    this.take();
  }

  /** A titled table. */
  section(title) {
    const heading = add(this.box, "h4", "", title);
    const table = add(this.box, "table", title);
    table.setAttribute("aria-label", title);
    return Object.assign(add(table, "tbody"), { heading });
  }

  take() {
    if (!this.box) return;
    const state = parse(this.panel.get("frame"));
    if (!state) return;
    this.entitle("Connection", state.lasting ? `${state.status} for ${state.lasting}` : state.status);
    this.facts.classList.toggle("warns", state.status !== "CONNECTED");
    state.counters.forEach((counter, index) => this.counter(index, counter));
    state.facts.forEach((fact, index) => this.fact(index, fact));
    this.rows(this.subscribed, state.subscriptions, (line, row) => this.subscription(line, row));
    this.rows(this.events, state.events, (line, row) => this.event(line, row));
    write(this.subscribed.heading, state.subscriptions.length ? "subscriptions" : "nothing is subscribed to");
    write(this.events.heading, `the newest ${state.events.length} events, UTC`);
  }

  counter(index, [name, text, hint, warns]) {
    const tile = this.counters.children[index] ?? add(this.counters, "div");
    if (!tile.firstChild) tile.append(add(tile, "b"), add(tile, "span"));
    tile.className = warns ? "warns" : "";
    tile.title = hint;
    write(tile.children[0], text);
    write(tile.children[1], name);
  }

  fact(index, [name, text, hint, warns]) {
    const term = this.list.children[2 * index] ?? add(this.list, "dt"), value = this.list.children[2 * index + 1] ?? add(this.list, "dd");
    write(term, name);
    write(value, text);
    term.title = value.title = hint;
    value.className = warns ? "warns" : "";
  }

  /** Show rows of texts, and rewrite those alone that have changed. */
  rows(body, rows, fill) {
    while (body.rows.length > rows.length) body.lastElementChild.remove();
    rows.forEach((row, index) => {
      const line = body.rows[index] ?? add(body, "tr"), text = JSON.stringify(row);
      if (line.dataset.text === text) return;
      line.dataset.text = text;
      line.replaceChildren();
      fill(line, row);
    });
  }

  subscription(line, [symbols, types, every, slow]) {
    add(line, "td", "", every);
    const cell = add(line, "td", "", symbols);
    add(cell, "div", "types", types.toLowerCase().replaceAll("_", " "));
    line.title = `a slow reader: ${slow}`;
  }

  event(line, [time, level, text]) {
    add(line, "td", "", time);
    add(line, "td", level, text);
    line.title = level.toLowerCase();
  }

  /** A lost connection is what this view is for: it says so, and is not veiled while the kernel answers. */
  watch() {
    super.watch();
    const { level, word } = this.panel.health();
    const isShown = level === "lost" && word !== null && word === this.panel.get("status");
    if (!isShown) return;
    this.body.classList.remove("dimmed");
    this.veil.hidden = !(this.said && performance.now() < this.said.until);
    if (!this.veil.hidden) write(this.veiled[0], this.said.text);
    write(this.aged, "");
    this.dot.title = word;
  }

  key(event) {
    const steps = { ArrowDown: 40, ArrowUp: -40, PageDown: 200, PageUp: -200 };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return false;
    this.box.scrollTop += steps[event.key];
    return true;
  }

  destroy() {
    this.sizes.disconnect();
    super.destroy();
  }
}

export default mount(ConnectionView);
