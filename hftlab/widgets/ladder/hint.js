// The tooltip of a ladder's row: what rests there, how far it is, and what it costs to reach it.

import { amount, compact } from "../core/formats.js";

/** Rows [label, value] about a step; `view` is the LadderView. */
export function levelRows(view, step) {
  const { state, book } = view;
  if (!book) return null;
  const { sizeDecimals } = state;
  const size = (value) => amount(value, sizeDecimals);
  const rows = [["price", view.priceText(step)]];
  for (const [name, label] of [["bid", "bids"], ["ask", "asks"]]) {
    const row = book.side(name).rows.get(step);
    const isOutside = name === "bid" ? step >= book.ask.best : step <= book.bid.best;
    const knowledge = isOutside ? "known" : book.knowledge(name, step);
    if (row) rows.push([label, `${size(row.size)}${row.orders ? ` in ${amount(row.orders, 0)} order${row.orders === 1 ? "" : "s"}` : ""}`]);
    if (knowledge === "unknown") rows.push([label, "beyond the depth received"]);
    if (knowledge === "partly" && row) rows.push(["", "at least: the depth received ends here"]);
  }
  rows.push(...distanceRows(view, step), ...reachRows(view, step));
  const [sold, bought] = view.tradedRows().get(step) ?? [0, 0];
  if (sold || bought) rows.push(["traded", `${compact(sold)} sold, ${compact(bought)} bought`]);
  if ((sold || bought) && !state.everyTrade) rows.push(["", "last trades only: subscribe to TRADES"]);
  return rows.concat(orderRows(view, step));
}

function distanceRows({ book, group }, step) {
  const distance = step * group - book.middle;
  if (!Number.isFinite(distance)) return [];
  const sign = distance > 0 ? "+" : distance < 0 ? "−" : "";
  const ticks = amount(Math.abs(distance), Number.isInteger(distance) ? 0 : 1);
  const points = (1e4 * Math.abs(distance)) / book.middle;
  const share = book.middle > 0 ? ` · ${sign}${amount(points, points >= 0.1 || !points ? 2 : 4)} bps` : "";
  return [["from the mid", `${sign}${ticks} tick${Math.abs(distance) === 1 ? "" : "s"}${share}`]];
}

/** The cost of taking everything up to the step. */
function reachRows({ book, state }, step) {
  const name = step >= book.ask.best ? "ask" : step <= book.bid.best ? "bid" : null;
  if (!name || book.knowledge(name, step) === "unknown") return [];
  const { size, value, average } = book.reach(name, step);
  if (!(size > 0)) return [];
  return [
    [name === "ask" ? "buy up to here" : "sell down to here", amount(size, state.sizeDecimals)],
    [name === "ask" ? "cost" : "proceeds", amount(value, 2)],
    ["average", amount(average, state.priceDecimals + 2)],
  ];
}

function orderRows(view, step) {
  return ["bid", "ask"].flatMap((name) => view.chips.get(`${name}:${step}`)?.orders ?? []).map((order) => {
    const { sign, remaining, ahead, word, stop } = order;
    const place = Number.isFinite(ahead) ? `, ~${compact(ahead)} ahead (estimate)` : "";
    const what = `${sign > 0 ? "buy" : "sell"} ${view.sizeText(remaining)}${stop ? " at stop" : ""}`;
    return ["your order", `${what}${place}${word ? `, ${word}` : ""}`];
  });
}
