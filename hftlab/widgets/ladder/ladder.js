import { Surface, amount, values } from "../core/surface.js";

// The same values as in frame.py.
const VERSION = 1;
const HEADER = [
  "version", "stale", "tsEvent", "priceDecimals", "sizeDecimals", "tick", "last", "changePercent", "volume",
  "tradePrice", "tradeSize", "tradeSide", "bidCount", "askCount",
];

const PAD = 12, TOP = 36, CAPTIONS = 17, ROW = 20, SPREAD = 28, FOOTER = 22;
const WIDEST = 560;
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

class LadderView {
  constructor(model, el) {
    this.model = model;
    this.changes = { bid: new Changes(), ask: new Changes() };
    this.spoken = -Infinity;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.style.cssText = `display: block; width: 100%; max-width: ${WIDEST}px; min-width: 260px;`;
    el.appendChild(this.canvas);
    this.surface = new Surface(model, this.canvas, (...args) => this.draw(...args));
    this.listeners = {
      "change:frame": () => this.take(),
      "change:status": () => this.surface.redraw(),
      "change:error": () => this.surface.redraw(),
      "change:symbol": () => this.forget(),
      "change:depth": () => this.forget(),
    };
    for (const [event, listener] of Object.entries(this.listeners)) model.on(event, listener);
    this.forget();
    this.take();
  }

  destroy() {
    for (const [event, listener] of Object.entries(this.listeners)) this.model.off(event, listener);
    this.surface.destroy();
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
    this.rows = Math.min(rows, this.model.get("depth"));
    this.canvas.style.height = `${TOP + CAPTIONS + 2 * this.rows * ROW + SPREAD + FOOTER}px`;
    this.surface.redraw();
  }

  take() {
    const now = performance.now();
    this.state = parse(this.model.get("frame"));
    if (this.state) {
      this.fit(Math.max(this.state.bids.length, this.state.asks.length));
      this.changes.bid.note(this.state.bids, now);
      this.changes.ask.note(this.state.asks, now);
    }
    if (now - this.spoken > SPEAKS) {
      this.spoken = now;
      this.canvas.setAttribute("aria-label", this.words());
    }
    this.surface.redraw();
  }

  words() {
    const { bids = [], asks = [], priceDecimals } = this.state ?? {};
    const best = (levels) => (levels.length ? amount(levels[0].price, priceDecimals) : "none");
    return `Order book of ${this.model.get("symbol")}: bid ${best(bids)}, ask ${best(asks)}`;
  }

  /** A word for what is wrong; empty when all is well. */
  trouble() {
    const status = this.model.get("status"), error = this.model.get("error");
    if (error) return error;
    if (status !== "CONNECTED") return status || "UNKNOWN";
    return this.state?.stale ? "STALE" : "";
  }

