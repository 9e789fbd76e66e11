import { amount, clockTime, compact } from "../core/formats.js";
import { HEAT_DARK, HEAT_LIGHT } from "../core/palette.js";
import { PanelView, mount } from "../core/panel_view.js";
import { Pen } from "../core/pen.js";
import { Columns, unpack } from "./columns.js";
import { Controls } from "./controls.js";
import { Heat } from "./heat.js";
import { Overlay } from "./overlay.js";
import { Prints } from "./prints.js";
import { SizeScale, shades } from "./size_scale.js";
import { Viewport } from "./viewport.js";

const HEIGHT = 420; // px of the body in a cell of its own
const TIMES = 18, LEGEND = 22; // px below the map
const PROFILE = 84, PROFILE_FROM = 420; // px of the volume profile, and of a view that has room for one
const LEAST_ROW = 3; // px of a row of prices
const PATIENCE = 3_000; // ms until missing columns are asked for again
const SPEAKS = 2_000; // ms between two texts for screen readers
const GROUPS = [1, 2, 5];

export class HeatMapView extends PanelView {
  constructor(panel, el, options) {
    super(panel, el, options);
    this.columns = new Columns();
    this.scale = new SizeScale();
    this.heat = new Heat(this.columns, this.scale);
    this.prints = new Prints(this.columns);
    this.view = new Viewport();
    this.overlay = new Overlay(this);
    this.asked = -Infinity;
    this.spoken = -Infinity;
    this.cursor = null; // where the crosshair is: {time, tick}
    this.controls = new Controls(this);
    this.map = this.canvas(HEIGHT, (...args) => this.draw(...args));
    this.map.style.touchAction = "none";
    this.controls.listen(this.map);
    this.learn(this.panel.get("kept"));
    this.take();
    this.settled();
  }

  themed() {
    super.themed();
    this.recolour();
  }

  /** The shades of the theme; the same array while it stays. */
  recolour() {
    if (!this.heat) return;
    this.shades = shades(this.theme.colours.dark ? HEAT_DARK : HEAT_LIGHT);
    this.surface?.redraw();
  }

  settled() {
    if (!this.surface) return;
    const time = this.panel.setting("time") ?? null;
    if (time !== null && time !== this.marked && this.view.ready && (time < this.view.from || time > this.view.right)) {
      this.view.follows = false;
      this.view.right = time + this.view.box.width / this.view.perMs / 2;
    }
    if (time === null && (this.marked ?? null) !== null) this.home();
    this.marked = time;
    this.entitled();
    this.surface.redraw();
  }

  take() {
    if (!this.surface) return;
    this.learn(this.panel.get("frame"));
    this.ask();
    this.entitled();
    const now = performance.now();
    if (now - this.spoken > SPEAKS) {
      this.spoken = now;
      this.map.setAttribute("aria-label", this.words());
    }
    this.surface.redraw();
  }

  /** Take in a block of columns. */
  learn(frame) {
    const block = unpack(frame);
    if (!block) return;
    const before = this.columns.epoch;
    const fresh = this.columns.take(block);
    if (block.epoch !== before) {
      this.heat.forget();
      this.scale.forget();
      this.prints.forget();
      this.view.reset();
      this.cursor = null;
    } else if (fresh.length) {
      this.heat.take(fresh);
    }
    this.aim();
  }

  hear({ columns }, buffers = []) {
    if (!columns) return;
    this.asked = -Infinity;
    const block = unpack(buffers[0]);
    // What was asked before a replay went back, or for another symbol, is of no use.
    if (!block || block.epoch !== this.columns.epoch) return;
    this.learn(buffers[0]);
    this.ask();
    this.surface.redraw();
  }

  /** Ask for columns that the kernel has and this page lacks, the newest first, one answer at a time. */
  ask() {
    const missing = this.panel.page.offline ? null : this.columns.missing();
    if (!missing || performance.now() - this.asked < PATIENCE) return;
    this.asked = performance.now();
    this.panel.send({ columns: missing });
  }

  /** Follow the newest column and the prices of its book. */
  aim() {
    const { columns, view } = this;
    if (columns.empty || view.box.width <= 1) return;
    view.follow(columns.end, columns.step(columns.runs.at(-1).stop - 1));
    if (!view.fits) return;
    let low = Infinity, high = -Infinity, reach = 0;
    columns.between(view.from, view.right, (_, start, stop) => {
      for (let number = start; number < stop; number += 1) {
        if (!columns.has(number) || !columns.known(number)) continue;
        const bid = columns.best("bids", number), ask = columns.best("asks", number);
        low = Math.min(low, Number.isFinite(bid) ? bid : Infinity, Number.isFinite(ask) ? ask : Infinity);
        high = Math.max(high, Number.isFinite(bid) ? bid : -Infinity, Number.isFinite(ask) ? ask : -Infinity);
        if (number === stop - 1) reach = this.reach(number, bid, ask);
      }
    });
    if (low <= high) view.fit(low - reach, high + reach);
  }

  /** How many ticks beyond the best prices most of a column's levels are. */
  reach(number, bid, ask) {
    const away = [];
    this.columns.each(number, (tick) => away.push(Math.max(Number.isFinite(bid) ? bid - tick : 0, Number.isFinite(ask) ? tick - ask : 0)));
    away.sort((one, other) => one - other);
    return away.length ? Math.max(1, away[Math.floor(0.8 * (away.length - 1))]) : 1;
  }

  /** Follow the newest moment again; of a recording, show all of it. */
  home() {
    this.view.reset();
    this.aim();
    this.entitled();
    this.surface.redraw();
  }

