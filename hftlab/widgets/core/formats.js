// Numbers as text, as numbers.py writes them in pictures.

/** Unpack a frame's float64 values; the kernel packs them little-endian, and the buffer need not be aligned. */
export function values(view) {
  if (!view || !view.byteLength) return [];
  const data = new DataView(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
  return Array.from({ length: data.byteLength >> 3 }, (_, index) => data.getFloat64(index * 8, true));
}

const formats = new Map();

/** Format a number as `515,000.00`, an unknown one as a dash. */
export function amount(value, decimals) {
  if (!Number.isFinite(value)) return "–";
  if (!formats.has(decimals)) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    formats.set(decimals, new Intl.NumberFormat("en-US", digits));
  }
  return formats.get(decimals).format(value);
}

/** Format a change with its sign: `+1.25 %`. */
export function percent(value) {
  return Number.isFinite(value) ? `${value >= 0 ? "+" : ""}${amount(value, 2)} %` : "–";
}

const POWERS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** Format a large number with its power of ten: `12.3 k`, `4.56 M`; of a small one three digits: `0.00123`. */
export function compact(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 9_999.5) {
    const [power, unit] = POWERS.find(([power]) => size >= 0.9995 * power);
    return `${threeDigits(value / power)} ${unit}`;
  }
  if (Number.isInteger(value)) return amount(value, 0);
  return amount(value, size >= 1 ? 2 : Math.min(8, 2 - Math.floor(Math.log10(size))));
}

/** Format nanoseconds as a number of µs, whose unit stands in a heading: `5.03`, `50.3`, `1,234`; many as `12.0 s`. */
export function microseconds(ns) {
  if (ns >= 9.9995e9) return `${threeDigits(ns / 1e9)} s`;
  const value = ns / 1000;
  return amount(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Format nanoseconds with their unit: `50.3 µs`, `12.0 s`. */
export function duration(ns) {
  const text = microseconds(ns);
  return text.endsWith(" s") ? text : `${text} µs`;
}

/** Format bytes per second: `2.30 MB/s`. */
export function dataRate(rate) {
  if (!Number.isFinite(rate)) return "–";
  for (const [size, unit] of [[1e9, "GB/s"], [1e6, "MB/s"], [1e3, "kB/s"]]) {
    if (rate >= size * 0.9995) return `${threeDigits(rate / size)} ${unit}`;
  }
  return `${Math.round(rate)} B/s`;
}

/** Format an age in seconds: `0.4 s`, `12 s`, `3 min`. */
export function age(seconds) {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** Format the UTC time of day of ms since 1970: `14:30:05.123`, with fewer `digits` of the second if asked. */
export function clockTime(ms, digits = 3) {
  return new Date(ms).toISOString().slice(11, digits ? 20 + digits : 19);
}

function threeDigits(value) {
  const size = Math.abs(value);
  return amount(value, size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

/** The role of a colour for a direction: up, down or none. */
export function way(value) {
  return value > 0 ? "bid" : value < 0 ? "ask" : "muted";
}
