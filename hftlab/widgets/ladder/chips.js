// One's own orders on a ladder: one chip for each side of a row.

import { stepDown, stepUp } from "./book.js";

/**
 * Orders by side and step of `group` ticks: { size, ahead, waits, stop, orders }. `entry` is the OrderStrip of a ladder
 * that trades: it knows what was sent and is not in a frame yet.
 */
export function chipsOf(own, entry, group) {
  const chips = new Map();
  const put = (order) => {
    const name = order.sign > 0 ? "bid" : "ask";
    const step = (order.sign > 0 ? stepDown : stepUp)(order.ticks, group);
    const chip = chips.get(`${name}:${step}`) ?? { size: 0, ahead: NaN, waits: true, stop: order.stop, orders: [] };
    chip.orders.push(order);
    chip.size += order.remaining;
    if (Number.isFinite(order.ahead) && !(chip.ahead <= order.ahead)) chip.ahead = order.ahead;
    chip.waits &&= Boolean(order.word);
    chips.set(`${name}:${step}`, chip);
  };
  for (const order of own) {
    const isLeaving = entry ? entry.isLeaving(order) : order.status === "PENDING_CANCEL";
    put({ ...order, word: isLeaving ? "being cancelled" : order.status === "PENDING_NEW" ? "on its way" : "" });
  }
  for (const { sign, ticks, size, key, isSaid } of entry?.pending.values() ?? []) {
    put({ sign, ticks, key, remaining: size, ahead: NaN, stop: false, word: isSaid ? "waits for the kernel" : "sent" });
  }
  return chips;
}
