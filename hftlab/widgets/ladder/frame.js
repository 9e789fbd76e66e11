// The kernel's frame of a ladder, unpacked; the same values as in frame.py.

const VERSION = 2;
const HEADER = [
  "version", "stale", "tsEvent", "priceDecimals", "sizeDecimals", "tick", "last", "changePercent", "volume",
  "tradePrice", "tradeSize", "tradeSide", "tradeNumber", "everyTrade", "epoch", "group", "base",
  "bidCount", "askCount", "tradedCount", "orderCount", "tradedSteps",
];
const LEVEL = 16, TRADED = 12, ORDER = 28; // bytes
const STATUSES = ["PENDING_NEW", "NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"];

/** Unpack a frame's state, prices as numbers of ticks; null before the first frame. */
export function parse(frame) {
  if (!frame?.byteLength) return null;
  const data = new DataView(frame.buffer ?? frame, frame.byteOffset ?? 0, frame.byteLength);
  const state = {};
  HEADER.forEach((name, index) => { state[name] = data.getFloat64(8 * index, true); });
  if (state.version !== VERSION) return null;
  let at = 8 * HEADER.length;
  const each = (count, size, read) => Array.from({ length: count }, () => {
    at += size;
    return read(at - size);
  });
  const level = (from) => ({
    ticks: state.base + data.getInt32(from, true),
    orders: data.getInt32(from + 4, true),
    size: data.getFloat64(from + 8, true),
  });
  state.bids = each(state.bidCount, LEVEL, level);
  state.asks = each(state.askCount, LEVEL, level);
  state.traded = tradedRows(data, at, state.tradedCount, Math.floor(state.base / state.group));
  at += TRADED * state.tradedCount;
  state.orders = each(state.orderCount, ORDER, (from) => ({
    key: data.getInt32(from, true),
    ticks: state.base + data.getInt32(from + 4, true),
    sign: data.getInt8(from + 8),
    status: STATUSES[data.getInt8(from + 9)],
    stop: data.getInt8(from + 10) === 1,
    remaining: data.getFloat64(from + 12, true),
    ahead: data.getFloat64(from + 20, true),
  }));
  return state;
}

/** Unpack the whole traded volume: its `epoch`, its `group` and [step, sold, bought] of each price step. */
export function parseTraded(packed) {
  if (!packed?.byteLength) return null;
  const data = new DataView(packed.buffer ?? packed, packed.byteOffset ?? 0, packed.byteLength);
  const [epoch, group, base] = [0, 8, 16].map((at) => data.getFloat64(at, true));
  return { epoch, group, rows: tradedRows(data, 24, (data.byteLength - 24) / TRADED, base) };
}

function tradedRows(data, from, count, base) {
  return Array.from({ length: count }, (_, index) => {
    const at = from + TRADED * index;
    return [base + data.getInt32(at, true), data.getFloat32(at + 4, true), data.getFloat32(at + 8, true)];
  });
}
