// Drawings over the map and around it: best prices, trades, unknown times, the crosshair, axes, profile and legend.

import { clockTime } from "../core/formats.js";
import { priceStep, timeTicks } from "./axes.js";
import { LOWEST_SHADE } from "./heat.js";

const APART = 90, ROWS_APART = 34; // px between two marks of an axis
const LINE = 1.4; // px of a best price's line
const TAG = 15; // px of a label
const TAGGED = 96; // px of the label of a time
const TIMES = 18; // px of the axis of times

export class Overlay {
  constructor(map) {
    this.map = map;
  }

  inside(context, pen, colours, ratio) {
    const { view, columns, prints } = this.map;
    this.unknown(context, pen, colours);
    this.best(context, colours, "bids", "bid");
    this.best(context, colours, "asks", "ask");
    prints.draw(context, view, colours, ratio);
    const { left, top, width, height } = view.box;
    const marked = this.map.marked;
    if (marked !== null && marked !== undefined && columns.terms) {
      const x = view.x(marked);
      pen.line([[x, top], [x, top + height]], "ink", 1.5, 0.9);
    }
    if (!this.map.cursor) return;
    const x = view.x(this.map.cursor.time), y = view.y(this.map.cursor.tick);
    context.setLineDash([3, 3]);
    pen.line([[Math.round(x) + 0.5, top], [Math.round(x) + 0.5, top + height]], "ink", 1, 0.7);
    pen.line([[left, Math.round(y) + 0.5], [left + width, Math.round(y) + 0.5]], "ink", 1, 0.7);
    context.setLineDash([]);
  }

  /** Times of which nothing is known are hatched: they look neither empty nor full. */
  unknown(context, pen, colours) {
    const { view, columns } = this.map;
    const { left, top, width, height } = view.box;
    columns.between(view.from, view.right, (_, start, stop) => {
      for (let number = start; number < stop; number += 1) {
        if (!columns.has(number) || columns.known(number)) continue;
        const from = Math.max(left, view.x(columns.time(number)));
        const to = Math.min(left + width, view.x(columns.ends(number)));
        if (to <= from) continue;
        context.fillStyle = this.hatching(context, colours);
        context.fillRect(from, top, to - from, height);
        if (to - from > 60) pen.font(11, "sans").text("no data", (from + to) / 2, top + height / 2, "muted", "center");
      }
    });
  }

  hatching(context, colours) {
    if (this.hatched?.colour !== colours.muted) {
      const tile = new OffscreenCanvas(8, 8), brush = tile.getContext("2d");
      brush.strokeStyle = colours.muted;
      brush.globalAlpha = 0.5;
      for (const shift of [-8, 0, 8]) {
        brush.moveTo(shift, 8);
        brush.lineTo(shift + 8, 0);
      }
      brush.stroke();
      this.hatched = { colour: colours.muted, pattern: context.createPattern(tile, "repeat") };
    }
    return this.hatched.pattern;
  }

  /** A stepped line along the best prices, with a rim that keeps it apart from any colour below. */
  best(context, colours, side, role) {
    const steps = this.steps(side);
    // Rectangles: a path of a thousand corners takes ten times as long to fill.
    for (const [colour, rim, alpha] of [[colours.paper, 1, 0.55], [colours[role], 0, 1]]) {
      context.globalAlpha = alpha;
      context.fillStyle = colour;
      for (const [left, right, top, bottom] of steps) {
        context.fillRect(left - rim, top - rim, right - left + 2 * rim, bottom - top + 2 * rim);
      }
    }
    context.globalAlpha = 1;
  }

