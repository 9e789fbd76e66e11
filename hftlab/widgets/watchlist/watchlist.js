import { amount, percent, values, way } from "../core/formats.js";
import { PanelView, add, mount, write } from "../core/panel_view.js";
import { TABLE_STYLE, Table, mark } from "../core/table.js";

// The same values as in frame.py.
const VERSION = 1;
const HEADER = ["version", "count", "length"];
const ROW = ["state", "price", "changePercent", "bid", "ask", "bidSize", "askSize", "tick", "priceDecimals", "sizeDecimals"];
const STATES = ["", "no data yet", "stale", "not subscribed", "unknown"];
const ADVICE = ["", "nothing has come yet", "newer levels are lost, and asked for again", "client.subscribe() brings it",
  "the server does not have it"];
const NO_PRICE = 255, TALLEST = 254;

const COLUMNS = [
  { name: "symbol", title: "symbol", width: 66, grow: 0.5, align: "left", head: true, sorts: true },
  { name: "price", title: "price", width: 83, grow: 0.5, number: true, sorts: true, hint: "the last price" },
  { name: "change", title: "change", width: 63, grow: 0.3, number: true, sorts: true, hint: "since the previous close" },
  { name: "spread", title: "spread, ticks", width: 86, grow: 0.5, number: true, sorts: true, below: 346,
    hint: "the lowest ask less the highest bid" },
  { name: "imbalance", title: "imbalance", width: 80, grow: 1, align: "centre", sorts: true, below: 430,
    hint: "size bid (right) against size offered (left) at the best prices" },
  { name: "trend", title: "60 s", width: 48, grow: 2.5, hint: "the mid price over the last 60 s" },
];
const LINE_HEIGHT = 24, MOST_ROWS = 14, FLASH = 500, SORT_EVERY = 1_000;
const SPARK_WIDTH = 100, SPARK_HEIGHT = 18;
const SVG = "http://www.w3.org/2000/svg";

const STYLE = `
${TABLE_STYLE}
.hftlab-view .watched .row { cursor: pointer; }
.hftlab-view .imbalance { position: relative; height: 10px; margin: 0 2px; border-radius: 2px;
  background: linear-gradient(var(--hft-line), var(--hft-line)) center / 1px 100% no-repeat; }
.hftlab-view .imbalance i { position: absolute; top: 0; height: 10px; background: var(--hft-bid); opacity: 0.7; }
.hftlab-view .imbalance i.ask { background: var(--hft-ask); }
.hftlab-view .trend { display: block; width: 100%; height: ${SPARK_HEIGHT}px; overflow: visible; }
.hftlab-view .trend path { fill: none; stroke: var(--hft-muted); stroke-width: 1.2; vector-effect: non-scaling-stroke;
  stroke-linejoin: round; }
.hftlab-view .trend.bid path { stroke: var(--hft-bid); }
.hftlab-view .trend.ask path { stroke: var(--hft-ask); }
`;

/** Unpack a frame's rows; null before the first one. */
export function parse(frame) {
  const [version, count, length] = values(frame).slice(0, HEADER.length);
  if (version !== VERSION) return null;
  const whole = new Uint8Array(frame.buffer ?? frame, frame.byteOffset ?? 0, frame.byteLength);
  const sparks = 8 * (HEADER.length + count * ROW.length);
  const data = values(whole.subarray(0, sparks));
  const names = new TextDecoder().decode(whole.subarray(sparks + count * length)).split("\n");
  return Array.from({ length: count }, (_, index) => {
    const at = HEADER.length + index * ROW.length;
    const row = Object.fromEntries(ROW.map((name, place) => [name, data[at + place]]));
    const bid = row.bidSize, ask = row.askSize;
    return {
      ...row,
      symbol: names[index],
      imbalance: bid + ask > 0 ? (bid - ask) / (bid + ask) : NaN,
      ticks: row.tick > 0 ? Math.round((row.ask - row.bid) / row.tick) : NaN,
      spark: whole.slice(sparks + index * length, sparks + (index + 1) * length),
    };
  });
}

const KEYS = {
  symbol: (row) => row.symbol,
  price: (row) => row.price,
  change: (row) => row.changePercent,
  spread: (row) => row.ticks,
  imbalance: (row) => row.imbalance,
};

/** Sort rows by a column, with a minus in front for the largest first; the unknown come last. */
export function sorted(rows, by) {
  const key = KEYS[by.replace("-", "")], down = by.startsWith("-");
  if (!key) return rows;
  const known = rows.filter((row) => !Number.isNaN(key(row))), unknown = rows.filter((row) => Number.isNaN(key(row)));
  known.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) * (down ? -1 : 1));
  return [...known, ...unknown];
}

