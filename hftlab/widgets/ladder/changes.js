// The times at which the rows of a ladder last changed their sizes, for the flashes.

const FLASH = 450; // ms

export class Changes {
  constructor() {
    this.sizes = new Map();
    this.times = new Map();
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /** Take in a side's rows, { size } by step. */
  note(rows, now) {
    const steps = [...this.sizes.keys()];
    const low = Math.min(...steps), high = Math.max(...steps);
    const sizes = new Map();
    for (const [step, { size }] of rows) {
      sizes.set(step, size);
      // A price that has just come into the received depth has not changed.
      if (step >= low && step <= high && this.sizes.get(step) !== size) this.times.set(step, now);
    }
    for (const step of this.times.keys()) if (!sizes.has(step)) this.times.delete(step);
    this.sizes = sizes;
  }

  /** The freshness of a row's change: from 1, just now, to 0. */
  freshness(step, now) {
    const since = now - (this.times.get(step) ?? -Infinity);
    return this.still.matches || since >= FLASH ? 0 : 1 - Math.max(0, since) / FLASH;
  }

  /** True while anything flashes. */
  isFlashing(now) {
    if (this.still.matches) return false;
    for (const time of this.times.values()) if (now - time < FLASH) return true;
    return false;
  }

  forget() {
    this.sizes.clear();
    this.times.clear();
  }
}
