import { amount, compact, values } from "../core/formats.js";
import { PanelView, mount } from "../core/panel_view.js";
import { Pen } from "../core/pen.js";

// The same values as in frame.py.
const VERSION = 1;
const HEADER = ["version", "stale", "tsEvent", "priceDecimals", "sizeDecimals", "tick", "isCut", "bidCount", "askCount"];

const HEIGHT = 250, TOP = 24, AXIS = 22, PAD = 12;
const MARGIN = 1.06; // the shown range beyond the last known levels
const USUAL = 0.75, FAR = 3; // as in frame.py
const GLIDE = 0.22; // the part of the way to a new range that one paint goes
const WHEEL = 0.0015;
const SPEAKS = 2_000; // ms between two texts for screen readers

/** Unpack a frame's state, with cumulative size and cost at each level; null before the first one. */
export function parse(frame) {
  const data = values(frame);
  if (data[0] !== VERSION) return null;
  const state = Object.fromEntries(HEADER.map((name, index) => [name, data[index]]));
  const side = (first, count) => {
    let total = 0, cost = 0;
    return Array.from({ length: count }, (_, index) => {
      const price = data[first + 2 * index], size = data[first + 2 * index + 1];
      total += size;
      cost += size * price;
      return { price, size, total, cost };
    });
  };
  state.bids = side(HEADER.length, state.bidCount);
  state.asks = side(HEADER.length + 2 * state.bidCount, state.askCount);
  const best = [state.bids, state.asks].filter((levels) => levels.length).map((levels) => levels[0].price);
  state.mid = best.reduce((sum, price) => sum + price, 0) / best.length; // NaN for an empty book
  const reaches = [state.bids, state.asks].filter((levels) => levels.length).map((levels) => reach(levels, state.mid));
  state.reach = Math.max(0, ...reaches.map(({ first }) => first));
  state.whole = Math.max(0, ...reaches.map(({ whole }) => whole));
  return state;
}

/** The distance that a side goes, and the one shown at first: the same unless a few levels lie far beyond the others. */
function reach(levels, mid) {
  const whole = Math.abs(levels.at(-1).price - mid);
  const usual = Math.abs(levels[Math.ceil(USUAL * levels.length) - 1].price - mid);
  return { whole, first: Math.min(whole, FAR * usual) };
}

/**
 * The size and the cost of trading through a side, `sign` 1 for asks and -1 for bids, up to a price: {size, cost, average, known}.
 * Beyond the last known level `known` is false, and size and cost are the least. A side without levels is known to be
 * empty.
 */
export function toReach(levels, price, sign) {
  const { total = 0, cost = 0 } = levels.findLast((level) => sign * (price - level.price) >= -1e-9 * price) ?? {};
  const known = !levels.length || sign * (price - levels.at(-1).price) <= 1e-9 * price;
  return { size: total, cost, average: total ? cost / total : NaN, known };
}

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least that. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= least * (1 - 1e-9));
}

export class DepthView extends PanelView {
  constructor(panel, el, options) {
    super(panel, el, options);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.zoom = 1; // the shown range as a part of that at first
    this.spoken = -Infinity;
    this.chart = this.canvas(HEIGHT, (...args) => this.draw(...args));
    this.chart.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.chart.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.chart.addEventListener("pointerleave", () => this.point(null));
    this.chart.addEventListener("dblclick", () => this.zoomTo(1));
    this.wider = this.button("reset", "the range shown at first (0, double click)", () => this.zoomTo(1));
    this.wider.hidden = true;
    this.take();
  }

  themed() {
    super.themed();
    this.surface?.redraw();
  }

  settled() {
    this.range = null;
    this.point(null);
    this.take();
  }

