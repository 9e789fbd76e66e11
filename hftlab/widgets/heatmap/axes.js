// Round times and prices for axes.

import { clockTime } from "../core/formats.js";

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5,
  432e5, 864e5,
];

/** Round times between two (ms), at least `least` ms apart, with their texts. */
export function timeTicks(from, to, least) {
  const step = STEPS.find((each) => each >= least) ?? STEPS.at(-1);
  const ticks = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) ticks.push([time, timeText(time, step)]);
  return ticks;
}

/** A time (UTC) with as many digits as a step needs. */
export function timeText(time, step) {
  if (step >= 864e5) return new Date(time).toISOString().slice(0, 10);
  if (step >= 6e4) return clockTime(time, 0).slice(0, 5);
  return clockTime(time, step >= 1e3 ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3);
}

/** The round number of ticks, at least `least`, between two prices of an axis. */
export function priceStep(least, tick) {
  let power = 10 ** Math.floor(Math.log10(Math.max(tick * least, tick)));
  for (let tries = 0; tries < 3; tries += 1, power *= 10) {
    for (const digit of [1, 2, 5]) {
      const ticks = (power * digit) / tick;
      if (ticks >= least * (1 - 1e-9) && Math.abs(ticks - Math.round(ticks)) < 1e-6) return Math.round(ticks);
    }
  }
  return 10 ** Math.ceil(Math.log10(least));
}
