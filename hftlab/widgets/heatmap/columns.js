// The columns of a heat map as the kernel packs them, and all that a page has of them.

// The same values as in frame.py.
const VERSION = 1;
const HEADER = [
  "version", "recorded", "epoch", "first", "count", "oldest", "next", "until", "origin", "tick", "group",
  "priceDecimals", "sizeDecimals", "start", "end", "low", "high", "levelCount", "tradeCount",
];
const NO_PRICE = -(2 ** 31);
const CAPACITY = 8192; // columns that a page keeps, more than the kernel does

/** Unpack a block of columns into typed arrays; null if it is none. */
export function unpack(view) {
  if (!view || view.byteLength < HEADER.length * 8) return null;
  // A copy: the views below need an aligned start.
  const start = view.byteOffset ?? 0;
  const buffer = (view.buffer ?? view).slice(start, start + view.byteLength);
  let at = 0;
  const take = (Kind, length) => {
    const array = new Kind(buffer, at, length);
    at += array.byteLength;
    return array;
  };
  const header = take(Float64Array, HEADER.length);
  if (header[0] !== VERSION) return null;
  const block = Object.fromEntries(HEADER.map((name, index) => [name, header[index]]));
  const { count, levelCount, tradeCount } = block;
  block.times = take(Float64Array, count);
  block.steps = take(Float64Array, count);
  for (const name of ["known", "bids", "asks", "levels", "trades"]) block[name] = take(Int32Array, count);
  block.ticks = take(Int32Array, levelCount);
  block.sizes = take(Float32Array, levelCount);
  block.tradeTicks = take(Int32Array, tradeCount);
  block.tradeSizes = take(Float32Array, tradeCount);
  block.tradeTimes = take(Float32Array, tradeCount);
  block.orders = take(Uint16Array, levelCount);
  block.levelStarts = starts(block.levels);
  block.tradeStarts = starts(block.trades);
  return block;
}

function starts(counts) {
  const sums = new Int32Array(counts.length + 1);
  counts.forEach((count, index) => { sums[index + 1] = sums[index] + count; });
  return sums;
}

/** Columns by number, each a place in a block. Numbers that are missing can be asked for. */
export class Columns {
  constructor() {
    this.forget();
  }

  forget(epoch = null) {
    this.epoch = epoch;
    this.first = 0; // the oldest number that may be there
    this.next = 0; // the number after the newest
    this.blocks = new Array(CAPACITY);
    this.places = new Int32Array(CAPACITY);
    this.numbers = new Float64Array(CAPACITY).fill(-1);
    this.version = 0; // grows with every change
    this.terms = null;
    this.runs = [];
  }

  /** Take in a block; returns the numbers that are new, null where all from before are void. */
  take(block) {
    const anew = block.epoch !== this.epoch;
    if (anew) this.forget(block.epoch);
    if (!this.terms || block.next >= this.terms.next) this.terms = block;
    const fresh = [];
    for (let place = 0; place < block.count; place += 1) {
      const number = block.first + place, slot = number % CAPACITY;
      if (this.numbers[slot] >= number) continue;
      this.blocks[slot] = block;
      this.places[slot] = place;
      this.numbers[slot] = number;
      fresh.push(number);
    }
    this.next = Math.max(this.next, block.first + block.count);
    this.first = Math.max(this.terms.oldest, this.next - CAPACITY);
    this.version += 1;
    if (fresh.length) this.findRuns(fresh);
    return anew ? null : fresh;
  }

  has(number) {
    return number >= this.first && number < this.next && this.numbers[number % CAPACITY] === number;
  }

  /** The newest range [start, stop] of numbers that the kernel has and the page lacks; null for none. */
  missing() {
    if (!this.terms) return null;
    let stop = this.terms.next;
    while (stop > this.first && this.has(stop - 1)) stop -= 1;
    if (stop <= this.first) return null;
    let start = stop;
    while (start > this.first && !this.has(start - 1)) start -= 1;
    return [start, stop];
  }

  get empty() {
    return !this.runs.length;
  }