  /** The stepped line as rectangles [left, right, top, bottom]; columns of one pixel make one of them. */
  steps(side) {
    const { view, columns } = this.map, half = LINE / 2, found = [];
    let last = NaN, x = 0, open = null; // the step that goes on
    const close = (to) => {
      if (open) found.push([open.x, to + half, open.top - half, open.bottom + half]);
      open = null;
    };
    columns.between(view.from, view.right, (run, start, stop) => {
      for (let number = start; number < stop; number += 1) {
        const tick = columns.has(number) && columns.known(number) ? columns.best(side, number) : NaN;
        if (!Object.is(tick, last)) {
          x = view.x(run.time + (number - run.start) * run.step);
          const y = view.y(tick);
          if (open && x - open.x < 1 && y === y) {
            open.top = Math.min(open.top, y);
            open.bottom = Math.max(open.bottom, y);
          } else {
            const before = open && { ...open };
            close(x);
            if (before && y === y) found.push([x - half, x + half, Math.min(before.y, y) - half, Math.max(before.y, y) + half]);
            if (y === y) open = { x, top: y, bottom: y };
          }
          if (open) open.y = y;
          last = tick;
        }
        if (number === stop - 1) x = view.x(columns.ends(number));
      }
    });
    close(x);
    return found;
  }

  outside(context, pen, colours, width, height) {
    this.volumes(context, pen);
    this.prices(pen);
    this.times(pen);
    this.legend(context, pen, colours, width, height);
    this.tags(pen);
  }

  /** Traded volume at each price in sight, buyers' and sellers' beside each other. */
  volumes(context, pen) {
    const { view, prints, heat, profile } = this.map;
    if (!profile) return;
    const { left, top, width, height } = view.box;
    const start = left + width + 6, room = profile - 12;
    context.save();
    context.beginPath();
    context.rect(start - 6, top, profile, height);
    context.clip();
    for (const [row, { buy, sell }] of prints.volumes) {
      const y = view.y(heat.edge(row + 1)), below = view.y(heat.edge(row));
      if (below < top || y > top + height) continue;
      const high = Math.max(1, below - y - (below - y > 4 ? 1 : 0));
      const scale = room / prints.most;
      pen.bar(start, y, buy * scale, high, "bid", 0.85);
      pen.bar(start + buy * scale, y, sell * scale, high, "ask", 0.85);
    }
    context.restore();
    pen.font(10, "sans").text("traded", start, top + 11, "muted");
    if (prints.most) pen.font(10, "mono").text(this.map.size(prints.most), start + room, top + 11, "muted", "right");
    pen.line([[left + width + 0.5, top], [left + width + 0.5, top + height]], "line");
  }

  prices(pen) {
    const { view, columns, profile } = this.map;
    const { origin, tick } = columns.terms;
    const step = priceStep(ROWS_APART / view.perTick, tick);
    const x = view.box.left + view.box.width + profile;
    pen.line([[x + 0.5, view.box.top], [x + 0.5, view.box.top + view.box.height]], "line");
    const last = this.map.last();
    const best = [["bids", "bid"], ["asks", "ask"]].map(([side, role]) => [columns.best(side, last), role, side === "bids" ? 1 : -1])
      .filter(([at]) => at > view.low && at < view.high);
    pen.font(11, "mono");
    for (let mark = Math.ceil((origin + view.low) / step) * step; mark <= origin + view.high; mark += step) {
      const y = view.y(mark - origin);
      if (y < view.box.top + 6 || y > view.box.top + view.box.height - 4) continue;
      pen.line([[x, y], [x + 4, y]], "line");
      if (best.every(([at, , way]) => Math.abs(view.y(at) + TAG * way / 2 - y) > TAG)) {
        pen.text(this.map.price(mark - origin), x + 8, y + 4, "muted");
      }
    }
    for (const [at, role, way] of best) this.mark(pen, view.y(at), this.map.price(at), role, way);
  }

  /** A label on the axis of prices; two best prices move apart so that both can be read. */
  mark(pen, y, text, role, way = 0) {
    const { view: { box: { left, top, width, height } }, axis, profile } = this.map;
    const middle = Math.max(top + TAG / 2, Math.min(top + height - TAG / 2, y + (way * TAG) / 2));
    const x = left + width + profile;
    pen.bar(x + 1, middle - TAG / 2, axis - 1, TAG, role);
    pen.font(11, "mono").text(text, x + 8, middle + 4, "paper");
  }