  take() {
    if (!this.surface) return;
    this.state = parse(this.panel.get("frame"));
    const { mid, stale, priceDecimals, bids = [], asks = [] } = this.state ?? {};
    const middle = `${this.middleName} ${amount(mid, priceDecimals + (bids.length && asks.length ? 1 : 0))}`;
    this.entitle(this.panel.setting("symbol"), stale ? "STALE" : Number.isFinite(mid) ? middle : "");
    const now = performance.now();
    if (now - this.spoken > SPEAKS) {
      this.spoken = now;
      const total = (levels) => amount(levels.at(-1)?.total ?? 0, 0);
      this.chart.setAttribute("aria-label", `Depth of ${this.panel.setting("symbol")}: ${total(bids)} bid, ${total(asks)} offered`);
    }
    this.tell();
    this.surface.redraw();
  }

  /** The name of the middle of the chart: a book with an empty side has no mid. */
  get middleName() {
    const { bids = [], asks = [] } = this.state ?? {};
    return bids.length && asks.length ? "mid" : bids.length ? "best bid" : "best ask";
  }

  /** Follow the mid and the known range; returns whether they are still under way. */
  follow() {
    const { mid, reach: usual, tick, bids, asks } = this.state;
    const span = Math.max(this.zoom * usual * MARGIN, tick > 0 ? 2 * tick : mid * 1e-6);
    const inSight = [...bids, ...asks].filter(({ price }) => Math.abs(price - mid) <= span);
    const tallest = Math.max(0, ...inSight.map(({ total }) => total)) || 1;
    const aim = { mid, span, tallest };
    // A range that is hardly different stays, so that the axes do not tremble.
    for (const name of ["span", "tallest"]) {
      const ratio = aim[name] / (this.aim?.[name] ?? 0);
      if (ratio <= 1 && ratio > 0.8 && this.zoom === this.zoomed) aim[name] = this.aim[name];
    }
    this.zoomed = this.zoom;
    this.aim = aim;
    if (!this.range || this.still.matches || !(Math.abs(this.range.mid - mid) < 4 * span)) {
      this.range = { ...aim };
      return false;
    }
    let moving = false;
    for (const name of ["mid", "span", "tallest"]) {
      const way = aim[name] - this.range[name], size = name === "mid" ? span : aim[name];
      const far = Math.abs(way) > size / 500;
      this.range[name] = far ? this.range[name] + GLIDE * way : aim[name];
      moving ||= far;
    }
    return moving;
  }

  draw(context, width, height, colours) {
    const pen = new Pen(context, colours);
    const bottom = height - AXIS;
    pen.bar(PAD, bottom, width - 2 * PAD, 1, "line");
    if (!Number.isFinite(this.state?.mid)) {
      pen.font(12).text(this.state ? "no book yet" : "", width / 2, bottom / 2, "muted", "center");
      return false;
    }
    const moving = this.follow();
    const { mid, span, tallest } = this.range;
    this.across = (price) => PAD + ((price - mid + span) / (2 * span)) * (width - 2 * PAD);
    this.priceAt = (x) => mid - span + ((x - PAD) / (width - 2 * PAD)) * 2 * span;
    this.up = (size) => bottom - ((bottom - TOP - 4) * size) / tallest;
    const sizes = this.sizes(tallest);
    for (const size of sizes) pen.bar(PAD, Math.round(this.up(size)), width - 2 * PAD, 1, "line", 0.45);
    context.save();
    context.beginPath();
    context.rect(PAD, 0, width - 2 * PAD, bottom);
    context.clip();
    this.unknown(context, pen, colours, width, bottom);
    this.side(context, pen, colours, this.state.bids, "bid", bottom, width);
    this.side(context, pen, colours, this.state.asks, "ask", bottom, width);
    this.middle(context, pen, bottom);
    context.restore();
    pen.font(10);
    for (const size of sizes) pen.text(compact(size), PAD + 2, Math.round(this.up(size)) - 3, "muted");
    this.axis(pen, width, bottom);
    this.cross(context, pen, bottom, height, width);
    return moving;
  }

  sizes(tallest) {
    const step = roundStep(tallest / 3.5);
    return Array.from({ length: Math.floor((tallest * 1.02) / step) }, (_, index) => (index + 1) * step);
  }

