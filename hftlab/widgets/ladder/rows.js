// Paints the rows of a ladder: bars, prices, traded volume, the last trade and one's own orders.

import { amount, compact } from "../core/formats.js";

export const ROW = 20;
const BASE = 14; // of a row's texts
const TAIL = 2; // digits of a price that stand out
const NOTCH = 4; // px of the gap that says that a bar is longer than its room
const SLANT = 5;
const ROUGH = 3; // decimals of sums
const LEAST = 30; // px of a chip
const INSET = 2; // px of paper above and below a bar
export const FRESH = 1_200; // ms in which the last trade stands out

const hatches = new Map();

/** A pattern of thin lines: nothing is known of what is there. */
function hatch(context, colour) {
  if (!hatches.has(colour)) hatches.set(colour, hatched(context, colour));
  return hatches.get(colour);
}

function hatched(context, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.8;
  pen.lineWidth = 1;
  for (const shift of [-8, 0, 8]) {
    pen.beginPath();
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
    pen.stroke();
  }
  return context.createPattern(tile, "repeat");
}

/** Fill a bar away from the price; one of more than the whole room ends behind a notch. Returns whether it does. */
function bar(pen, column, towards, part, y, role, opacity) {
  const { context, colours } = pen;
  const edge = towards < 0 ? column.x + column.width : column.x;
  const top = y + INSET, height = ROW - 2 * INSET;
  if (part <= 1) {
    pen.bar(edge, top, towards * Math.max(1, column.width * part), height, role, opacity);
    return false;
  }
  const before = context.globalAlpha;
  context.globalAlpha = before * opacity;
  context.fillStyle = colours[role];
  const shape = (near, far, cutNear, cutFar) => {
    context.beginPath();
    context.moveTo(edge + towards * (near + (cutNear ? SLANT : 0)), top);
    context.lineTo(edge + towards * (far + (cutFar ? SLANT : 0)), top);
    context.lineTo(edge + towards * far, top + height);
    context.lineTo(edge + towards * near, top + height);
    context.fill();
  };
  const cut = column.width - NOTCH - SLANT - 8;
  shape(0, cut, false, true);
  shape(cut + NOTCH, column.width - SLANT, true, true);
  context.globalAlpha = before;
  return true;
}

/** Write a number into a column beside the price, shorter where it has no room. */
function number(pen, column, towards, value, decimals, y, role) {
  const room = column.width - 8;
  let text = amount(value, decimals);
  if (pen.width(text) > room) text = compact(value);
  if (pen.width(text) > room) return 0;
  pen.text(text, towards < 0 ? column.x + column.width - 5 : column.x + 5, y + BASE, role, towards < 0 ? "right" : "left");
  return pen.width(text);
}

const SIDES = [["bid", -1, "sold", "ask"], ["ask", 1, "bought", "bid"]];

/** Paints one scene: what LadderView.scene() gives. */
export class RowPainter {
  constructor(pen, scene) {
    Object.assign(this, scene);
    this.pen = pen;
    this.hatched = hatch(pen.context, pen.colours.line);
  }

  /** Paint all rows between `top` and `bottom`. */
  paint(top, bottom, width) {
    const { context } = this.pen;
    context.save();
    context.beginPath();
    context.rect(0, top, width, bottom - top);
    context.clip();
    const first = Math.ceil(this.axis.top), last = Math.floor(this.axis.top - (bottom - top) / ROW);
    this.sums = this.columns.bidSum ? { bid: this.cumulative("bid", last), ask: this.cumulative("ask", first) } : null;
    for (let step = first; step >= last; step -= 1) this.row(step, top + (this.axis.top - step) * ROW, width);
    this.lastTrade(top);
    context.restore();
  }

  row(step, y, width) {
    const { pen, book, columns, hover, cursor } = this;
    const inside = step > book.bid.best && step < book.ask.best;
    if (inside) pen.bar(columns.bid.x, y, columns.ask.x + columns.ask.width - columns.bid.x, ROW, "line", 0.16);
    if (hover?.step === step) pen.bar(0, y, width, ROW, "ink", 0.05);
    if (step % 5 === 0) pen.bar(0, y + ROW - 0.5, width, 1, "line", step % 10 === 0 ? 0.75 : 0.35);
    for (const side of SIDES) this.half(step, y, ...side);
    this.price(step, y);
    if (hover?.step === step && hover.side && this.armed) this.offer(step, y, hover.side);
    for (const [name, towards] of SIDES) this.chip(step, y, name, towards);
    if (cursor === step) {
      pen.context.strokeStyle = pen.colours.ink;
      pen.context.lineWidth = 1;
      pen.context.strokeRect(1.5, y + 0.5, width - 3, ROW - 1);
    }
  }

