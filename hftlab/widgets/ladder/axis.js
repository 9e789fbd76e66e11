// The fixed price axis of a ladder: rows stay where they are while quotes move, and glide when the market has left.

const GLIDE = 90; // ms in which a glide does two thirds of its way
const EDGE = 0.25; // part of the rows at each end that the market may not enter

/** Rows from `top` down, in price steps; `held` while the user has put it somewhere. */
export class Axis {
  constructor() {
    this.top = this.target = NaN;
    this.count = 0;
    this.held = false;
    this.moved = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /** Forget where it is: the next market is shown at once. */
  forget() {
    this.top = this.target = NaN;
    this.held = false;
  }

  /** Show `count` rows around what is in the middle now. */
  fit(count) {
    if (count === this.count) return;
    const shift = Math.floor(count / 2) - Math.floor(this.count / 2);
    this.count = count;
    this.top += shift;
    this.target += shift;
  }

  /** Keep the same prices in view with steps of another size: `ratio` is the new step in old ones. */
  rescale(ratio) {
    const half = Math.floor(this.count / 2);
    this.top = this.target = Math.round((this.target - half) / ratio) + half;
  }

  /** Let the market be at `middle`, in steps; `patient`: the pointer is about to act on a row, which must not move. */
  follow(middle, patient = false) {
    this.middle = middle;
    if (!Number.isFinite(middle) || !this.count) return;
    if (!Number.isFinite(this.top)) {
      this.top = this.target = this.centred(middle);
      return;
    }
    const place = this.target - middle, edge = EDGE * this.count;
    if (!this.held && !patient && (place < edge || place > this.count - edge)) this.target = this.centred(middle);
  }

  centred(middle) {
    return Math.floor(middle + 0.5) + Math.floor(this.count / 2);
  }

  /** Go back to the market. */
  recentre() {
    this.held = false;
    if (Number.isFinite(this.middle)) this.target = this.centred(this.middle);
  }

  /** Scroll by a number of rows, upwards above 0; it stays there. A drag is followed at once. */
  scroll(rows, atOnce = false) {
    this.held = true;
    this.target += rows;
    if (atOnce) this.top = this.target;
  }

  /** Rest at whole rows after a drag. */
  settle() {
    this.target = Math.round(this.target);
  }

  /** Move on to `now` (ms); true while it glides. */
  advance(now) {
    const passed = Math.min(100, Math.max(0, now - this.moved));
    this.moved = now;
    const way = this.target - this.top;
    if (!way) return false;
    const far = Math.abs(way) > 2 * this.count;
    if (this.still.matches || far || Math.abs(way) < 0.02) this.top = this.target;
    else this.top += way * (1 - Math.exp(-passed / GLIDE));
    return this.top !== this.target;
  }

  /** True if a step is in view, also once the axis rests. */
  has(step) {
    return [this.top, this.target].every((top) => step <= top && step > top - this.count);
  }

  /** True if the market is in view. */
  get shows() {
    return this.middle <= this.target && this.middle > this.target - this.count;
  }
}