  draw(context, width, height, theme, now) {
    const trouble = this.trouble();
    const { bids, asks } = this.state ?? { bids: [], asks: [] };
    const depth = this.rows;
    const pen = new Pen(context, theme);
    const book = this.layout(pen, width);
    this.header(pen, width, trouble);
    context.globalAlpha = trouble ? 0.42 : 1;
    this.captions(pen, width, book);
    const middle = TOP + CAPTIONS + depth * ROW;
    const askAt = (index) => middle - (index + 1) * ROW, bidAt = (index) => middle + SPREAD + index * ROW;
    asks.slice(0, depth).forEach((level, index) => this.level(pen, book, level, "ask", askAt(index), now, trouble));
    bids.slice(0, depth).forEach((level, index) => this.level(pen, book, level, "bid", bidAt(index), now, trouble));
    this.spread(pen, width, middle);
    this.footer(pen, width, height);
    context.globalAlpha = 1;
    if (trouble) pen.label(trouble, width / 2, middle + SPREAD / 2, width - 2 * PAD);
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

  header(pen, width, trouble) {
    const { last, changePercent, priceDecimals } = this.state ?? {};
    pen.dot(PAD + 4, 19, trouble ? "warn" : "good", !trouble);
    const symbol = this.model.get("symbol");
    const end = pen.font(15, "sans", 600).text(symbol, PAD + 16, 24, "ink");
    let right = width - PAD;
    if (Number.isFinite(changePercent)) {
      const sign = changePercent > 0 ? "+" : "";
      right = pen.font(12, "mono").text(`${sign}${amount(changePercent, 2)} %`, right, 24, way(changePercent), "right") - 10;
    }
    if (Number.isFinite(last)) {
      pen.font(15, "mono", 600);
      const text = amount(last, priceDecimals);
      if (right - pen.width(text) > end + 8) pen.text(text, right, 24, "ink", "right");
    }
  }

  captions(pen, width, { left, right, centre, half, room }) {
    const y = TOP + 11;
    pen.font(10, "sans");
    pen.text("price", centre, y, "muted", "center");
    pen.text("bid size", centre - half - 6, y, "muted", "right");
    pen.text("ask size", centre + half + 6, y, "muted");
    if (room < 62) return;
    pen.text("orders", left, y, "muted");
    pen.text("orders", right, y, "muted", "right");
  }

  level(pen, { left, right, centre, half, largest, room }, { price, size, orders }, side, y, now, trouble) {
    const { priceDecimals, sizeDecimals } = this.state;
    const towards = side === "bid" ? -1 : 1;
    const edge = centre + towards * half;
    const fresh = trouble ? 0 : this.changes[side].freshness(price, now);
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
    if (tsEvent > 0) pen.text(`${new Date(tsEvent).toISOString().slice(11, 23)} UTC`, PAD, height - 7, "muted");
    if (volume > 0) {
      // A large volume is shown without decimals.
      const text = `volume ${amount(volume, volume >= 1e5 ? 0 : Math.min(2, sizeDecimals))}`;
      pen.text(text, width - PAD, height - 7, "muted", "right");
    }
  }
}

function way(value) {
  return value > 0 ? "bid" : value < 0 ? "ask" : "muted";
}

/** Draws texts, bars, dots and labels in the theme's fonts and colours. */
class Pen {
  constructor(context, theme) {
    this.context = context;
    this.theme = theme;
  }

  font(size, family, weight = 400) {
    this.context.font = `${weight} ${size}px ${this.theme[family]}`;
    return this;
  }

  width(text) {
    return this.context.measureText(text).width;
  }

  /** Write a text, and return the x where it ends. */
  text(text, x, y, role, align = "left") {
    this.context.textAlign = align;
    this.context.fillStyle = this.theme[role];
    this.context.fillText(text, x, y);
    return align === "right" ? x - this.width(text) : x + this.width(text);
  }

  bar(x, y, width, height, role, opacity) {
    const before = this.context.globalAlpha;
    this.context.globalAlpha = before * opacity;
    this.context.fillStyle = this.theme[role];
    this.context.fillRect(x, y, width, height);
    this.context.globalAlpha = before;
  }

  /** A full dot is good, a ring is not, so that colour alone does not tell. */
  dot(x, y, role, full) {
    this.context.beginPath();
    this.context.arc(x, y, 4, 0, 2 * Math.PI);
    this.context.fillStyle = this.context.strokeStyle = this.theme[role];
    this.context.lineWidth = 2;
    if (full) this.context.fill();
    else this.context.stroke();
  }

  label(text, x, y, room) {
    this.font(12, "sans", 600);
    while (text.length > 4 && this.width(text) > room - 24) text = `${text.slice(0, -2).trimEnd()}…`;
    const width = this.width(text) + 24;
    this.context.beginPath();
    this.context.roundRect(x - width / 2, y - 14, width, 28, 6);
    this.context.fillStyle = this.theme.tint;
    this.context.fill();
    this.context.strokeStyle = this.theme.warn;
    this.context.lineWidth = 1;
    this.context.stroke();
    this.text(text, x, y + 4, "warn", "center");
  }
}

function render({ model, el }) {
  const view = new LadderView(model, el);
  return () => view.destroy();
}

export default { render };