  /** One side of a row. */
  half(step, y, name, towards, traded, tradedRole) {
    const { pen, book, columns, sizeDecimals } = this;
    const column = columns[name], side = book.side(name), row = side.rows.get(step);
    const isBest = step === side.best;
    if (book.knowledge(name, step) !== "known") {
      pen.context.fillStyle = this.hatched;
      pen.context.fillRect(column.x, y, column.width, ROW);
    }
    if (row) {
      const fresh = this.changes[name].freshness(step, this.now);
      const opacity = (isBest ? 0.45 : 0.28) + 0.3 * fresh;
      const isOutlier = bar(pen, column, towards, this.measures.book.part(row.size), y, name, opacity);
      pen.font(12, "mono", isOutlier || isBest ? 700 : 400);
      number(pen, column, towards, row.size, sizeDecimals, y, "ink");
      if (columns.bidOrders && row.orders) this.outer(`${name}Orders`, towards, amount(row.orders, 0), y, "muted");
      if (this.sums) this.sum(name, towards, this.sums[name].get(step), y);
    }
    const [sold, bought] = this.traded.get(step) ?? [0, 0];
    const volume = traded === "sold" ? sold : bought;
    if (columns[traded] && volume > 0) {
      const isOutlier = bar(pen, columns[traded], towards, this.measures.traded.part(volume), y, tradedRole, 0.15);
      pen.font(11, "mono", isOutlier ? 700 : 400);
      number(pen, columns[traded], towards, volume, Math.min(ROUGH, sizeDecimals), y, "muted");
    }
  }

  outer(name, towards, text, y, role) {
    const column = this.columns[name];
    this.pen.font(10.5, "mono");
    if (this.pen.width(text) > column.width - 6) return;
    this.pen.text(text, towards < 0 ? column.x + column.width - 5 : column.x + 5, y + BASE, role, towards < 0 ? "right" : "left");
  }

  /** Sizes up to each step, from the best on. */
  cumulative(name, limit) {
    const { rows } = this.book.side(name);
    const towards = name === "bid" ? -1 : 1;
    const sums = new Map();
    let sum = 0;
    for (const step of [...rows.keys()].sort((a, b) => towards * (a - b))) {
      sum += rows.get(step).size;
      if (towards * (step - limit) <= 0) sums.set(step, sum);
    }
    sums.most = sum;
    return sums;
  }

  sum(name, towards, value, y) {
    if (value === undefined) return;
    const column = this.columns[`${name}Sum`];
    const most = Math.max(this.sums.bid.most, this.sums.ask.most);
    const edge = towards < 0 ? column.x + column.width : column.x;
    this.pen.bar(edge, y, (towards * column.width * value) / most, ROW, name, 0.1);
    this.pen.font(11, "mono");
    number(this.pen, column, towards, value, Math.min(ROUGH, this.sizeDecimals), y, "muted");
  }

  /** The price, its last digits strong where the row is a round one or a best price. */
  price(step, y) {
    const { pen, book, columns } = this;
    const { x, width } = columns.price;
    const best = step === book.bid.best ? "bid" : step === book.ask.best ? "ask" : null;
    if (best) {
      pen.bar(x, y + 1, width, ROW - 2, best, 0.24);
      pen.bar(best === "bid" ? x : x + width - 3, y + 1, 3, ROW - 2, best, 1);
    }
    const isRound = step % 10 === 0;
    pen.font(12.5, "mono", best || isRound ? 700 : 400);
    const text = this.priceText(step), tail = text.slice(-TAIL);
    if (best || isRound) {
      pen.text(text, columns.centre, y + BASE, best ?? "ink", "center");
      return;
    }
    // The digits that differ from row to row stand out.
    const right = columns.centre + pen.width(text) / 2;
    const isInside = step > book.bid.best && step < book.ask.best;
    pen.text(tail, right, y + BASE, isInside ? "muted" : "ink", "right");
    pen.text(text.slice(0, -TAIL), right - pen.width(tail), y + BASE, "muted", "right");
  }

