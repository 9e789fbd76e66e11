import { amount, clockTime, percent, values, way } from "../core/formats.js";
import { PanelView, mount } from "../core/panel_view.js";
import { Pen } from "../core/pen.js";

// The same values as in frame.py.
const VERSION = 1;
const HEADER = [
  "version", "stale", "tsEvent", "priceDecimals", "sizeDecimals", "tick", "last", "changePercent", "volume",
  "tradePrice", "tradeSize", "tradeSide", "bidCount", "askCount",
];

const PAD = 12, CAPTIONS = 17, ROW = 20, SPREAD = 28, FOOTER = 22;
const FEWEST = 5; // levels a side that always have room
const ORDERS = 28; // the room beyond the longest bar, for the number of orders
const FLASH = 450; // ms
const SPEAKS = 2_000; // ms between two texts for screen readers

/** Unpack a frame's state; null before the first one. */
export function parse(frame) {
  const data = values(frame);
  if (data[0] !== VERSION) return null;
  const state = Object.fromEntries(HEADER.map((name, index) => [name, data[index]]));
  const level = (index) => {
    const at = HEADER.length + 3 * index;
    return { price: data[at], size: data[at + 1], orders: data[at + 2] };
  };
  state.bids = Array.from({ length: state.bidCount }, (_, index) => level(index));
  state.asks = Array.from({ length: state.askCount }, (_, index) => level(state.bidCount + index));
  return state;
}

/** When each level last changed its size, for the flashes. */
class Changes {
  constructor() {
    this.sizes = new Map();
    this.times = new Map();
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  note(levels, now) {
    const prices = [...this.sizes.keys()];
    const low = Math.min(...prices), high = Math.max(...prices);
    const sizes = new Map(levels.map(({ price, size }) => [price, size]));
    for (const [price, size] of sizes) {
      // A price that has just come into the window has not changed.
      if (price >= low && price <= high && this.sizes.get(price) !== size) this.times.set(price, now);
    }
    for (const price of this.times.keys()) if (!sizes.has(price)) this.times.delete(price);
    this.sizes = sizes;
  }

  /** How recently a price changed: from 1, just now, to 0. */
  freshness(price, now) {
    const since = now - (this.times.get(price) ?? -Infinity);
    return this.still.matches || since >= FLASH ? 0 : 1 - Math.max(0, since) / FLASH;
  }

  forget() {
    this.sizes.clear();
    this.times.clear();
  }
}

export class LadderView extends PanelView {
  constructor(panel, el, options) {
    super(panel, el, options);
    this.changes = { bid: new Changes(), ask: new Changes() };
    this.spoken = -Infinity;
    this.board = this.canvas(0, (...args) => this.draw(...args));
    this.forget();
    this.take();
  }

  themed() {
    super.themed();
    this.surface?.redraw();
  }

  settled() {
    this.forget();
  }

  /** Start over: another book is about to be shown. */
  forget() {
    this.changes.bid.forget();
    this.changes.ask.forget();
    this.rows = 0;
    this.fit(FEWEST);
  }

  /** Make room for that many levels a side. It never shrinks, so that the notebook below does not jump. */
  fit(rows) {
    if (rows <= this.rows) return;
    this.rows = Math.min(rows, this.panel.setting("depth"));
    this.resize(CAPTIONS + 2 * this.rows * ROW + SPREAD + FOOTER);
    this.surface.redraw();
  }

  take() {
    if (!this.surface) return;
    const now = performance.now();
    this.state = parse(this.panel.get("frame"));
    if (this.state) {
      this.fit(Math.max(this.state.bids.length, this.state.asks.length));
      this.changes.bid.note(this.state.bids, now);
      this.changes.ask.note(this.state.asks, now);
      const { last, changePercent, priceDecimals, stale } = this.state;
      const facts = [Number.isFinite(last) ? amount(last, priceDecimals) : "", Number.isFinite(changePercent) ? percent(changePercent) : ""];
      this.entitle(this.panel.setting("symbol"), stale ? "STALE" : facts.filter(Boolean).join("  "));
    }
    if (now - this.spoken > SPEAKS) {
      this.spoken = now;
      this.board.setAttribute("aria-label", this.words());
    }
    this.surface.redraw();
  }

  words() {
    const { bids = [], asks = [], priceDecimals } = this.state ?? {};
    const best = (levels) => (levels.length ? amount(levels[0].price, priceDecimals) : "none");
    return `Order book of ${this.panel.setting("symbol")}: bid ${best(bids)}, ask ${best(asks)}`;
  }

  draw(context, width, height, colours, now) {
    const { bids, asks } = this.state ?? { bids: [], asks: [] };
    const depth = this.rows;
    const pen = new Pen(context, colours);
    const book = this.layout(pen, width);
    this.captions(pen, width, book);
    const middle = CAPTIONS + depth * ROW;
    const askAt = (index) => middle - (index + 1) * ROW, bidAt = (index) => middle + SPREAD + index * ROW;
    asks.slice(0, depth).forEach((level, index) => this.level(pen, book, level, "ask", askAt(index), now));
    bids.slice(0, depth).forEach((level, index) => this.level(pen, book, level, "bid", bidAt(index), now));
    this.spread(pen, width, middle);
    this.footer(pen, width, height);
    return [...asks].some(({ price }) => this.changes.ask.freshness(price, now) > 0)
      || [...bids].some(({ price }) => this.changes.bid.freshness(price, now) > 0);
  }