  times(pen) {
    const { view } = this.map;
    const { left, top, width, height } = view.box;
    const y = top + height;
    pen.line([[left, y + 0.5], [left + width + this.map.profile, y + 0.5]], "line");
    pen.font(11, "mono");
    const tag = this.map.cursor ? view.x(this.map.cursor.time) : -Infinity;
    for (const [time, text] of timeTicks(view.from, view.right, APART / view.perMs)) {
      const x = view.x(time), half = pen.width(text) / 2;
      pen.line([[x, y], [x, y + 4]], "line");
      const free = Math.abs(x - tag) > half + TAGGED / 2;
      if (free && x - half >= left && x + half <= left + width) pen.text(text, x, y + 15, "muted", "center");
    }
    if (this.map.profile) pen.font(10, "sans").text("UTC", left + width + 6, y + 14, "muted");
  }

  /** The colours and their sizes, and what the discs are. */
  legend(context, pen, colours, width, height) {
    const { scale, shades, prints } = this.map;
    const y = height - 9;
    let x = pen.font(10.5, "sans").text("resting", 8, y, "muted") + 8;
    x = pen.font(10, "mono").text(this.map.size(scale.low), x, y, "muted") + 5;
    const bar = Math.min(120, Math.round(width * 0.22));
    context.fillStyle = this.gradient(context, shades, x, bar);
    context.fillRect(x, y - 8, bar, 9);
    x = pen.text(this.map.size(scale.top), x + bar + 5, y, "muted") + 14;
    if (!prints.large || width < 380) return;
    for (const [role, word] of [["bid", "bought"], ["ask", "sold"]]) {
      context.beginPath();
      context.arc(x + 4, y - 3.5, 4, 0, 2 * Math.PI);
      context.fillStyle = colours[role];
      context.fill();
      x = pen.font(10.5, "sans").text(word, x + 11, y, "muted") + 10;
    }
    if (width < 560) return;
    const radius = 7;
    context.beginPath();
    context.arc(x + radius, y - 3.5, radius, 0, 2 * Math.PI);
    context.strokeStyle = colours.muted;
    context.lineWidth = 1;
    context.stroke();
    const large = prints.large * (radius / 11) ** 2;
    pen.font(10, "mono").text(this.map.size(large < 10 ? large : Math.round(large)), x + 2 * radius + 5, y, "muted");
  }

  gradient(context, shades, x, width) {
    const bytes = new Uint8Array(shades.buffer), gradient = context.createLinearGradient(x, 0, x + width, 0);
    for (let part = 0; part <= 8; part += 1) {
      const at = 4 * Math.round(LOWEST_SHADE + ((shades.length - 1 - LOWEST_SHADE) * part) / 8);
      const digits = [0, 1, 2].map((channel) => bytes[at + channel].toString(16).padStart(2, "0"));
      gradient.addColorStop(part / 8, `#${digits.join("")}`);
    }
    return gradient;
  }

  /** Price and time of the crosshair, on the axes. */
  tags(pen) {
    const { view, cursor } = this.map;
    if (!cursor) return;
    const { left, top, width: wide, height } = view.box;
    const y = view.y(cursor.tick), x = view.x(cursor.time);
    if (y >= top && y <= top + height) this.mark(pen, y, this.map.price(Math.round(cursor.tick)), "ink");
    if (x < left || x > left + wide) return;
    const text = clockTime(cursor.time, 3);
    const room = pen.font(11, "mono").width(text) + 10;
    const start = Math.max(left, Math.min(left + wide - room, x - room / 2));
    pen.bar(start, top + height + 1, room, TIMES - 2, "ink");
    pen.text(text, start + 5, top + height + 14, "paper");
  }
}
