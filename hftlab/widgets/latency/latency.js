import { amount, dataRate, duration, values } from "../core/formats.js";
import { PanelView, add, mount, write } from "../core/panel_view.js";
import { Surface } from "../core/surface.js";

// The same values as in frame.py.
const VERSION = 1;
const HEADER = ["version", "messages", "bytes", "gaps", "messageRate", "byteRate", "componentCount"];
const COMPONENT = ["name", "count", "p50", "p95", "p99", "p999", "max", "barCount"];

const COLUMNS = [["p50", "p50"], ["p95", "p95"], ["p99", "p99"], ["p99.9", "p999"], ["max", "max"]];
const MARKED = [["p50", "p50"], ["p99", "p99"], ["p99.9", "p999"]];
const PAD = 12, ABOVE = 18, AXIS = 22, CHART = 170;
const WIDEST = 640;

/** Unpack a frame's state, times in nanoseconds; null before the first one. */
export function parse(frame) {
  const data = values(frame);
  if (data[0] !== VERSION) return null;
  const state = Object.fromEntries(HEADER.map((name, index) => [name, data[index]]));
  let at = HEADER.length;
  state.components = Array.from({ length: state.componentCount }, () => {
    const component = Object.fromEntries(COMPONENT.map((name, index) => [name, data[at + index]]));
    at += COMPONENT.length;
    const edges = component.barCount ? component.barCount + 1 : 0;
    component.edges = data.slice(at, at + edges);
    component.counts = data.slice(at + edges, at + edges + component.barCount);
    at += edges + component.barCount;
    return component;
  });
  return state;
}

// The table is plain HTML beside the canvas, so that it can be read aloud, selected and copied.
const STYLE = `
.hftlab-view .traffic { display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 2px ${PAD}px 6px;
  color: var(--hft-muted); }
.hftlab-view .traffic b { color: var(--hft-ink); font: 600 12px var(--hft-mono); }
.hftlab-view .traffic .lost b { color: var(--hft-warn); }
.hftlab-view .chart { height: ${ABOVE + CHART + AXIS}px; }
.hftlab-view .components { width: calc(100% - ${2 * PAD - 8}px); margin: 6px ${PAD - 4}px 8px;
  border-collapse: collapse; font-size: 12px; }
.hftlab-view .components :is(th, td) { padding: 3px 4px; text-align: right; border: 0; white-space: nowrap; }
.hftlab-view .components thead th { color: var(--hft-muted); font-weight: 400; font-size: 11px; }
.hftlab-view .components td { font-family: var(--hft-mono); }
.hftlab-view .components th:first-child { text-align: left; font-weight: 400; }
.hftlab-view .components tbody tr { border-top: 1px solid var(--hft-line); background: transparent; cursor: pointer; }
.hftlab-view .components button { all: unset; cursor: pointer; padding: 0 6px; border-left: 3px solid transparent; }
.hftlab-view .components button:focus-visible { outline: 2px solid var(--hft-bid); outline-offset: 2px; }
.hftlab-view .components button[aria-pressed="true"] { border-left-color: var(--hft-bid); font-weight: 600; }
`;