  /** The positions of the columns. The price column is as wide as its longest price. */
  layout(pen, width) {
    const { bids = [], asks = [], priceDecimals = 2 } = this.state ?? {};
    pen.font(13, "mono");
    const longest = Math.max(44, ...[...bids, ...asks].map(({ price }) => pen.width(amount(price, priceDecimals))));
    const half = longest / 2 + 10;
    const largest = Math.max(0, ...[...bids, ...asks].map(({ size }) => size));
    return { left: PAD, right: width - PAD, centre: width / 2, half, largest, room: width / 2 - half - PAD - ORDERS };
  }

  captions(pen, width, { left, right, centre, half, room }) {
    const y = 11;
    pen.font(10, "sans");
    pen.text("price", centre, y, "muted", "center");
    pen.text("bid size", centre - half - 6, y, "muted", "right");
    pen.text("ask size", centre + half + 6, y, "muted");
    if (room < 62) return;
    pen.text("orders", left, y, "muted");
    pen.text("orders", right, y, "muted", "right");
  }

  level(pen, { left, right, centre, half, largest, room }, { price, size, orders }, side, y, now) {
    const { priceDecimals, sizeDecimals } = this.state;
    const towards = side === "bid" ? -1 : 1;
    const edge = centre + towards * half;
    const fresh = this.changes[side].freshness(price, now);
    // Behind the price, where there is no bar: a flash must not look like a size.
    if (fresh) pen.bar(centre - half + 4, y + 2, 2 * half - 8, ROW - 4, side, 0.32 * fresh);
    if (largest > 0) pen.bar(edge, y + 2, towards * room * (size / largest), ROW - 4, side, 0.24);
    const baseline = y + 14.5;
    pen.font(13, "mono").text(amount(price, priceDecimals), centre, baseline, side, "center");
    const text = amount(size, sizeDecimals);
    pen.font(12, "mono").text(text, edge + towards * 6, baseline, "ink", towards < 0 ? "right" : "left");
    if (!orders) return;
    const taken = pen.width(text) + 12;
    pen.font(10, "mono");
    const number = amount(orders, 0);
    if (taken + pen.width(number) > room + ORDERS) return;
    pen.text(number, towards < 0 ? left : right, baseline, "muted", towards < 0 ? "left" : "right");
  }

  spread(pen, width, y) {
    pen.bar(PAD, y + 3, width - 2 * PAD, SPREAD - 6, "line", 0.4);
    const baseline = y + SPREAD / 2 + 4;
    const { tradePrice, tradeSize, tradeSide, priceDecimals, sizeDecimals } = this.state ?? {};
    let free = width - 2 * PAD - 16;
    const parts = this.spreadParts();
    if (Number.isFinite(tradePrice)) {
      const mark = tradeSide > 0 ? "▲" : tradeSide < 0 ? "▼" : "";
      const trade = `${mark} ${amount(tradePrice, priceDecimals)} × ${amount(tradeSize, sizeDecimals)}`;
      pen.font(11.5, "mono");
      free -= pen.width(trade) + 12;
      pen.text(trade, width - PAD - 8, baseline, way(tradeSide), "right");
    }
    pen.font(11.5, "sans");
    while (parts.length > 1 && pen.width(parts.join(" · ")) > free) parts.pop();
    pen.text(parts.join(" · "), PAD + 8, baseline, "muted");
  }

  spreadParts() {
    const { bids, asks, tick, priceDecimals } = this.state ?? { bids: [], asks: [] };
    if (!bids.length && !asks.length) return ["no book yet"];
    if (!bids.length || !asks.length) return ["one-sided"];
    const bid = bids[0].price, ask = asks[0].price;
    const parts = [`spread ${amount(ask - bid, priceDecimals)}`];
    const ticks = Math.round((ask - bid) / tick);
    if (tick > 0) parts.push(`${amount(ticks, 0)} tick${ticks === 1 ? "" : "s"}`);
    const points = (2e4 * (ask - bid)) / (ask + bid);
    if (ask + bid > 0) parts.push(`${amount(points, points >= 0.1 || points <= 0 ? 2 : 4)} bps`);
    return parts;
  }

  footer(pen, width, height) {
    const { tsEvent, volume, sizeDecimals } = this.state ?? {};
    pen.font(10.5, "mono");
    if (tsEvent > 0) pen.text(`${clockTime(tsEvent)} UTC`, PAD, height - 7, "muted");
    if (volume > 0) {
      // A large volume is shown without decimals.
      const text = `volume ${amount(volume, volume >= 1e5 ? 0 : Math.min(2, sizeDecimals))}`;
      pen.text(text, width - PAD, height - 7, "muted", "right");
    }
  }
}

export default mount(LadderView);
