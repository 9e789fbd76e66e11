import { amount } from "../core/formats.js";

/** The range of an axis that shows the values, and at least one decade. */
export function range(least, largest) {
  const low = Math.max(1, least), high = Math.max(2, largest);
  const missing = Math.max(1, Math.sqrt(10 / (high / low)));
  return [low / missing, high * missing];
}

/** Round values on a logarithmic axis: 1, 2 and 5 of each decade where there is room, else the decades. */
export function steps(low, high) {
  const factors = Math.log10(high / low) <= 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade += 1) {
    for (const factor of factors) found.push(factor * 10 ** decade);
  }
  return found.filter((step) => step >= low && step <= high);
}

/** A round number of ns with its unit, without zeros behind the point. */
export function plain(ns) {
  if (ns >= 9.9995e9) return `${amount(ns / 1e9, 0)} s`;
  const value = ns / 1000;
  return `${amount(value, value < 0.01 ? 3 : value < 0.1 ? 2 : value < 1 ? 1 : 0)} µs`;
}
