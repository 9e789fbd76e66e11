// The blotter's rows and columns: what a frame's lists hold, and how each is written.

import { amount, clockTime, way } from "../core/formats.js";

/** The values of each row, in the order of frame.py. */
export const FIELDS = {
  orders: ["id", "time", "symbol", "side", "type", "price", "stop", "quantity", "filled", "average", "status", "reason",
    "force", "final"],
  fills: ["id", "time", "symbol", "side", "price", "quantity", "commission"],
  positions: ["symbol", "quantity", "average", "market", "value", "unrealized", "realized", "day"],
};
export const PORTFOLIO = ["value", "cash", "positions", "buying power", "unrealized", "realized", "day", "currency"];

const plain = new Intl.NumberFormat("en-US", { maximumFractionDigits: 9 });
const minus = (text) => text.replace("-", "−");
const number = (value) => (value === null || value === undefined ? "–" : minus(plain.format(value)));
const price = (value, row) => (value === null || value === undefined ? "–" : amount(value, row.decimals));
export const money = (value) => minus(amount(value, 2));
export const signed = (value) => (value > 0 ? `+${amount(value, 2)}` : money(value));
/** An average has more digits than a price. */
const average = (value, row) => {
  if (value === null || value === 0) return "–";
  const text = amount(value, row.decimals + 2);
  return text.endsWith("00") ? text.slice(0, -2) : text;
};
const limit = (row) => (row.price === null && row.stop === null ? "market" : price(row.price ?? row.stop, row));
export const word = (text) => (text ?? "").replaceAll("_", " ").toLowerCase();
const side = { name: "side", title: "side", width: 34, align: "left", sorts: true, text: (row) => word(row.side),
  role: (row) => (row.side === "BUY" ? "bid" : "ask") };
const time = { name: "time", title: "time, UTC", width: 102, align: "left", number: true, sorts: true,
  text: (row) => clockTime(row.time) };
const symbol = { name: "symbol", title: "symbol", width: 70, grow: 1, align: "left", head: true, sorts: true,
  text: (row) => row.symbol };
const gain = (name, title, below = 0) => ({ name, title, width: 84, grow: 1, number: true, sorts: true, below,
  text: (row) => signed(row[name]), role: (row) => way(row[name]) });

/** The columns of each table: Table's options, `text(row)`, and the `role` of its colour. */
export const COLUMNS = {
  orders: [
    { ...symbol, width: 58, grow: 0.5 },
    { ...time, below: 420 },
    side,
    { name: "type", title: "type", width: 66, align: "left", sorts: true, below: 620, text: (row) => word(row.type) },
    { name: "price", title: "price", width: 64, grow: 1, number: true, sorts: true, text: limit },
    { name: "quantity", title: "size", width: 58, grow: 0.5, number: true, sorts: true, below: 340, text: (row) => number(row.quantity) },
    { name: "filled", title: "filled", width: 58, grow: 0.5, number: true, sorts: true, below: 480,
      text: (row) => number(row.filled), role: (row) => (row.filled ? "" : "muted") },
    { name: "average", title: "average", width: 78, grow: 0.5, number: true, sorts: true, below: 700,
      text: (row) => average(row.average, row) },
    { name: "status", title: "status", width: 56, grow: 1, align: "left", sorts: true,
      text: (row) => word(row.status).replace("partially filled", "part filled"),
      role: (row) => (row.status === "REJECTED" ? "refused" : row.final ? "muted" : "") },
    { name: "reason", title: "reason", width: 60, grow: 6, align: "left", below: 860, text: (row) => row.reason ?? "",
      role: () => "muted" },
    { name: "cancel", title: "", width: 46, align: "centre", text: () => "" },
  ],
  fills: [
    symbol,
    time,
    side,
    { name: "quantity", title: "size", width: 60, grow: 1, number: true, sorts: true, text: (row) => number(row.quantity) },
    { name: "price", title: "price", width: 74, grow: 1, number: true, sorts: true, below: 320, text: (row) => price(row.price, row) },
    { name: "worth", title: "value", width: 92, grow: 1, number: true, sorts: true, below: 520, text: (row) => money(row.worth) },
    { name: "commission", title: "commission", width: 84, grow: 1, number: true, sorts: true, below: 440,
      text: (row) => (row.commission === null ? "–" : amount(row.commission, 4)) },
    { name: "id", title: "order", width: 80, grow: 2, align: "left", below: 640, text: (row) => row.id, role: () => "muted" },
  ],
  positions: [
    symbol,
    { name: "quantity", title: "size", width: 60, grow: 1, number: true, sorts: true, text: (row) => number(row.quantity),
      role: (row) => way(row.quantity) },
    { name: "average", title: "average", width: 80, grow: 1, number: true, sorts: true, below: 420,
      text: (row) => average(row.average, row) },
    { name: "market", title: "market", width: 76, grow: 1, number: true, sorts: true, below: 500,
      text: (row) => price(row.market, row) },
    { name: "value", title: "value", width: 96, grow: 1, number: true, sorts: true, below: 620, text: (row) => money(row.value) },
    gain("unrealized", "unrealized"),
    gain("realized", "realized", 340),
    gain("day", "day", 760),
  ],
};

/** The lines of a tooltip of an order, in a view `width` px wide; a long reason is broken into several. */
export function facts(row, width) {
  const stop = row.stop === null ? "" : `stop ${price(row.stop, row)}`;
  const terms = [word(row.type), row.price === null ? "" : price(row.price, row), stop, row.force ?? ""];
  const lines = [["order", row.id], ["", `${word(row.side)} ${number(row.quantity)} ${row.symbol}`],
    ["", terms.filter(Boolean).join(" ")], ["sent", `${clockTime(row.time)} UTC`], ["status", word(row.status)]];
  if (row.filled) lines.push(["filled", `${number(row.filled)} at ${average(row.average, row)}`]);
  const length = Math.max(16, Math.min(56, Math.floor((width - 90) / 7.2)));
  const parts = row.reason?.match(new RegExp(`\\S.{0,${length}}(?=\\s|$)|\\S{${length}}`, "g")) ?? [];
  return [...lines, ...parts.map((part, at) => [at ? "" : "reason", part])];
}