  entitled() {
    const { columns } = this;
    const facts = [];
    if (!columns.empty) {
      const last = columns.runs.at(-1).stop - 1;
      const bid = columns.best("bids", last), ask = columns.best("asks", last);
      if (Number.isFinite(bid) && Number.isFinite(ask)) facts.push(`${this.price(bid)} / ${this.price(ask)}`);
      facts.push(`${clockTime(columns.end, 0)} UTC`);
    }
    this.entitle(this.panel.setting("symbol") ?? "", facts.join("  "));
    this.controls.show();
  }

  price(tick) {
    return amount(this.columns.priceOf(tick), this.columns.terms.priceDecimals);
  }

  size(size) {
    return size >= 1e5 ? compact(size) : amount(size, Math.min(4, this.columns.terms.sizeDecimals));
  }

  words() {
    const { columns } = this;
    if (columns.empty) return `Heat map of ${this.panel.setting("symbol")}: no book yet`;
    const last = columns.runs.at(-1).stop - 1;
    const [bid, ask] = ["bids", "asks"].map((side) => columns.best(side, last)).map((tick) => (Number.isFinite(tick) ? this.price(tick) : "none"));
    return `Heat map of ${this.panel.setting("symbol")} until ${clockTime(columns.end, 0)} UTC: bid ${bid}, ask ${ask}`;
  }

  /** The ticks of a row: a round number, so that rows can be told apart. */
  group() {
    const least = LEAST_ROW / this.view.perTick;
    if (least <= 1) return 1;
    const power = 10 ** Math.floor(Math.log10(least));
    return power * (GROUPS.find((digit) => power * digit >= least) ?? 10);
  }

  /** What is known of a time and a price, as rows of a tooltip. */
  cell(time, tick) {
    const { columns, heat } = this;
    const number = columns.find(time);
    const row = heat.row(Math.round(tick)), low = Math.round(heat.edge(row) + 0.5), high = low + heat.group - 1;
    const price = heat.group > 1 ? `${this.price(low)} – ${this.price(high)}` : this.price(low);
    const rows = [["price", price], ["time", `${clockTime(time)} UTC`]];
    if (number < 0) return rows;
    if (!columns.known(number)) return [...rows, ["resting", "not known"]];
    let size = 0, orders = 0, lowest = Infinity, highest = -Infinity;
    columns.each(number, (at, resting, count) => {
      lowest = Math.min(lowest, at);
      highest = Math.max(highest, at);
      if (at < low || at > high) return;
      size += resting;
      orders += count;
    });
    const bid = columns.best("bids", number), ask = columns.best("asks", number);
    const side = low <= bid ? "bids" : high >= ask ? "asks" : "";
    if (high < lowest || low > highest) rows.push(["resting", "beyond the known levels"]);
    else rows.push([side ? `resting ${side}` : "resting", this.size(size)]);
    if (orders) rows.push(["orders", amount(orders, 0)]);
    const away = side === "bids" ? bid - high : low - ask;
    if (side && away > 0) rows.push(["from the best", `${amount(away, 0)} tick${away === 1 ? "" : "s"}`]);
    const { buy, sell } = this.prints.volumes.get(row) ?? { buy: 0, sell: 0 };
    if (buy + sell) rows.push(["traded in view", this.size(buy + sell)]);
    return rows;
  }

  /** Make the strongest colour mean a size that is larger by a factor. */
  contrast(factor) {
    this.scale.contrast = Math.max(1 / 64, Math.min(64, this.scale.contrast * factor));
    this.heat.forget();
    this.scale.forget();
    this.surface.redraw();
  }

  key(event) {
    return this.controls.key(event);
  }

  draw(context, width, height, colours, now) {
    const { columns, view, heat } = this;
    const pen = new Pen(context, colours);
    if (columns.empty) {
      pen.font(12, "sans").text("no book yet", width / 2, height / 2, "muted", "center");
      return false;
    }
    this.layout(pen, width, height);
    const changed = view.box.width !== this.drawn;
    this.drawn = view.box.width;
    if (changed || !view.ready) this.aim();
    const moves = view.glide(now);
    if (!this.shades) this.recolour();
    heat.use(this.group(), this.shades);
    const ratio = window.devicePixelRatio || 1;
    const { left, top, width: wide, height: high } = view.box;
    context.save();
    context.beginPath();
    context.rect(left, top, wide, high);
    context.clip();
    heat.draw(context, view.from, view.right, (time) => view.x(time), (tick) => view.y(tick), ratio);
    context.imageSmoothingEnabled = true;
    this.prints.gather(view.from, view.right, heat);
    this.overlay.inside(context, pen, colours, ratio);
    context.restore();
    this.overlay.outside(context, pen, colours, width, height);
    if (this.scale.fit()) {
      this.heat.forget();
      this.scale.forget();
      return true;
    }
    return moves;
  }

  /** Divide the canvas: the map, the profile beside it, prices at the right, times and a legend below. */
  layout(pen, width, height) {
    pen.font(11, "mono");
    const { view } = this;
    const text = this.price(Number.isFinite(view.high) ? view.high : 0);
    this.axis = Math.ceil(pen.width(text)) + 14;
    this.profile = width >= PROFILE_FROM ? Math.min(PROFILE, Math.round(0.14 * width)) : 0;
    view.box = { left: 0, top: 0, width: Math.max(20, width - this.axis - this.profile), height: Math.max(20, height - TIMES - LEGEND) };
  }

  destroy() {
    this.controls.destroy();
    super.destroy();
  }
}

export default mount(HeatMapView);
