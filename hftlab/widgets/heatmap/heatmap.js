import { amount, clockTime, compact } from "../core/formats.js";
import { HEAT_DARK, HEAT_LIGHT } from "../core/palette.js";
import { PanelView, mount } from "../core/panel_view.js";
import { Pen } from "../core/pen.js";
import { unpack } from "./columns.js";
import { Controls } from "./controls.js";
import { Layer } from "./layer.js";
import { Overlay } from "./overlay.js";
import { Recording } from "./recording.js";
import { SizeScale, shades } from "./size_scale.js";
import { Viewport } from "./viewport.js";

const HEIGHT = 420; // px of the body in a cell of its own
const TIMES = 18, LEGEND = 22; // px below the map
const PROFILE = 84, PROFILE_FROM = 420; // px of the volume profile, and of a view that has room for one
const MOST = 0.85; // of the resting size, which prices are chosen to show
const PATIENCE = 3_000; // ms until missing columns are asked for again
const SPEAKS = 2_000; // ms between two texts for screen readers

export class HeatMapView extends PanelView {
  constructor(panel, el, options) {
    super(panel, el, options);
    this.scale = new SizeScale();
    this.base = this.layer = new Layer(this.scale);
    this.recording = new Recording(this);
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

  /** The columns that are seen at the moment: the layer's. */
  get columns() {
    return this.layer.columns;
  }

  get heat() {
    return this.layer.heat;
  }

  get prints() {
    return this.layer.prints;
  }

  /** True if a recorded session is shown, and not a market that goes on. */
  get recorded() {
    return Boolean(this.base?.columns.terms?.recorded);
  }

  themed() {
    super.themed();
    this.recolour();
  }

  /** The shades of the theme; the same array while it stays. */
  recolour() {
    if (!this.base) return;
    this.shades = shades(this.theme.colours.dark ? HEAT_DARK : HEAT_LIGHT);
    this.surface?.redraw();
  }

  settled() {
    if (!this.surface) return;
    const time = this.panel.setting("time") ?? null;
    if (time !== null && time !== this.marked && this.view.ready && (time < this.view.from || time > this.view.right)) {
      this.view.goTo(time + this.view.box.width / this.view.perMs / 2);
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
    if (!block) {
      if (frame && !frame.byteLength && !this.base.columns.empty) this.forget();
      return;
    }
    const { columns, heat } = this.base;
    const anew = block.epoch !== columns.epoch;
    if (anew) this.forget();
    const fresh = columns.take(block);
    if (!anew && fresh.length) heat.take(fresh);
    this.aim();
  }

  /** Start over: another market is about to be shown, or another time of it. */
  forget() {
    this.base.forget();
    this.recording.forget();
    this.layer = this.base;
    this.scale.forget();
    this.view.reset();
    this.cursor = null;
  }

  hear(content, buffers = []) {
    this.recording.hear(content, buffers);
    if (!content.columns) return;
    this.asked = -Infinity;
    const block = unpack(buffers[0]);
    // What was asked before a replay went back, or for another symbol, is of no use.
    if (!block || block.epoch !== this.base.columns.epoch) return;
    this.learn(buffers[0]);
    this.ask();
    this.surface.redraw();
  }

  /** Ask for columns that the kernel has and this page lacks, the newest first, one answer at a time. */
  ask() {
    const missing = this.panel.page.offline || this.recorded ? null : this.base.columns.missing();
    if (!missing || performance.now() - this.asked < PATIENCE) return;
    this.asked = performance.now();
    this.panel.send({ columns: missing });
  }

  /** Follow the newest column and the prices of its book. */
  aim() {
    const { columns, view } = this;
    if (columns.empty || view.box.width <= 1) return;
    if (!this.recorded) view.follow(columns.end, columns.step(columns.runs.at(-1).stop - 1));
    else if (view.perMs === null || view.whole) {
      view.span(columns.terms.start, columns.terms.end);
      view.whole = true;
    }
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

  /** The ticks beyond the best prices within which most of a column's sizes rest. */
  reach(number, bid, ask) {
    const away = [];
    let left = 0;
    this.columns.each(number, (tick, size) => {
      away.push([Math.max(bid - tick || 0, tick - ask || 0, 0), size]);
      left += MOST * size;
    });
    away.sort(([one], [other]) => one - other);
    for (const [ticks, size] of away) if ((left -= size) <= 0) return Math.max(1, ticks);
    return 1;
  }

  /** Follow the newest moment again; of a recording, show all of it. */
  home() {
    this.view.reset();
    this.layer = this.base;
    this.aim();
    this.entitled();
    this.surface.redraw();
  }

  /** The view has moved over a recording, or over the past of a market: prices follow what is seen. */
  moved() {
    this.aim();
    if (this.recorded) this.recording.moved();
  }

  watch() {
    super.watch();
    if (!this.recorded || this.panel.health().level !== "well") return;
    this.dot.className = "dot offline";
    this.dot.title = "recorded";
  }

  entitled() {
    const { columns } = this.base;
    const facts = [];
    if (this.recorded && !columns.empty) {
      const { start, end } = columns.terms;
      facts.push(`${new Date(start).toISOString().slice(0, 10)}  ${clockTime(start, 0)} – ${clockTime(end, 0)} UTC`);
    } else if (!columns.empty) {
      const last = columns.runs.at(-1).stop - 1;
      const bid = columns.best("bids", last), ask = columns.best("asks", last);
      if (Number.isFinite(bid) && Number.isFinite(ask)) facts.push(`${this.price(bid)} / ${this.price(ask)}`);
      facts.push(`${clockTime(columns.end, 0)} UTC`);
    }
    this.entitle(this.panel.setting("symbol") ?? "", facts.join("  "));
    this.controls.show();
  }

  /** The column whose best prices are on the axis: the newest, of a recording the last one in sight. */
  last() {
    const { columns } = this;
    const newest = columns.runs.at(-1).stop - 1;
    const seen = this.recorded ? columns.find(this.view.right) : -1;
    return seen < 0 ? newest : seen;
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
    const last = this.last();
    const [bid, ask] = ["bids", "asks"].map((side) => columns.best(side, last)).map((tick) => (Number.isFinite(tick) ? this.price(tick) : "none"));
    return `Heat map of ${this.panel.setting("symbol")} until ${clockTime(columns.end, 0)} UTC: bid ${bid}, ask ${ask}`;
  }

  /** Describe a time and a price, as rows of a tooltip. */
  cell(time, tick) {
    const { columns, heat } = this;
    const number = columns.find(time);
    const row = heat.row(Math.round(tick)), low = Math.round(heat.edge(row) + 0.5), high = low + heat.group - 1;
    const rows = [["price", this.prices(row)], ["time", `${clockTime(time)} UTC`]];
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
    const trade = this.prints.near(this.view, time, tick);
    if (trade) rows.push([trade > 0 ? "bought here" : "sold here", this.size(Math.abs(trade))]);
    return rows;
  }

  /** Describe the trades at a price in the time that is seen, as rows of a tooltip. */
  traded(tick) {
    const { heat } = this, row = heat.row(Math.round(tick));
    const { buy, sell } = this.prints.volumes.get(row) ?? { buy: 0, sell: 0 };
    return [["price", this.prices(row)], ["bought", this.size(buy)], ["sold", this.size(sell)]];
  }

  /** The prices of a row. */
  prices(row) {
    const low = Math.round(this.heat.edge(row) + 0.5), high = low + this.heat.group - 1;
    return high > low ? `${this.price(low)} – ${this.price(high)}` : this.price(low);
  }

  /** Make the strongest colour mean a size that is larger by a factor. */
  contrast(factor) {
    this.scale.contrast = Math.max(1 / 64, Math.min(64, this.scale.contrast * factor));
    this.repaint();
    this.surface.redraw();
  }

  key(event) {
    return this.controls.key(event);
  }

  draw(context, width, height, colours, now) {
    const { view, base } = this;
    const pen = new Pen(context, colours);
    if (base.columns.empty) {
      const text = this.panel.get("frame")?.byteLength ? "no book yet" : "reading the recording …";
      pen.font(12, "sans").text(text, width / 2, height / 2, "muted", "center");
      return false;
    }
    this.layout(pen, width, height);
    const changed = view.box.width !== this.drawn;
    this.drawn = view.box.width;
    if (changed || !view.ready) {
      this.moved();
      this.controls.show();
    }
    const moves = view.glide(now);
    if (!this.shades) this.recolour();
    this.layer = this.recorded ? this.recording.best(view, base) : base;
    const ratio = window.devicePixelRatio || 1;
    const { left, top, width: wide, height: high } = view.box;
    context.save();
    context.beginPath();
    context.rect(left, top, wide, high);
    context.clip();
    for (const layer of new Set([base, this.recording.detail ?? base])) this.drawHeat(layer, context, colours, ratio);
    context.imageSmoothingEnabled = true;
    this.prints.gather(view.from, view.right, this.heat);
    this.controls.tell();
    this.overlay.inside(context, pen, colours, ratio);
    context.restore();
    this.overlay.outside(context, pen, colours, width, height);
    if (this.scale.fit()) {
      this.repaint();
      return true;
    }
    return moves;
  }

  /** Draw a layer's bitmaps; finer ones over the others, which are seen until those have come. */
  drawHeat({ columns, heat }, context, colours, ratio) {
    const { view } = this;
    heat.use(view.group(columns.terms.group), this.shades);
    if (columns !== this.base.columns) {
      const from = Math.max(view.box.left, view.x(columns.start)), to = Math.min(view.x(columns.end), view.box.left + view.box.width);
      const { low, high } = columns.terms;
      const top = Math.max(view.box.top, view.y(high)), bottom = Math.min(view.y(low), view.box.top + view.box.height);
      context.fillStyle = colours.paper;
      if (to > from && bottom > top) context.fillRect(from, top, to - from, bottom - top);
    }
    heat.draw(context, view.from, view.right, (time) => view.x(time), (tick) => view.y(tick), ratio);
  }

  /** Paint everything anew: other colours stand for the sizes. */
  repaint() {
    this.base.heat.forget();
    this.recording.detail?.heat.forget();
    this.scale.forget();
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
    this.recording.forget();
    this.controls.destroy();
    super.destroy();
  }
}

export default mount(HeatMapView);