  /** One side as a staircase that ends at its last known level. */
  side(context, pen, colours, levels, role, bottom) {
    if (!levels.length) return;
    const points = [[this.across(levels[0].price), bottom]];
    for (const { price, total } of levels) points.push([this.across(price), points.at(-1)[1]], [this.across(price), this.up(total)]);
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo(x, y));
    context.lineTo(points.at(-1)[0], bottom);
    context.closePath();
    context.globalAlpha = 0.16;
    context.fillStyle = colours[role];
    context.fill();
    context.globalAlpha = 1;
    pen.line(points, role, 1.5);
    const [x, y] = points.at(-1);
    context.setLineDash([2, 3]);
    pen.line([[x, y], [x, bottom]], role);
    context.setLineDash([]);
  }

  /** Hatch what lies beyond the last known levels, and say so where there is room. */
  unknown(context, pen, colours, width, bottom) {
    const { bids, asks, isCut } = this.state;
    // A side without levels was received as well: it is empty.
    const left = bids.length ? this.across(bids.at(-1).price) : PAD;
    const right = asks.length ? this.across(asks.at(-1).price) : width - PAD;
    for (const [from, to] of [[PAD, left], [right, width - PAD]]) {
      if (to - from < 2) continue;
      context.save();
      context.beginPath();
      context.rect(from, TOP, to - from, bottom - TOP);
      context.clip();
      context.strokeStyle = colours.line;
      context.lineWidth = 1;
      context.globalAlpha = 0.7;
      context.beginPath();
      for (let x = from - (bottom - TOP); x < to; x += 7) {
        context.moveTo(x, bottom);
        context.lineTo(x + bottom - TOP, TOP);
      }
      context.stroke();
      context.restore();
      const text = isCut ? "not shown" : "not known";
      if (pen.font(10).width(text) + 12 < to - from) pen.text(text, (from + to) / 2, bottom - 8, "muted", "center");
    }
  }

  middle(context, pen, bottom) {
    const { bids, asks, mid, tick, priceDecimals } = this.state;
    const x = this.across(mid);
    if (bids.length && asks.length) {
      const left = this.across(bids[0].price), right = this.across(asks[0].price);
      pen.bar(left, TOP, right - left, bottom - TOP, "line", 0.35);
    }
    context.setLineDash([3, 3]);
    pen.line([[x, TOP], [x, bottom]], "muted");
    context.setLineDash([]);
    const spread = bids.length && asks.length ? asks[0].price - bids[0].price : NaN;
    const ticks = Math.round(spread / tick);
    const text = !Number.isFinite(spread) ? "one-sided"
      : `spread ${amount(spread, priceDecimals)}${tick > 0 ? ` · ${amount(ticks, 0)} tick${ticks === 1 ? "" : "s"}` : ""}`;
    pen.font(10.5).text(text, x, TOP - 8, "muted", "center");
  }

  axis(pen, width, bottom) {
    const { span, mid } = this.range;
    const { priceDecimals } = this.state;
    pen.font(10.5);
    const label = pen.width(amount(mid, priceDecimals)) + 22;
    const step = Math.max(roundStep((2 * span * label) / (width - 2 * PAD)), 10 ** -priceDecimals);
    for (let price = Math.ceil((mid - span) / step) * step; price <= mid + span; price += step) {
      const x = this.across(price), half = label / 2 - 11;
      if (x - half < 2 || x + half > width - 2) continue;
      pen.bar(Math.round(x) - 0.5, bottom, 1, 4, "muted");
      pen.text(amount(price, priceDecimals), x, bottom + 16, "muted", "center");
    }
  }

  /** Mark the price under the pointer. */
  cross(context, pen, bottom) {
    if (this.price === null || this.price === undefined) return;
    const { side, reached } = this.found();
    const x = this.across(this.price);
    pen.line([[x, TOP], [x, bottom]], "ink", 1, 0.5);
    if (!reached.size) return;
    const y = this.up(reached.size);
    context.beginPath();
    context.arc(x, y, 3.5, 0, 2 * Math.PI);
    context.fillStyle = pen.colours[side];
    context.fill();
  }

  found() {
    const { bids, asks, mid } = this.state;
    const side = this.price < mid ? "bid" : "ask";
    return { side, reached: side === "bid" ? toReach(bids, this.price, -1) : toReach(asks, this.price, 1) };
  }

  point(x) {
    this.price = x === null || !this.priceAt ? null : this.snapped(this.priceAt(x));
    this.tell();
    this.surface.redraw();
  }

  snapped(price) {
    const { tick } = this.state ?? {};
    return tick > 0 ? Math.round(price / tick) * tick : price;
  }

  /** Say what it takes to reach the price under the pointer; returns the rows of the tooltip. */
  tell() {
    if (this.price === null || this.price === undefined || !Number.isFinite(this.state?.mid)) {
      this.hint(null);
      return null;
    }
    const { mid, tick, priceDecimals, sizeDecimals } = this.state;
    const { side, reached } = this.found();
    const { size, cost, average, known } = reached;
    const least = known ? "" : "≥ ";
    const points = (price) => `${amount((1e4 * (price - mid)) / mid, 1)} bps`;
    const away = Math.abs(this.price - mid);
    const rows = [
      [side === "bid" ? "sell down to" : "buy up to", amount(this.price, priceDecimals)],
      [`from the ${this.middleName}`, `${points(this.price)}${tick > 0 ? ` · ${amount(away / tick, 1)} ticks` : ""}`],
      ["size", `${least}${amount(size, sizeDecimals)}`],
      [side === "bid" ? "brings" : "costs", `${least}${amount(cost, cost < 1e5 ? 2 : 0)}`],
      ["average price", amount(average, priceDecimals + 1)],
      ["slippage", size ? points(average) : "–"],
    ];
    if (!known) rows.push([this.state.isCut ? "not shown" : "not known", "beyond this depth"]);
    this.hint(rows, this.across(this.price), TOP);
    return rows;
  }

  wheel(event) {
    const zoom = this.zoom * Math.exp(WHEEL * event.deltaY);
    if (event.deltaY > 0 && this.zoom >= this.most) return; // all is shown: the page scrolls
    event.preventDefault();
    this.zoomTo(zoom);
  }

  /** The largest zoom, which shows all that is known. */
  get most() {
    const { reach: usual = 0, whole = 0 } = this.state ?? {};
    return usual > 0 ? Math.max(1, whole / usual) : 1;
  }

  zoomTo(zoom) {
    const { reach: usual = 0, tick } = this.state ?? {};
    const least = usual > 0 && tick > 0 ? Math.min(1, (3 * tick) / usual) : 0.02;
    this.zoom = Math.min(this.most, Math.max(least, zoom));
    this.wider.hidden = this.zoom === 1;
    this.surface.redraw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const zooms = { "+": this.zoom / 1.5, "=": this.zoom / 1.5, "-": this.zoom * 1.5, 0: 1 };
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key in zooms) this.zoomTo(zooms[event.key]);
    else if (event.key in steps && Number.isFinite(this.state?.mid)) this.step(steps[event.key]);
    else if (event.key === "Escape" && (this.price ?? null) !== null) this.point(null);
    else return false;
    return true;
  }

  /** Move the mark to the next level. */
  step(direction) {
    const prices = [...this.state.bids, ...this.state.asks].map(({ price }) => price).sort((a, b) => a - b);
    const from = this.price ?? this.state.mid;
    const next = direction > 0 ? prices.find((price) => price > from + 1e-12) : prices.findLast((price) => price < from - 1e-12);
    if (next === undefined) return;
    this.price = next;
    this.speak(this.tell());
    this.surface.redraw();
  }
}

export default mount(DepthView);
