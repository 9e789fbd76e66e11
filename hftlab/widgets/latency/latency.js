import { amount, dataRate, microseconds, values } from "../core/formats.js";
import { PanelView, add, mount, write } from "../core/panel_view.js";
import { Surface } from "../core/surface.js";
import { BarChart } from "./bar_chart.js";
import { LineChart } from "./line_chart.js";

// The same values as in frame.py.
const VERSION = 2;
const HEADER = ["version", "messages", "bytes", "gaps", "messageRate", "byteRate", "since", "componentCount"];
const COMPONENT = ["name", "count", "p50", "p95", "p99", "p999", "max", "low", "ratio", "barCount", "lineCount"];
const LINE_UNIT = 5000;

const COLUMNS = [["p50", "p50"], ["p95", "p95"], ["p99", "p99"], ["p99.9", "p999"], ["max", "max"]];
const PAD = 12, BARS = 170, LINE = 120;
const LOW = 330; // px; a body that is lower shows one chart at a time
const WIDE = 760; // px; a body that is wider shows the charts side by side

/** Unpack a frame's state, times in nanoseconds; null before the first one. */
export function parse(frame) {
  const data = values(frame);
  if (data[0] !== VERSION) return null;
  const state = Object.fromEntries(HEADER.map((name, index) => [name, data[index]]));
  const bytes = new DataView(frame.buffer ?? frame, frame.byteOffset ?? 0, frame.byteLength);
  state.components = Array.from({ length: state.componentCount }, (_, place) => {
    const at = HEADER.length + place * COMPONENT.length;
    return Object.fromEntries(COMPONENT.map((name, index) => [name, data[at + index]]));
  });
  let at = 8 * (HEADER.length + state.componentCount * COMPONENT.length);
  for (const component of state.components) {
    const { low, ratio, barCount, lineCount } = component;
    component.edges = barCount ? Array.from({ length: barCount + 1 }, (_, index) => low * ratio ** index) : [];
    component.counts = Array.from({ length: barCount }, (_, index) => bytes.getUint32(at + 4 * index, true));
    at += 4 * barCount;
    const value = (index) => {
      const code = bytes.getUint16(at + 2 * index, true);
      return code ? 10 ** (code / LINE_UNIT) : NaN;
    };
    component.line = Array.from({ length: lineCount }, (_, index) => ({ p50: value(2 * index), p99: value(2 * index + 1) }));
    at += 4 * lineCount;
  }
  return state;
}

// The table is plain HTML beside the canvas, so that it can be read aloud, selected and copied.
const STYLE = `
.hftlab-view .latencies { display: flex; flex-direction: column; height: 100%; overflow: auto; scrollbar-width: thin; }
.hftlab-view .traffic { flex: none; display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 2px ${PAD}px 6px;
  color: var(--hft-muted); }
.hftlab-view .traffic b { color: var(--hft-ink); font: 600 12px var(--hft-mono); }
.hftlab-view .traffic .lost b { color: var(--hft-warn); }
.hftlab-view .charts { flex: 1 1 auto; min-height: 64px; display: flex; flex-direction: column; }
.hftlab-view .charts > div { position: relative; height: ${BARS}px; }
.hftlab-view .charts > div + div { height: ${LINE}px; }
.hftlab-view.fills .charts > div { flex: 1 1 0; min-height: 0; height: auto; }
.hftlab-view .charts canvas { position: absolute; inset: 0; }
.hftlab-view .latencies.wide .charts { flex-direction: row; }
.hftlab-view .latencies.wide .charts > div { flex: 1 1 0; height: ${BARS}px; }
.hftlab-view.fills .latencies.wide .charts > div { height: auto; }
.hftlab-view .latencies.low .traffic, .hftlab-view .latencies.low .charts > .out { display: none; }
.hftlab-view .word { flex: none; padding: 2px ${PAD}px 0; color: var(--hft-muted); font-size: 11px; }
.hftlab-view .word b { color: var(--hft-ink); font-weight: 600; }
.hftlab-view .latencies.low .word { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.hftlab-view .components { flex: none; width: calc(100% - ${2 * PAD - 8}px); margin: 4px ${PAD - 4}px 8px;
  border-collapse: collapse; font-size: 12px; }
.hftlab-view .components :is(th, td) { padding: 3px 4px; text-align: right; border: 0; white-space: nowrap; }
.hftlab-view .latencies.low .components :is(th, td) { padding: 1px 4px; }
.hftlab-view .latencies.low .components { margin-bottom: 4px; }
.hftlab-view .components thead th { color: var(--hft-muted); font-weight: 400; font-size: 11px; }
.hftlab-view .components td { font-family: var(--hft-mono); }
.hftlab-view .components th:first-child { text-align: left; font-weight: 400; }
.hftlab-view .components tbody tr { border-top: 1px solid var(--hft-line); background: transparent; cursor: pointer; }
.hftlab-view .components tbody tr:hover { background: color-mix(in srgb, var(--hft-line) 35%, transparent); }
.hftlab-view .components button { all: unset; cursor: pointer; padding: 0 6px; border-left: 3px solid transparent; }
.hftlab-view .components button:focus-visible { outline: 2px solid var(--hft-bid); outline-offset: 2px; }
.hftlab-view .components button[aria-pressed="true"] { border-left-color: var(--hft-bid); font-weight: 600; }
.hftlab-view .latencies.narrow .components { font-size: 11.5px; }
.hftlab-view .latencies.narrow .components :is(th, td):is(:nth-child(3), :nth-child(5), :nth-child(7)) { display: none; }
`;