export class LatencyView extends PanelView {
  static style = STYLE;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.entitle("Latency");
    this.lay();
    this.surface = new Surface(this.chartCanvas, this.theme, (...args) => this.draw(...args));
    this.take();
  }

  take() {
    this.state = parse(this.panel.get("frame"));
    this.surface?.redraw();
  }

  themed() {
    super.themed();
    this.surface?.redraw();
  }

  lay() {
    this.traffic = add(this.body, "div", "traffic");
    this.counts = {};
    for (const name of ["messages/s", "bytes/s", "in all", "gaps"]) {
      const fact = this.counts[name] = add(this.traffic, "span");
      fact.append(add(fact, "b"), ` ${name === "bytes/s" ? "" : name}`);
    }
    this.chartCanvas = add(add(this.body, "div", "chart"), "canvas");
    this.chartCanvas.setAttribute("role", "img");
    const table = add(this.body, "table", "components");
    const head = add(add(table, "thead"), "tr");
    for (const name of ["latency", ...COLUMNS.map(([title]) => title), "count"]) add(head, "th", "", name);
    this.lines = add(table, "tbody");
    this.rows = new Map();
  }

  /** The component whose histogram is shown: the chosen one, else the first with measurements. */
  shown() {
    const components = this.state?.components ?? [];
    const order = [...components].sort((a, b) => a.name - b.name);
    return order.find(({ name }) => name === this.chosen) ?? order.find(({ count }) => count) ?? order[0];
  }

  draw(context, width, height, theme) {
    const component = this.shown();
    this.writeTraffic();
    this.writeTable(component);
    this.chart(context, width, height, theme, component);
    return false;
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
      COLUMNS.forEach(([, key], index) => write(row.cells[index], component.count ? duration(component[key]) : "–"));
      write(row.cells[COLUMNS.length], amount(component.count, 0));
    }
  }

  addRow(name) {
    const line = add(this.lines, "tr");
    const button = add(add(line, "th"), "button");
    button.textContent = this.name(name);
    line.addEventListener("click", () => {
      this.chosen = name;
      this.surface.redraw();
    });
    const row = { button, cells: [...COLUMNS, "count"].map(() => add(line, "td")) };
    this.rows.set(name, row);
    return row;
  }

  name(index) {
    return (this.panel.setting("components") ?? [])[index] ?? `component ${index}`;
  }

  chart(context, width, height, theme, component) {
    const bottom = height - AXIS;
    context.fillStyle = theme.line;
    context.fillRect(PAD, bottom, width - 2 * PAD, 1);
    context.textAlign = "center";
    context.font = `12px ${theme.sans}`;
    if (!component?.counts.length) {
      context.fillStyle = theme.muted;
      context.fillText("no latencies measured yet", width / 2, bottom / 2);
      return;
    }
    const [low, high] = range(component.edges);
    const across = (ns) => {
      const share = Math.log(Math.min(Math.max(ns, low), high) / low) / Math.log(high / low);
      return PAD + share * (width - 2 * PAD);
    };
    this.bars(context, theme, component, across, bottom);
    this.marks(context, theme, component, across, width, bottom);
    this.axis(context, theme, across, low, high, width, bottom);
    const label = `Latency of ${this.name(component.name)}: median ${duration(component.p50)}, `
      + `99 of 100 below ${duration(component.p99)}`;
    if (this.chartCanvas.getAttribute("aria-label") !== label) this.chartCanvas.setAttribute("aria-label", label);
  }

  bars(context, theme, { edges, counts }, across, bottom) {
    const tallest = Math.max(...counts);
    context.globalAlpha = 0.6;
    context.fillStyle = theme.bid;
    counts.forEach((count, index) => {
      if (!count) return;
      const left = across(edges[index]), right = across(edges[index + 1]);
      // At least 1.5 px high: the few slowest messages must be seen.
      const tall = Math.max(1.5, ((bottom - ABOVE - 4) * count) / tallest);
      context.fillRect(left, bottom - tall, Math.max(1, right - left - 0.75), tall);
    });
    context.globalAlpha = 1;
  }

  /** Mark percentiles with lines; a label that would touch the one before it is left out: the table has the value. */
  marks(context, theme, component, across, width, bottom) {
    context.font = `10.5px ${theme.sans}`;
    context.fillStyle = theme.ask;
    let free = -Infinity;
    for (const [title, key] of MARKED) {
      const x = across(component[key]);
      context.fillRect(Math.round(x) - 0.5, ABOVE - 2, 1, bottom - ABOVE + 2);
      const half = context.measureText(title).width / 2;
      const centre = Math.min(Math.max(x, PAD + half), width - PAD - half);
      if (centre - half <= free) continue;
      context.fillText(title, centre, ABOVE - 6);
      free = centre + half + 4;
    }
  }

  axis(context, theme, across, low, high, width, bottom) {
    context.font = `10.5px ${theme.sans}`;
    context.fillStyle = theme.muted;
    let free = 0;
    for (const ns of steps(low, high)) {
      const x = across(ns), text = duration(ns).replace(/\.0+ /, " ");
      context.fillRect(Math.round(x) - 0.5, bottom, 1, 4);
      const half = context.measureText(text).width / 2;
      if (x - half < free || x + half > width) continue;
      context.fillText(text, x, bottom + 17);
      free = x + half + 8;
    }
  }
}

/** The range of the axis: the bars, and at least one decade around them. */
function range(edges) {
  const low = Math.max(1, edges[0]), high = Math.max(2, edges.at(-1));
  const missing = Math.max(1, Math.sqrt(10 / (high / low)));
  return [low / missing, high * missing];
}

/** Round values on a logarithmic axis: 1, 2 and 5 of each decade where there is room, else the decades. */
function steps(low, high) {
  const factors = Math.log10(high / low) <= 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade += 1) {
    for (const factor of factors) found.push(factor * 10 ** decade);
  }
  return found.filter((step) => step >= low && step <= high);
}

export default mount(LatencyView);
