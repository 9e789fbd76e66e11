// An order book in price steps of several ticks, what it costs to reach one, and the volume traded at each.

/** Steps of `group` ticks: bids go down to theirs and asks up, so that no price looks better than it is. */
export const stepDown = (ticks, group) => Math.floor(ticks / group);
export const stepUp = (ticks, group) => Math.ceil(ticks / group);

/** One side of a book: `rows` by step, { size, orders }; `last` is the farthest step of which anything is known. */
class Side {
  constructor(levels, group, stepOf) {
    this.levels = levels;
    this.rows = new Map();
    for (const { ticks, size, orders } of levels) {
      const step = stepOf(ticks, group);
      const row = this.rows.get(step) ?? { size: 0, orders: 0 };
      this.rows.set(step, { size: row.size + size, orders: row.orders + orders });
    }
    this.best = levels.length ? stepOf(levels[0].ticks, group) : NaN;
    this.last = levels.length ? stepOf(levels.at(-1).ticks, group) : NaN;
  }
}

/** A frame's book in steps of `group` ticks. */
export class Book {
  constructor(state, group) {
    this.group = group;
    this.tick = state.tick;
    this.bid = new Side(state.bids, group, stepDown);
    this.ask = new Side(state.asks, group, stepUp);
    const [bid, ask] = [state.bids[0]?.ticks, state.asks[0]?.ticks];
    const trade = state.tradePrice / state.tick, last = state.last / state.tick;
    /** The middle of the market in ticks; NaN where there is none. */
    this.middle = bid === undefined ? ask ?? (Number.isFinite(trade) ? trade : last) : ask === undefined ? bid : (bid + ask) / 2;
    this.spread = bid === undefined || ask === undefined ? NaN : ask - bid;
  }

  side(name) {
    return name === "bid" ? this.bid : this.ask;
  }

  /** Tell if a side's levels at a step were received: "known", "partly" (maybe not all) or "unknown". */
  knowledge(name, step) {
    const { last, levels } = this.side(name);
    if (!levels.length) return "known"; // the other side was received, and this one is empty
    const beyond = name === "bid" ? last - step : step - last;
    if (beyond > 0) return "unknown";
    return beyond === 0 && this.group > 1 ? "partly" : "known";
  }

  /** All that rests between the market and a step, the step included: { size, value, orders, average } in currency. */
  reach(name, step) {
    const limit = step * this.group;
    const within = name === "bid" ? ({ ticks }) => ticks >= limit : ({ ticks }) => ticks <= limit;
    const sum = { size: 0, value: 0, orders: 0 };
    for (const level of this.side(name).levels) {
      if (!within(level)) break;
      sum.size += level.size;
      sum.value += level.size * level.ticks * this.tick;
      sum.orders += level.orders;
    }
    return { ...sum, average: sum.value / sum.size };
  }
}

/** The volume traded at each price step, put together from frames and from the kernel's answers. */
export class Traded {
  constructor() {
    this.rows = new Map(); // step -> [sold, bought]
    this.epoch = this.group = NaN;
    this.most = 0;
  }

  /** Take in rows of some steps: true if they began anew, and the others are to be asked for. */
  take({ epoch, group }, rows) {
    const anew = epoch !== this.epoch || group !== this.group;
    if (anew) this.rows.clear();
    this.epoch = epoch;
    this.group = group;
    for (const [step, sold, bought] of rows) this.rows.set(step, [sold, bought]);
    return anew;
  }
}

/** The size that fills the room for a bar: most bars fit, and outliers do not make the others invisible. */
export class Measure {
  constructor(share, spare) {
    this.share = share;
    this.spare = spare;
    this.full = 0;
  }

  /** Take in the sizes that are shown; the scale follows slowly, so that bars do not all jump. */
  learn(sizes) {
    if (!sizes.length) return;
    const sorted = Float64Array.from(sizes).sort();
    const most = sorted.at(-1);
    const wanted = Math.min(most, this.spare * sorted[Math.floor((sorted.length - 1) * this.share)]) || most;
    const near = wanted > this.full / 3 && wanted < this.full * 3;
    this.full = near ? this.full + (wanted - this.full) * 0.2 : wanted;
  }

  /** The part of the room that a size takes, on a square-root scale; above 1 it is an outlier. */
  part(size) {
    return this.full > 0 ? Math.sqrt(size / this.full) : 0;
  }
}