export class LatencyView extends PanelView {
  static style = STYLE;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.lay();
    this.bars = new BarChart(this.barBox.canvas);
    this.line = new LineChart(this.lineBox.canvas);
    this.surface = new Surface(this.barBox.canvas, this.theme, (...args) => this.bars.draw(...args));
    this.lineSurface = new Surface(this.lineBox.canvas, this.theme, (...args) => this.line.draw(...args));
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.body);
    this.take();
  }

  lay() {
    this.box = add(this.body, "div", "latencies");
    this.traffic = add(this.box, "div", "traffic");
    this.counts = {};
    for (const name of ["messages/s", "bytes/s", "in all", "gaps"]) {
      const fact = this.counts[name] = add(this.traffic, "span");
      fact.append(add(fact, "b"), ` ${name === "bytes/s" ? "" : name}`);
    }
    const charts = add(this.box, "div", "charts");
    this.barBox = this.chartBox(charts, () => this.bars);
    this.lineBox = this.chartBox(charts, () => this.line);
    this.word = add(this.box, "div", "word");
    this.word.append(add(this.word, "b"), add(this.word, "span"));
    const table = add(this.box, "table", "components");
    const head = add(add(table, "thead"), "tr");
    for (const name of ["latency, µs", ...COLUMNS.map(([title]) => title), "count"]) add(head, "th", "", name).scope = "col";
    this.lines = add(table, "tbody");
    this.rows = new Map();
    this.switch = this.button("over time", "show the other chart (c)", () => this.turn());
    this.button("reset", "count from now on, in this panel (r)", () => this.reset());
  }

  /** A canvas whose chart says what is under the pointer. */
  chartBox(parent, chart) {
    const box = add(parent, "div"), canvas = add(box, "canvas");
    canvas.setAttribute("role", "img");
    canvas.addEventListener("pointermove", (event) => this.hint(chart().at(event.offsetX), event.offsetX + box.offsetLeft, box.offsetTop + 8));
    canvas.addEventListener("pointerleave", () => this.hint(null));
    return { box, canvas };
  }

  /** Choose what there is room for. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.body;
    const low = this.fills && height < LOW && width < WIDE;
    this.box.className = `latencies${low ? " low" : ""}${width >= WIDE ? " wide" : ""}${width < 360 ? " narrow" : ""}`;
    this.switch.hidden = !low;
    this.barBox.box.classList.toggle("out", low && Boolean(this.showsLine));
    this.lineBox.box.classList.toggle("out", low && !this.showsLine);
    write(this.switch, this.showsLine ? "histogram" : "over time");
  }

  /** Show the other chart, where there is room for one only. */
  turn() {
    this.showsLine = !this.showsLine;
    this.fit();
  }

  reset() {
    this.panel.send({ reset: true });
  }

  take() {
    if (!this.surface) return;
    this.state = parse(this.panel.get("frame"));
    const since = this.state?.since;
    this.entitle("Latency", since > 0 ? `since ${new Date(since).toISOString().slice(11, 19)} UTC` : "");
    this.show();
  }

  themed() {
    super.themed();
    this.surface?.redraw();
    this.lineSurface?.redraw();
  }

  /** The component whose histogram is shown: the chosen one, else the first with measurements. */
  shown() {
    const components = this.state?.components ?? [];
    const order = [...components].sort((a, b) => a.name - b.name);
    return order.find(({ name }) => name === this.chosen) ?? order.find(({ count }) => count) ?? order[0];
  }

  show() {
    const component = this.shown();
    this.writeTraffic();
    this.writeTable(component);
    const name = component ? this.name(component.name) : "";
    write(this.word.children[0], name);
    write(this.word.children[1], component && this.meaning(component.name) ? `: ${this.meaning(component.name)}` : "");
    this.word.title = this.word.textContent;
    this.bars.take(component, name);
    this.line.take(component, name);
    this.surface.redraw();
    this.lineSurface.redraw();
  }

  writeTraffic() {
    const { messages = 0, gaps = 0, messageRate = 0, byteRate = 0 } = this.state ?? {};
    const put = (name, text) => write(this.counts[name].firstChild, text);
    put("messages/s", amount(messageRate, messageRate < 10 ? 1 : 0));
    put("bytes/s", dataRate(byteRate));
    put("in all", amount(messages, 0));
    put("gaps", amount(gaps, 0));
    this.counts.gaps.className = gaps ? "lost" : "";
  }

  writeTable(shown) {
    const components = [...(this.state?.components ?? [])].sort((a, b) => a.name - b.name);
    for (const component of components) {
      const row = this.rows.get(component.name) ?? this.addRow(component.name);
      row.button.setAttribute("aria-pressed", String(component === shown));
      COLUMNS.forEach(([, key], index) => write(row.cells[index], component.count ? microseconds(component[key]) : "–"));
      write(row.cells[COLUMNS.length], amount(component.count, 0));
    }
  }

  addRow(name) {
    const line = add(this.lines, "tr");
    const button = add(add(line, "th"), "button");
    button.textContent = this.name(name);
    line.title = this.meaning(name);
    line.addEventListener("click", () => {
      this.chosen = name;
      this.show();
    });
    const row = { button, cells: [...COLUMNS, "count"].map(() => add(line, "td")) };
    this.rows.set(name, row);
    return row;
  }

  name(index) {
    return (this.panel.setting("components") ?? [])[index] ?? `component ${index}`;
  }

  /** A word on what a component is. */
  meaning(index) {
    return (this.panel.setting("words") ?? [])[index] ?? "";
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "r") this.reset();
    else if (event.key === "c" && !this.switch.hidden) this.turn();
    else return false;
    return true;
  }

  destroy() {
    this.sizes.disconnect();
    this.lineSurface.destroy();
    super.destroy();
  }
}

export default mount(LatencyView);
