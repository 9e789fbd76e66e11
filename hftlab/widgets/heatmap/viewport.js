// The part of the market that is seen: from when to when, from which price to which.

import { round125 } from "./size_scale.js";

const COLUMN = 2; // px of a column at first
const LEAST_ROW = 3; // px of a row of prices
const AHEAD = 8; // px after the newest moment, so that its trades are seen whole
const NARROWEST = 1e-9, WIDEST = 1e9;
const GLIDE = 180; // ms in which prices follow the market

/** A rectangle of the canvas that shows times (ms) from left to right and prices (ticks) from the bottom up. */
export class Viewport {
  constructor() {
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.box = { left: 0, top: 0, width: 1, height: 1 };
    this.reset();
  }

  reset() {
    this.follows = true; // the right edge is the newest moment
    this.whole = false; // all of a recording is shown, however wide the view is
    this.fits = true; // prices are those of the book
    this.perMs = null; // px
    this.right = null; // ms
    this.perTick = null; // px
    this.middle = null; // ticks
    this.aim = null; // where prices glide to: [perTick, middle]
    this.step = null; // ms of a column when perMs was chosen
    this.glided = null;
  }

  get ready() {
    return this.right !== null && this.middle !== null;
  }

  get from() {
    return this.right - this.box.width / this.perMs;
  }

  get low() {
    return this.middle - this.box.height / 2 / this.perTick;
  }

  get high() {
    return this.middle + this.box.height / 2 / this.perTick;
  }

  x(time) {
    return this.box.left + this.box.width - (this.right - time) * this.perMs;
  }

  y(tick) {
    return this.box.top + this.box.height / 2 - (tick - this.middle) * this.perTick;
  }

  time(x) {
    return this.right - (this.box.left + this.box.width - x) / this.perMs;
  }

  tick(y) {
    return this.middle - (y - this.box.top - this.box.height / 2) / this.perTick;
  }

  holds(x, y) {
    const { left, top, width, height } = this.box;
    return x >= left && x < left + width && y >= top && y < top + height;
  }

  /** Move on to the newest moment, if it follows. A column keeps its width when a replay goes faster. */
  follow(end, step) {
    if (this.perMs === null) this.perMs = COLUMN / step;
    else if (this.follows && this.step !== null && step !== this.step) this.perMs *= this.step / step;
    this.step = step;
    if (this.follows || this.right === null) this.right = end + AHEAD / this.perMs;
  }

  /** Show all from one moment to another. */
  span(from, to) {
    this.perMs = this.box.width / Math.max(1e-3, to - from);
    this.goTo(to);
  }

  /** Show what was before a moment. */
  goTo(time) {
    this.right = time;
    this.follows = this.whole = false;
  }

  /** Let prices glide so that those from `low` to `high` are seen, unless they are already, and not too small. */
  fit(low, high) {
    const rows = Math.max(6, (high - low) * 1.08);
    const perTick = this.box.height / rows, middle = (low + high) / 2;
    if (this.middle === null) {
      [this.perTick, this.middle] = [perTick, middle];
      return;
    }
    const [per, at] = this.aim ?? [this.perTick, this.middle];
    const half = this.box.height / 2 / per;
    const seen = low >= at - half && high <= at + half, far = perTick > per * 1.35;
    if (!seen || far) this.aim = [perTick, middle];
  }

  /** Go a frame's part of the way; true while there is way left. */
  glide(now) {
    if (!this.aim) return false;
    const passed = Math.min(100, now - (this.glided ?? now));
    this.glided = now;
    const part = this.still.matches ? 1 : 1 - Math.exp(-passed / GLIDE);
    const [perTick, middle] = this.aim;
    this.perTick *= (perTick / this.perTick) ** part;
    this.middle += (middle - this.middle) * part;
    const near = Math.abs(middle - this.middle) * perTick < 0.5 && Math.abs(perTick / this.perTick - 1) < 0.002;
    if (!near) return true;
    [this.perTick, this.middle] = this.aim;
    this.aim = this.glided = null;
    return false;
  }

  panBy(dx, dy) {
    this.right -= dx / this.perMs;
    if (dx) this.follows = this.whole = false;
    if (!dy) return;
    this.middle += dy / this.perTick;
    this.fits = false;
    this.aim = this.glided = null;
  }

  /** Zoom time by a factor, where `x` stays where it is; the newest moment does while it is followed. */
  zoomTime(factor, x) {
    const at = this.follows ? this.right : this.time(x);
    this.whole = false;
    this.perMs = Math.max(NARROWEST, Math.min(WIDEST, this.perMs * factor));
    if (!this.follows) this.right = at + (this.box.left + this.box.width - x) / this.perMs;
  }

  zoomPrice(factor, y) {
    const at = this.tick(y);
    this.perTick = Math.max(NARROWEST, Math.min(200, this.perTick * factor));
    this.middle = at + (y - this.box.top - this.box.height / 2) / this.perTick;
    this.fits = false;
    this.aim = this.glided = null;
  }

  /** The ticks of a row: 1, 2, 5, 10 ... times those of the rows that there are, so that it is LEAST_ROW px high. */
  group(of) {
    const least = LEAST_ROW / this.perTick / of;
    return of * (least <= 1 ? 1 : round125(least, true));
  }

  /** Hold the view where it has something to show. */
  hold(start, end) {
    const width = this.box.width / this.perMs;
    this.right = Math.max(start + 0.1 * width, Math.min(end + 0.9 * width, this.right));
  }
}