  /** The beginning of a column, in ms. */
  time(number) {
    const slot = number % CAPACITY;
    return this.blocks[slot].times[this.places[slot]];
  }

  /** The end of a column, in ms: where the next begins. */
  ends(number) {
    if (this.has(number + 1)) return this.time(number + 1);
    const slot = number % CAPACITY;
    const end = this.time(number) + this.blocks[slot].steps[this.places[slot]];
    return number === this.terms.next - 1 ? Math.max(end, this.terms.until) : end;
  }

  step(number) {
    const slot = number % CAPACITY;
    return this.blocks[slot].steps[this.places[slot]];
  }

  known(number) {
    const slot = number % CAPACITY;
    return this.blocks[slot].known[this.places[slot]] === 1;
  }

  /** The best bid or ask in ticks from the origin, NaN where there is none. */
  best(side, number) {
    const slot = number % CAPACITY;
    const tick = this.blocks[slot][side][this.places[slot]];
    return tick === NO_PRICE ? NaN : tick;
  }

  /** Call back with (tick, size, orders) of each level of a column. */
  each(number, callback) {
    const slot = number % CAPACITY, block = this.blocks[slot], place = this.places[slot];
    const end = block.levelStarts[place + 1];
    for (let at = block.levelStarts[place]; at < end; at += 1) callback(block.ticks[at], block.sizes[at], block.orders[at]);
  }

  /** Call back with (time, tick, size) of each trade of a column; the size is negative where a seller took. */
  eachTrade(number, callback) {
    const slot = number % CAPACITY, block = this.blocks[slot], place = this.places[slot];
    const end = block.tradeStarts[place + 1], time = block.times[place];
    for (let at = block.tradeStarts[place]; at < end; at += 1) {
      callback(time + block.tradeTimes[at], block.tradeTicks[at], block.tradeSizes[at]);
    }
  }

  /** Columns whose times are evenly spaced, as {start, stop, time, step}, oldest first. */
  findRuns(fresh) {
    const grows = this.runs.length && fresh[0] === this.runs.at(-1).stop;
    const numbers = grows ? fresh : this.present();
    if (!grows) this.runs = [];
    for (const number of numbers) {
      const run = this.runs.at(-1), time = this.time(number), step = this.step(number);
      const joins = run && number === run.stop && step === run.step
        && Math.abs(run.time + (number - run.start) * step - time) < step / 4;
      if (joins) run.stop += 1;
      else this.runs.push({ start: number, stop: number + 1, time, step });
    }
    while (this.runs.length && this.runs[0].stop <= this.first) this.runs.shift();
    if (this.runs.length && this.runs[0].start < this.first) {
      const run = this.runs[0];
      run.time += (this.first - run.start) * run.step;
      run.start = this.first;
    }
  }

  present() {
    const numbers = [];
    for (let number = this.first; number < this.next; number += 1) if (this.has(number)) numbers.push(number);
    return numbers;
  }

  /** The first and the last moment of all columns, in ms. */
  get start() {
    return this.empty ? NaN : this.runs[0].time;
  }

  get end() {
    return this.empty ? NaN : this.ends(this.runs.at(-1).stop - 1);
  }

  /** The number of the column at a time; -1 where there is none. */
  find(time) {
    let low = 0, high = this.runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.runs[middle].time <= time) low = middle;
      else high = middle - 1;
    }
    const run = this.runs[low];
    if (!run || time < run.time) return -1;
    const number = Math.min(run.stop - 1, run.start + Math.floor((time - run.time) / run.step));
    return time < this.ends(number) ? number : -1;
  }

  /** Call back with each run that has columns between two times, and the numbers of these. */
  between(from, to, callback) {
    for (const run of this.runs) {
      if (run.time > to) break;
      const last = this.ends(run.stop - 1);
      if (last < from) continue;
      const start = Math.max(run.start, Math.min(run.stop - 1, run.start + Math.floor((from - run.time) / run.step)));
      const stop = Math.min(run.stop, run.start + Math.ceil((to - run.time) / run.step) + 1);
      callback(run, start, stop);
    }
  }

  priceOf(tick) {
    return (this.terms.origin + tick) * this.terms.tick;
  }
}
