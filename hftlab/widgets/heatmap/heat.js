// Columns as bitmaps: painted once, then only stretched and moved.

const WIDE = 256; // columns of one bitmap
const MARGIN = 48; // rows beyond the levels, so that a price that moves does not need another bitmap
const HIGHEST = 2048; // rows of one bitmap; levels farther away are not painted
export const LOWEST_SHADE = 20; // of 256: a size, however small, differs from none

/** Bitmaps of columns, a pixel a column and a row of prices. */
export class Heat {
  constructor(columns, scale) {
    this.columns = columns;
    this.scale = scale;
    this.group = 1; // ticks of a row
    this.shades = null;
    this.cells = 0; // painted so far
    this.sums = new Float64Array(HIGHEST);
    this.forget();
  }

  forget() {
    this.chunks = new Map();
  }

  /** Use rows of so many ticks, and these colours; what is painted already is painted anew if they differ. */
  use(group, shades) {
    if (group === this.group && shades === this.shades) return;
    if (group !== this.group) this.scale.forget();
    this.group = group;
    this.shades = shades;
    this.forget();
  }

  row(tick) {
    return Math.floor((this.columns.terms.origin + tick) / this.group);
  }

  /** The tick, from the origin, of a row's lower edge. */
  edge(row) {
    return row * this.group - this.columns.terms.origin - 0.5;
  }

  /** Paint the columns that have just come; `fresh` are their numbers. */
  take(fresh) {
    const changed = new Set();
    for (const number of fresh) {
      const key = Math.floor(number / WIDE), chunk = this.chunks.get(key);
      if (!chunk) continue;
      const image = new ImageData(1, chunk.height);
      if (this.paint(number, chunk, new Uint32Array(image.data.buffer), 0, 1)) {
        chunk.context.putImageData(image, number - key * WIDE, 0);
      } else changed.add(key);
    }
    for (const key of changed) this.chunks.delete(key);
    for (const key of this.chunks.keys()) if ((key + 1) * WIDE <= this.columns.first) this.chunks.delete(key);
  }

  /** The bitmap of a number's chunk, painted when it is first needed. */
  chunk(key) {
    if (!this.chunks.has(key)) this.chunks.set(key, this.painted(key));
    return this.chunks.get(key);
  }

  painted(key) {
    const numbers = [];
    for (let number = key * WIDE; number < (key + 1) * WIDE; number += 1) if (this.columns.has(number)) numbers.push(number);
    let low = Infinity, high = -Infinity, middle = 0;
    for (const number of numbers) {
      this.columns.each(number, (tick) => { low = Math.min(low, tick); high = Math.max(high, tick); });
      const best = this.columns.best("bids", number);
      if (Number.isFinite(best)) middle = best;
    }
    if (low > high) low = high = middle;
    const half = (HIGHEST >> 1) - MARGIN - 2;
    const bottom = Math.max(this.row(low), this.row(middle) - half) - MARGIN;
    const top = Math.min(this.row(high), this.row(middle) + half) + MARGIN;
    const height = Math.min(HIGHEST, top - bottom + 1);
    const canvas = new OffscreenCanvas(WIDE, height);
    const chunk = { canvas, context: canvas.getContext("2d"), top, bottom, height, whole: top - bottom < HIGHEST - 4 * MARGIN };
    const image = new ImageData(WIDE, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (const number of numbers) this.paint(number, chunk, pixels, number - key * WIDE, WIDE);
    chunk.context.putImageData(image, 0, 0);
    return chunk;
  }

  /** Paint a column into pixels; false if it needs rows that its bitmap lacks. */
  paint(number, { top, bottom, height, whole }, pixels, x, stride) {
    if (!this.columns.known(number)) return true;
    const { sums, shades, scale } = this;
    let low = height, high = -1, fits = true;
    this.columns.each(number, (tick, size) => {
      const y = top - this.row(tick);
      if (y < 0 || y >= height) {
        fits = false;
        return;
      }
      if (y < low) low = y;
      if (y > high) high = y;
      sums[y] += size;
    });
    // Between the outermost levels nothing rests where there is none; beyond them it is not known.
    for (let y = low; y <= high; y += 1) {
      const size = sums[y];
      sums[y] = 0;
      if (size > 0) {
        scale.note(size);
        pixels[y * stride + x] = shades[Math.round(LOWEST_SHADE + (255 - LOWEST_SHADE) * scale.place(size))];
      } else pixels[y * stride + x] = shades[0];
      this.cells += 1;
    }
    return fits || !whole;
  }

  /** Draw what lies between two times; `x` and `y` turn ms and ticks into px, `ratio` is the device's. */
  draw(context, from, to, x, y, ratio) {
    const snap = (value) => Math.round(value * ratio) / ratio;
    context.imageSmoothingEnabled = false; // rows would melt into each other
    this.columns.between(from, to, (run, start, stop) => {
      const at = (number) => run.time + (number - run.start) * run.step;
      for (let key = Math.floor(start / WIDE); key * WIDE < stop; key += 1) {
        const first = Math.max(start, key * WIDE), end = Math.min(stop, (key + 1) * WIDE);
        this.stretch(context, key, first, end - first, snap(x(at(first))), snap(x(at(end))), y);
      }
      const last = run.stop - 1, ends = this.columns.ends(last);
      if (stop < run.stop || ends <= at(run.stop) || !this.columns.known(last)) return;
      this.stretch(context, Math.floor(last / WIDE), last, 1, snap(x(at(run.stop))), snap(x(ends)), y);
    });
  }

  stretch(context, key, first, count, left, right, y) {
    const chunk = this.chunk(key);
    // Not snapped: rows of neighbours would end at different pixels. The outermost rows are clear.
    const top = y(this.edge(chunk.top + 1)), bottom = y(this.edge(chunk.top + 1 - chunk.height));
    if (right > left && bottom > top) {
      context.drawImage(chunk.canvas, first - key * WIDE, 0, count, chunk.height, left, top, right - left, bottom - top);
    }
  }
}
