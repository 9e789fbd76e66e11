import { amount, clockTime, compact, values } from "../core/formats.js";
import { PanelView, add, mount, write } from "../core/panel_view.js";
import { TABLE_STYLE, Table, mark } from "../core/table.js";

// The same values as in frame.py.
const VERSION = 1;
const HEADER = ["version", "epoch", "printed", "forgotten", "hasEveryTrade", "now", "priceDecimals", "sizeDecimals", "large", "count"];

const KEPT = 5_000; // trades
const HISTORY = 400; // trades that are asked for at first
const PATIENCE = 2_000; // ms until trades that have not come are asked for again
const LINE_HEIGHT = 20, ROWS = 16, NOTE = 20;
const LARGE = "; larger than 98 % of the last 300 trades";

const COLUMNS = [
  { name: "time", title: "time, UTC", width: 104, grow: 1, align: "left", number: true },
  { name: "price", title: "price", width: 86, grow: 1, number: true },
  { name: "size", title: "size", width: 70, grow: 1.5, number: true },
  { name: "value", title: "value", width: 80, grow: 1, number: true, below: 400, hint: "price × size" },
];

const STYLE = `
${TABLE_STYLE}
.hftlab-view .sales { display: flex; flex-direction: column; height: 100%; }
.hftlab-view .sales .scroll { flex: 1 1 auto; min-height: 0; }
.hftlab-view .sales .note { flex: none; padding: 3px 12px; color: var(--hft-muted); font-size: 11px; min-height: ${NOTE}px;
  border-top: 1px solid var(--hft-line); }
.hftlab-view .sales .note code { font: 11px var(--hft-mono); color: var(--hft-ink); background: none; padding: 0;
  user-select: all; }
.hftlab-view .sales .large td { font-weight: 700; }
.hftlab-view .sales .large.bid td { background: color-mix(in srgb, var(--hft-bid) 18%, transparent); }
.hftlab-view .sales .large.ask td { background: color-mix(in srgb, var(--hft-ask) 18%, transparent); }
.hftlab-view .sales .row td { color: var(--hft-ink); }
.hftlab-view .sales .row td:is(:first-child, :nth-child(4)) { color: var(--hft-muted); }
.hftlab-view .sales .bid td:nth-child(2) { color: var(--hft-bid); }
.hftlab-view .sales .ask td:nth-child(2) { color: var(--hft-ask); }
.hftlab-view .sales .hole td { color: var(--hft-warn); font-family: var(--hft-sans); overflow: visible; }
.hftlab-view .least { display: flex; align-items: baseline; gap: 4px; color: var(--hft-muted); font-size: 11.5px; }
.hftlab-view .least input { width: 64px; font: 11.5px var(--hft-mono); color: var(--hft-ink); background: none;
  border: 1px solid var(--hft-line); border-radius: 4px; padding: 2px 5px; min-height: 22px; text-align: right; }
`;

/** Unpack a frame's trades, newest first; null before the first one. */
export function parse(frame) {
  const data = values(frame);
  if (data[0] !== VERSION) return null;
  const state = Object.fromEntries(HEADER.map((name, index) => [name, data[index]]));
  state.trades = trades(data.slice(HEADER.length), state.printed);
  return state;
}

/** Trades of three values each, newest first, of which the newest has the number `newest`. */
function trades(data, newest) {
  return Array.from({ length: data.length / 3 }, (_, index) => ({
    number: newest - index,
    time: data[3 * index],
    price: data[3 * index + 1],
    size: Math.abs(data[3 * index + 2]),
    side: data[3 * index + 2] < 0 ? "ask" : "bid",
  }));
}

/** Format a value: to the cent below a hundred, with its power of ten from a million on. */
function worth(value) {
  return value >= 1e6 ? compact(value) : amount(value, value < 100 ? 2 : 0);
}

/** The trades that a page knows, by number; what is missing between them is told as holes. */
export class Tape {
  constructor() {
    this.trades = []; // newest first
    this.epoch = NaN;
  }

  /** Add trades, newest first; returns how many were new. */
  take(epoch, found) {
    if (epoch !== this.epoch) this.trades = [];
    this.epoch = epoch;
    const newest = this.trades[0]?.number ?? -Infinity;
    const fresh = found.filter(({ number }) => number > newest);
    if (fresh.length === found.length) {
      this.trades = [...fresh, ...this.trades];
    } else {
      const known = new Map([...found, ...this.trades].map((trade) => [trade.number, trade]));
      this.trades = [...known.values()].sort((a, b) => b.number - a.number);
    }
    this.trades.length = Math.min(this.trades.length, KEPT);
    return fresh.length;
  }