/** A sparkline as the path of an SVG; empty with fewer than two prices. */
function sparkPath(spark) {
  let path = "";
  spark.forEach((height, index) => {
    if (height === NO_PRICE) return;
    const x = (SPARK_WIDTH * index) / (spark.length - 1), y = SPARK_HEIGHT - 2 - ((SPARK_HEIGHT - 4) * height) / TALLEST;
    path += `${path ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return path.includes("L") ? path : "";
}

export class WatchListView extends PanelView {
  static style = STYLE;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.list = [];
    this.prices = new Map();
    this.arranged = -Infinity;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.table = new Table(this.body, COLUMNS, {
      row: LINE_HEIGHT,
      label: "Watch list",
      fill: (row, index) => this.fill(row, this.list[index]),
      sort: (name) => this.sort(name),
    });
    this.table.table.classList.add("watched");
    this.table.table.addEventListener("click", (event) => this.pick(event.target.closest("tr.row")?.dataset.symbol));
    this.settled();
  }

  settled() {
    if (!this.table) return;
    this.by = this.panel.setting("sort") ?? "";
    this.chosen = this.panel.setting("symbol") ?? "";
    this.arranged = -Infinity;
    this.take();
  }

  take() {
    if (!this.table) return;
    const rows = parse(this.panel.get("frame")) ?? [];
    this.entitle("Watch list", `${rows.length} symbol${rows.length === 1 ? "" : "s"}`);
    this.arrange(rows);
    if (this.list.length !== this.table.count) this.resize(this.table.height(Math.min(MOST_ROWS, Math.max(1, this.list.length))));
    this.table.sorted(this.by.replace("-", ""), this.by.startsWith("-"));
    this.table.update(this.list.length);
    this.prices = new Map(rows.map(({ symbol, price }) => [symbol, price]));
  }

  /** Put the rows in order; they change places once a second at most, so that they can be read and clicked. */
  arrange(rows) {
    const now = performance.now();
    const places = new Map(this.list.map(({ symbol }, index) => [symbol, index]));
    const same = rows.length === this.list.length && rows.every(({ symbol }) => places.has(symbol));
    if (same && now - this.arranged < SORT_EVERY) {
      this.list = [...rows].sort((a, b) => places.get(a.symbol) - places.get(b.symbol));
      return;
    }
    this.arranged = now;
    this.list = sorted(rows, this.by);
  }

  fill(row, state) {
    const { line, cells } = row;
    const { symbol, price, changePercent, ticks, imbalance, spark, priceDecimals } = state;
    const isNew = row.key !== symbol;
    if (isNew) {
      row.key = line.dataset.symbol = symbol;
      for (const each of line.getAnimations({ subtree: true })) each.cancel();
    }
    const classes = `row${symbol === this.chosen ? " selected" : ""}${symbol === this.cursor ? " active" : ""}`;
    if (line.className !== classes) line.className = classes;
    mark(line, "aria-current", String(symbol === this.chosen));
    const word = STATES[state.state] ?? "";
    const advice = ADVICE[state.state] ?? "";
    mark(line, "title", advice);
    write(cells[0], symbol);
    write(cells[1], Number.isFinite(price) ? amount(price, priceDecimals) : word || "–");
    mark(cells[1], "class", state.state ? "right muted" : "right number");
    write(cells[2], percent(changePercent));
    mark(cells[2], "class", `right number ${way(changePercent)}`);
    write(cells[3], Number.isFinite(ticks) ? amount(ticks, 0) : "–");
    this.bar(row, imbalance);
    this.line(row, spark);
    if (!isNew) this.flash(cells[1], price - this.prices.get(symbol));
  }

  bar(row, imbalance) {
    row.bar ??= add(add(row.cells[4], "div", "imbalance"), "i");
    const isKnown = Number.isFinite(imbalance), length = isKnown ? Math.round(Math.abs(imbalance) * 500) / 10 : 0;
    mark(row.bar, "class", imbalance < 0 ? "ask" : "bid");
    mark(row.bar, "style", `left: ${imbalance < 0 ? 50 - length : 50}%; width: ${length}%`);
    mark(row.cells[4], "aria-label", isKnown ? imbalance.toFixed(2) : "unknown");
  }

  line(row, spark) {
    if (!row.path) {
      const picture = row.cells[5].appendChild(document.createElementNS(SVG, "svg"));
      mark(picture, "viewBox", `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`);
      mark(picture, "preserveAspectRatio", "none");
      mark(picture, "aria-hidden", "true");
      row.path = picture.appendChild(document.createElementNS(SVG, "path"));
    }
    if (row.spark?.every((height, index) => height === spark[index])) return;
    row.spark = spark;
    mark(row.path, "d", sparkPath(spark));
    const known = spark.filter((height) => height !== NO_PRICE);
    mark(row.path.parentNode, "class", `trend ${way((known.at(-1) ?? 0) - (known[0] ?? 0))}`);
  }

  flash(cell, change) {
    if (!change || Number.isNaN(change) || this.still.matches) return;
    const colour = this.theme.colours[way(change)];
    cell.animate([{ boxShadow: `inset 0 0 0 20px ${colour}55` }, { boxShadow: `inset 0 0 0 20px ${colour}00` }], FLASH);
  }

  /** Sort by a column: the largest first, then the smallest first, then as given. */
  sort(name) {
    const first = name === "symbol" ? name : `-${name}`, second = name === "symbol" ? `-${name}` : name;
    this.by = this.by === first ? second : this.by === second ? "" : first;
    this.arranged = -Infinity;
    this.take();
    this.panel.set({ sort: this.by });
  }

  /** Select a symbol, which linked views show from now on. */
  pick(symbol) {
    if (!symbol) return;
    this.chosen = this.cursor = symbol;
    this.table.update(this.list.length);
    this.panel.set({ symbol });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const place = this.list.findIndex(({ symbol }) => symbol === (this.cursor ?? this.chosen));
    const last = this.list.length - 1;
    const steps = { ArrowDown: place + 1, ArrowUp: place < 0 ? last : place - 1, Home: 0, End: last };
    if (event.key === "Enter" && event.target === this.root) this.pick(this.list[place]?.symbol);
    else if (event.key in steps && last >= 0) this.move(Math.max(0, Math.min(last, steps[event.key])));
    else return false;
    return true;
  }

  move(place) {
    const { symbol, price, changePercent, priceDecimals } = this.list[place];
    this.cursor = symbol;
    this.speak([[symbol], ["price", amount(price, priceDecimals)], ["change", percent(changePercent)]]);
    this.table.reveal(place);
    this.table.update(this.list.length);
  }

  destroy() {
    this.table.destroy();
    super.destroy();
  }
}

export default mount(WatchListView);
