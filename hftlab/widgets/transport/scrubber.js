// The scrubber: the span of a replay with its price, volume and gaps, and where it stands.

import { amount, compact } from "../core/formats.js";
import { Pen } from "../core/pen.js";

const PAD = 12, TOP = 14, VOLUME = 0.24, AXIS = 18;
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 14400, 28800, 86400]; // seconds between two times on the axis

/** Draws a replay on a canvas `width` px wide, and translates between its times and places. */
export class Scrubber {
  constructor(state, line, width) {
    this.state = state;
    this.line = line?.prices?.length ? line : null;
    this.left = PAD;
    this.room = Math.max(1, width - 2 * PAD);
    this.span = Math.max(0.001, state.end - state.start);
  }

  x(ms) {
    const share = (ms - this.state.start) / this.span;
    return this.left + this.room * Math.min(1, Math.max(0, share));
  }

  time(x) {
    const share = Math.min(1, Math.max(0, (x - this.left) / this.room));
    return this.state.start + this.span * share;
  }

  /** The gap at a time, if there is one there; `reach` ms beside it count as well. */
  gapAt(ms, reach) {
    return (this.line?.gaps ?? []).find(([from, to]) => ms >= from - reach && ms <= to + reach);
  }

  bin(ms) {
    if (!this.line) return -1;
    const { start, end, prices } = this.line;
    return Math.min(prices.length - 1, Math.floor(((ms - start) / Math.max(0.001, end - start)) * prices.length));
  }

  /** The last known price at a time, and the volume of its bin. */
  at(ms) {
    const bin = this.bin(ms);
    if (bin < 0) return null;
    let place = bin;
    while (place > 0 && this.line.prices[place] === null) place -= 1;
    return { price: this.line.prices[place], volume: this.line.volumes[bin] };
  }

  draw(context, height, colours, { position, hover, focused }) {
    const pen = new Pen(context, colours);
    const bottom = height - AXIS;
    pen.bar(this.left, bottom, this.room, 1, "line");
    this.gaps(pen, bottom);
    pen.bar(this.left, TOP - 8, this.x(position) - this.left, bottom - TOP + 8, "bid", 0.07);
    this.volumes(pen, bottom);
    this.price(pen, bottom, position);
    this.axis(pen, bottom);
    if (hover !== null) pen.bar(Math.round(this.x(hover)), TOP - 8, 1, bottom - TOP + 8, "muted", 0.6);
    this.head(pen, this.x(position), bottom, focused);
  }

  /** Mark where the symbol was not recorded, with stripes that are seen without colour as well. */
  gaps(pen, bottom) {
    const context = pen.context;
    for (const [from, to] of this.line?.gaps ?? []) {
      const left = this.x(from), width = Math.max(2, this.x(to) - left);
      pen.bar(left, TOP - 8, width, bottom - TOP + 8, "warn", 0.16);
      context.save();
      context.beginPath();
      context.rect(left, TOP - 8, width, bottom - TOP + 8);
      context.clip();
      for (let x = left - bottom; x < left + width; x += 7) pen.line([[x, bottom], [x + bottom, 0]], "warn", 1, 0.45);
      context.restore();
    }
  }

  volumes(pen, bottom) {
    if (!this.line) return;
    const { start, end, volumes } = this.line;
    const tallest = Math.max(...volumes);
    if (!(tallest > 0)) return;
    const each = (end - start) / volumes.length, tall = (bottom - TOP) * VOLUME;
    const wide = Math.max(1, (this.room * each) / this.span - 0.25);
    volumes.forEach((volume, bin) => {
      if (volume > 0) pen.bar(this.x(start + bin * each), bottom, wide, -Math.max(1, (tall * volume) / tallest), "muted", 0.5);
    });
  }

  /** Draw the price in steps, brighter as far as it has been played; a line ends at each gap. */
  price(pen, bottom, position) {
    const pieces = this.line ? this.pieces(bottom) : [];
    if (!pieces.length) {
      pen.font(11).text("the price appears as it is played", this.left + 6, TOP + 8, "muted");
      return;
    }
    const now = this.x(position);
    const context = pen.context;
    for (const [from, to, opacity] of [[0, now, 1], [now, this.left + this.room, 0.45]]) {
      context.save();
      context.beginPath();
      context.rect(from, 0, to - from, bottom);
      context.clip();
      for (const piece of pieces) pen.line(piece, "bid", 1.5, opacity);
      context.restore();
    }
  }

  pieces(bottom) {
    const { start, end, prices, gaps } = this.line;
    const known = prices.filter((price) => price !== null);
    if (!known.length) return [];
    const low = Math.min(...known), high = Math.max(...known);
    const floor = bottom - (bottom - TOP) * VOLUME - 4, ceiling = TOP;
    const y = (price) => floor - (high > low ? (price - low) / (high - low) : 0.5) * (floor - ceiling);
    const each = (end - start) / prices.length;
    const pieces = [];
    let piece = [], gap = 0;
    prices.forEach((price, bin) => {
      const from = start + bin * each;
      while (gap < gaps.length && gaps[gap][1] <= from) gap += 1;
      if (gap < gaps.length && gaps[gap][0] < from + each && piece.length) {
        pieces.push(piece);
        piece = [];
      }
      if (price === null) return;
      // A bin that nothing is known of, but between known ones, was quiet: the line goes on through it.
      if (piece.length) piece.push([this.x(from), piece.at(-1)[1]]);
      piece.push([this.x(from), y(price)], [this.x(from + each), y(price)]);
    });
    if (piece.length) pieces.push(piece);
    return pieces;
  }

  axis(pen, bottom) {
    pen.font(10.5, "mono");
    const seconds = this.span / 1000;
    const fits = (step) => (this.room * step) / seconds >= 84;
    const step = (STEPS.find(fits) ?? Math.ceil(seconds / 86400) * 86400) * 1000;
    const digits = step >= 1000 ? 0 : 3;
    const first = Math.ceil(this.state.start / step - 1e-9) * step;
    for (let ms = first; ms <= this.state.end; ms += step) {
      const x = this.x(ms), text = new Date(Math.round(ms)).toISOString().slice(11, digits ? 23 : 19);
      const half = pen.width(text) / 2;
      pen.bar(Math.round(x), bottom, 1, 3, "muted");
      if (x - half > 2 && x + half < this.left + this.room + PAD) pen.text(text, x, bottom + 14, "muted", "center");
    }
  }

  head(pen, x, bottom, focused) {
    pen.bar(x - 0.75, TOP - 8, 1.5, bottom - TOP + 8, "ask");
    const context = pen.context;
    context.beginPath();
    context.moveTo(x - 5, TOP - 12);
    context.lineTo(x + 5, TOP - 12);
    context.lineTo(x, TOP - 4);
    context.closePath();
    context.fillStyle = pen.colours.ask;
    context.fill();
    if (focused) pen.line([[x - 7, TOP - 13], [x + 7, TOP - 13]], "ask", 2);
  }

  /** The rows of a tooltip at a time. */
  rows(ms, clock) {
    const rows = [["time", clock(ms)]];
    const gap = this.gapAt(ms, (this.span / this.room) * 2);
    if (gap) return [...rows, [this.line.symbol, "not recorded"], ["for", `${amount((gap[1] - gap[0]) / 1000, 1)} s`]];
    const point = this.at(ms);
    if (point === null || point.price === null) return rows;
    return [...rows, [this.line.symbol, amount(point.price, this.line.decimals)], ["volume", compact(point.volume)]];
  }
}