  /** Mark the last trade at its price, with its size and who was the aggressor. */
  lastTrade(top) {
    const { trade, columns, pen } = this;
    if (!trade) return;
    const y = top + (this.axis.top - trade.step) * ROW;
    const role = trade.sign >= 0 ? "bid" : "ask";
    const { x, width } = columns.price;
    const fresh = Math.max(0, 1 - (this.now - trade.at) / FRESH);
    if (!columns.marks) {
      pen.font(9, "sans");
      pen.text(trade.sign < 0 ? "▼" : "▲", trade.sign < 0 ? x + 7 : x + width - 7, y + BASE - 1, role, "center");
      return;
    }
    const room = (width - this.priceWidth) / 2 - 8;
    const left = trade.sign < 0 ? x + 4 : x + width - room - 4;
    let text = amount(trade.size, this.sizeDecimals);
    pen.font(10.5, "mono", 700);
    if (pen.width(text) > room - 16) text = compact(trade.size);
    const { context, colours } = pen;
    context.beginPath();
    context.roundRect(left, y + 3, room, ROW - 6, 4);
    context.fillStyle = colours.paper;
    context.fill();
    context.globalAlpha = 0.2 + 0.8 * fresh;
    context.fillStyle = colours[role];
    context.fill();
    context.globalAlpha = 1;
    const ink = fresh > 0.45 ? "paper" : role;
    pen.text(`${trade.sign < 0 ? "▼" : "▲"}${text}`, left + room / 2, y + BASE - 0.5, ink, "center");
  }

  /** Show the order that a click here would send. */
  offer(step, y, name) {
    const { pen, columns } = this;
    const column = columns[name];
    pen.context.strokeStyle = pen.colours[name];
    pen.context.lineWidth = 1.5;
    pen.context.strokeRect(column.x + 0.75, y + 1.25, column.width - 1.5, ROW - 2.5);
    pen.font(11, "sans", 600);
    const texts = [`${name === "bid" ? "buy" : "sell"} ${this.sizeText(this.size)}`, name === "bid" ? "buy" : "sell"];
    const room = column.width - 10 - (this.book.side(name).rows.has(step) ? 48 : 0);
    const text = texts.find((each) => pen.width(each) <= room);
    if (text) pen.text(text, name === "bid" ? column.x + 6 : column.x + column.width - 6, y + BASE, name, name === "bid" ? "left" : "right");
  }

  /** One's own orders at a step. */
  chip(step, y, name) {
    const chip = this.chips.get(`${name}:${step}`);
    if (!chip) return;
    const { pen, columns } = this;
    const { context, colours } = pen;
    const column = columns[`${name}Own`] ?? columns[name];
    const size = this.sizeText(chip.size);
    const ahead = Number.isFinite(chip.ahead) ? ` ~${compact(chip.ahead)}` : "";
    const word = chip.waits ? `${size}…` : `${chip.stop ? "stop " : ""}${size}`;
    pen.font(11, "mono", 700);
    const most = columns[`${name}Own`] ? column.width : column.width * 0.62;
    const text = [word + ahead, word, compact(chip.size)].find((each) => pen.width(each) <= most - 10) ?? "●";
    const width = columns[`${name}Own`] ? column.width : Math.max(LEAST, pen.width(text) + 12);
    const x = name === "bid" ? column.x : column.x + column.width - width;
    chip.box = { x, width };
    context.beginPath();
    context.roundRect(x + 0.75, y + 2.25, width - 1.5, ROW - 4.5, 5);
    context.fillStyle = colours.paper;
    context.fill();
    context.globalAlpha = chip.waits ? 0.12 : 0.9;
    context.fillStyle = colours[name];
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = colours[name];
    context.lineWidth = 1.25;
    context.setLineDash(chip.waits ? [3, 2] : []);
    context.stroke();
    context.setLineDash([]);
    pen.text(text, x + width / 2, y + BASE - 0.5, chip.waits ? name : "paper", "center");
  }
}