  /** The numbers [first, last] of the newest trades that are missing, not before `from`; null if none are. */
  missing(from) {
    let after = Infinity; // the number of the trade above
    for (const { number } of this.trades) {
      const first = Math.max(from, number + 1);
      if (after !== Infinity && first < after) return [first, after - 1];
      after = number;
    }
    const isFull = this.trades.length === KEPT;
    return after !== Infinity && from < after && !isFull ? [from, after - 1] : null;
  }

  /** Rows to show: trades of at least that size, and {hole: count} where some are not known. */
  rows(least) {
    const rows = [];
    let before = NaN;
    for (const trade of this.trades) {
      if (before - trade.number > 1) rows.push({ hole: before - trade.number - 1, number: before });
      before = trade.number;
      if (trade.size >= least) rows.push(trade);
    }
    return rows;
  }
}

export class TimeAndSalesView extends PanelView {
  static style = STYLE;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.lay();
    this.forget();
    this.take();
  }

  lay() {
    const label = add(this.tools, "label", "least");
    label.append("size ≥");
    label.title = "show trades of at least this size";
    this.least = add(label, "input");
    this.least.type = "number";
    this.least.min = "0";
    this.least.step = "any";
    this.least.value = this.panel.setting("min_size") ?? 0;
    this.least.setAttribute("aria-label", "least size shown");
    this.least.addEventListener("input", () => this.draw());
    this.least.addEventListener("change", () => this.panel.set({ min_size: this.minimum }));
    this.pauser = this.button("pause", "stop the list (space); it also stops under the pointer and when scrolled", () => this.pause());
    this.pauser.setAttribute("aria-pressed", "false");
    const box = add(this.body, "div", "sales");
    this.table = new Table(box, COLUMNS, {
      row: LINE_HEIGHT,
      label: "Time and sales",
      fill: (row, index) => this.fill(row, this.rows[index]),
    });
    this.note = add(box, "div", "note");
    this.note.hidden = true;
    this.noted = null;
    this.table.table.tBodies[0].addEventListener("pointerenter", () => { this.hovered = true; });
    box.addEventListener("pointerleave", () => { this.hovered = false; this.draw(); });
    this.table.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  /** Go on at the top; ask for earlier trades at the bottom. */
  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.table.scroller;
    if (scrollTop > 0 && scrollTop + clientHeight > scrollHeight - LINE_HEIGHT && this.wanted > this.gone) {
      this.wanted -= HISTORY;
      this.ask();
    }
    this.draw();
  }

  get minimum() {
    return Math.max(0, Number(this.least.value) || 0);
  }

  get paused() {
    return this.held || this.hovered || this.table.top > 0;
  }

  /** Start over: another symbol's trades are about to be shown. */
  forget() {
    this.symbol = this.panel.setting("symbol");
    this.tape = new Tape();
    this.rows = [];
    this.unseen = 0;
    this.gone = 1; // the number before which the kernel has no trades
    this.asked = { text: "", at: -Infinity };
    this.table.scroll(0);
  }

  settled() {
    if (!this.table) return;
    if (this.panel.setting("symbol") !== this.symbol) this.forget();
    if (this.root.getRootNode().activeElement !== this.least) this.least.value = this.panel.setting("min_size") ?? 0;
    this.take();
    this.draw();
  }

  take() {
    if (!this.table) return;
    this.state = parse(this.panel.get("frame"));
    if (!this.state) return;
    if (this.state.epoch !== this.tape.epoch) {
      this.wanted = this.state.printed - HISTORY + 1;
      this.gone = this.state.forgotten + 1;
    }
    this.unseen += this.tape.take(this.state.epoch, this.state.trades);
    this.tape.take(this.state.epoch, trades(values(this.panel.get("kept")), this.state.printed)); // a page without a kernel
    this.ask();
    this.draw();
  }

  /** Ask for trades that came and went between two frames. */
  ask() {
    const missing = this.tape.missing(Math.max(this.wanted, this.gone));
    const now = performance.now();
    if (!missing) return;
    const [first, last] = missing, text = `${first} ${last}`;
    if (this.asked.text === text && now - this.asked.at < PATIENCE) return;
    this.asked = { text, at: now };
    this.panel.send({ first, last, epoch: this.tape.epoch });
  }

  hear({ first, last, epoch }, buffers) {
    if (epoch !== this.tape.epoch || last === undefined) return;
    const isOlder = last < (this.tape.trades.at(-1)?.number ?? 0);
    this.tape.take(epoch, trades(values(buffers?.[0]), last));
    // What comes below the rows in sight does not move them.
    if (isOlder && this.paused) this.rows = [...this.rows, ...this.tape.rows(this.minimum).filter(({ number }) => number <= last)];
    if (first > last) this.gone = Math.max(this.gone, last + 1);
    this.ask();
    this.draw();
  }

  draw() {
    const { hasEveryTrade = 1, printed = 0, forgotten = 0 } = this.state ?? {};
    const count = printed - forgotten;
    if (!this.paused) {
      this.rows = this.tape.rows(this.minimum);
      this.unseen = 0;
    }
    this.table.update(this.rows.length);
    const state = this.paused && this.unseen ? `paused · ${amount(this.unseen, 0)} new` : this.paused ? "paused" : `${amount(count, 0)} trade${count === 1 ? "" : "s"}`;
    this.entitle(this.symbol, state);
    this.pauser.setAttribute("aria-pressed", String(Boolean(this.held)));
    this.tell(hasEveryTrade, count);
  }

  /** Say below the list what it does not have. */
  tell(hasEveryTrade, count) {
    const partial = this.state && !hasEveryTrade ? this.symbol : "";
    const said = partial || (this.state && !count ? "no trades yet" : "");
    if (said === this.noted) return;
    this.noted = said;
    this.note.hidden = !said;
    this.note.replaceChildren(partial ? "the last trade of each message; for all " : said);
    if (partial) add(this.note, "code", "", `client.subscribe([${JSON.stringify(partial)}], data_types=["TRADES"])`);
    this.resize(this.table.height(ROWS) + (said ? this.note.offsetHeight : 0));
  }

  fill(row, trade) {
    const { line, cells } = row;
    const { large, priceDecimals, sizeDecimals } = this.state ?? {};
    const terms = `${large} ${priceDecimals} ${sizeDecimals}`; // which a later trade may change for all
    if (row.key === trade && row.terms === terms) return;
    row.key = trade;
    row.terms = terms;
    if (trade.hole) {
      line.className = "row hole";
      write(cells[0], `${amount(trade.hole, 0)} not shown`);
      for (const cell of cells.slice(1)) write(cell, "");
      cells[2].style.background = row.bar = "";
      return;
    }
    const { time, price, size, side } = trade;
    const isLarge = size > large;
    const classes = `row ${side}${isLarge ? " large" : ""}`;
    if (line.className !== classes) line.className = classes;
    mark(line, "title", `${side === "bid" ? "buyer" : "seller"} was the aggressor${isLarge ? LARGE : ""}`);
    write(cells[0], clockTime(time));
    write(cells[1], `${side === "bid" ? "▲" : "▼"} ${amount(price, priceDecimals)}`);
    write(cells[2], amount(size, sizeDecimals));
    write(cells[3], worth(price * size));
    const share = isLarge || !(large > 0) ? 0 : 100 * Math.sqrt(size / large);
    const colour = `color-mix(in srgb, var(--hft-${side}) 16%, transparent)`;
    const bar = `linear-gradient(${colour}, ${colour}) right / ${share}% ${LINE_HEIGHT - 4}px no-repeat`;
    if (row.bar === `${side} ${share}`) return;
    row.bar = `${side} ${share}`;
    cells[2].style.background = share ? bar : "";
  }

  pause() {
    this.held = !this.paused;
    if (!this.held) {
      this.hovered = false;
      this.table.scroll(0);
    }
    this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const page = this.table.scroller.clientHeight - 2 * LINE_HEIGHT;
    const steps = { ArrowDown: LINE_HEIGHT, ArrowUp: -LINE_HEIGHT, PageDown: page, PageUp: -page };
    if (event.key === " " && event.target === this.root) this.pause();
    else if (event.key in steps) this.table.scroll(this.table.top + steps[event.key]);
    else if (event.key === "Home") this.table.scroll(0);
    else return false;
    return true;
  }

  destroy() {
    this.table.destroy();
    super.destroy();
  }
}

export default mount(TimeAndSalesView);
