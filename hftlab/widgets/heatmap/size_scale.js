// The colours of sizes: a logarithmic scale between round sizes, fitted to the sizes that are seen.

const BINS = 400, PER_OCTAVE = 4, ZERO = 160; // sizes from 2^-40 to 2^60 in quarters of a power of two
const SHADES = 256;

/** The largest of 1, 2, 5, 10 ... that is not above a value, or the smallest that is not below it. */
export function round125(value, up) {
  const power = 10 ** Math.floor(Math.log10(value));
  const digits = up ? [1, 2, 5, 10] : [10, 5, 2, 1];
  return power * (digits.find((digit) => (up ? power * digit >= value * (1 - 1e-9) : power * digit <= value * (1 + 1e-9))) ?? 1);
}

/** Colours from a list of stops, evenly spaced, as opaque 32-bit values of an ImageData. */
export function shades(stops) {
  const channels = stops.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  const bytes = new Uint8ClampedArray(4 * SHADES);
  for (let index = 0; index < SHADES; index += 1) {
    const place = (index / (SHADES - 1)) * (stops.length - 1);
    const before = Math.min(stops.length - 2, Math.floor(place)), part = place - before;
    for (let channel = 0; channel < 3; channel += 1) {
      bytes[4 * index + channel] = channels[before][channel] * (1 - part) + channels[before + 1][channel] * part;
    }
    bytes[4 * index + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

export class SizeScale {
  constructor() {
    this.counts = new Float64Array(BINS);
    this.total = 0;
    this.low = 1;
    this.high = 10;
    this.fitted = false;
    this.contrast = 1; // the user's factor on the largest size
  }

  /** Note that a size is shown. */
  note(size) {
    const bin = Math.round(PER_OCTAVE * Math.log2(size)) + ZERO;
    this.counts[Math.max(0, Math.min(BINS - 1, bin))] += 1;
    this.total += 1;
  }

  quantile(share) {
    let left = share * this.total, bin = 0;
    while (bin < BINS - 1 && (left -= this.counts[bin]) > 0) bin += 1;
    return 2 ** ((bin - ZERO) / PER_OCTAVE);
  }

  /** Fit the ends to the noted sizes, if they are far from them; true if the colours are others now. */
  fit() {
    if (!this.total) return false;
    const low = round125(this.quantile(0.05), false);
    const high = Math.max(round125(this.quantile(0.98), true), 10 * low);
    // Within a factor of 2.5 it stays as it is: colours that change all the time mean nothing.
    const near = (one, other) => one / other < 2.6 && other / one < 2.6;
    if (this.fitted && near(low, this.low) && near(high, this.high)) return false;
    this.fitted = true;
    const differs = low !== this.low || high !== this.high;
    [this.low, this.high] = [low, high];
    return differs;
  }

  forget() {
    this.counts.fill(0);
    this.total = 0;
  }

  get top() {
    return Math.max(this.high * this.contrast, 2 * this.low);
  }

  /** The place of a size between the ends: 0 to 1. */
  place(size) {
    return Math.max(0, Math.min(1, Math.log(size / this.low) / Math.log(this.top / this.low)));
  }
}
