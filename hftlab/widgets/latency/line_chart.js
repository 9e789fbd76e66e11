import { duration } from "../core/formats.js";
import { Pen } from "../core/pen.js";
import { plain, range, steps } from "./log_axis.js";

const PAD = 12, ABOVE = 20, AXIS = 18;
const LINES = [["p99", "ask"], ["p50", "bid"]];
const MINUTE = 60; // seconds

/** The median and the 99th percentile of each of the last seconds, on a logarithmic axis. */
export class LineChart {
  constructor(canvas) {
    this.canvas = canvas;
    this.line = [];
  }

  take(component, name) {
    this.line = component?.line ?? [];
    const label = `Latency of ${name} over the last ${this.line.length} s`;
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
  }

  draw(context, width, height, colours) {
    const pen = new Pen(context, colours);
    const bottom = height - AXIS;
    pen.bar(PAD, bottom, width - 2 * PAD, 1, "line");
    const known = this.line.flatMap(({ p50, p99 }) => [p50, p99]).filter((value) => value > 0);
    this.right = width - PAD;
    this.left = PAD;
    if (known.length) this.lines(context, pen, known, bottom);
    else pen.font(11).text("measured from the first second on", width / 2, bottom / 2 + 6, "muted", "center");
    pen.font(10.5);
    pen.text(`${this.minutes} min ago`, this.left, bottom + 14, "muted");
    pen.text("now", this.right, bottom + 14, "muted", "right");
    const x = pen.text("p50", PAD, ABOVE - 7, "bid");
    pen.text("p99", x + 8, ABOVE - 7, "ask");
    return false;
  }

  /** The minutes that the axis shows: as many as have begun. */
  get minutes() {
    return Math.max(1, Math.ceil(this.line.length / MINUTE));
  }

  lines(context, pen, known, bottom) {
    const [low, high] = range(Math.min(...known), Math.max(...known));
    const up = (ns) => bottom - ((bottom - ABOVE - 4) * Math.log(ns / low)) / Math.log(high / low);
    this.grid(pen, low, high, up, bottom);
    this.step = (this.right - this.left) / (MINUTE * this.minutes - 1);
    for (const [key, role] of LINES) {
      for (const run of runs(this.line.map((second) => second[key]))) {
        const points = run.map(([place, ns]) => [this.x(place), up(ns)]);
        pen.line(points.length > 1 ? points : [points[0], [points[0][0] + 1, points[0][1]]], role, 1.4);
      }
    }
  }

  grid(pen, low, high, up, bottom) {
    pen.font(10);
    const shown = [];
    for (const ns of steps(low, high)) {
      const y = Math.round(up(ns));
      if (y > bottom - 5 || y > (shown.at(-1)?.y ?? Infinity) - 13) continue;
      shown.push({ y, text: plain(ns) });
    }
    this.left = PAD + Math.max(0, ...shown.map(({ text }) => pen.width(text))) + 6;
    for (const { y, text } of shown) {
      pen.bar(this.left, y, this.right - this.left, 1, "line", 0.5);
      pen.text(text, this.left - 6, y + 3.5, "muted", "right");
    }
  }

  x(place) {
    return this.right - (this.line.length - 1 - place) * this.step;
  }

  /** Describe what is under the pointer, as the rows of a tooltip. */
  at(x) {
    if (!this.step) return null;
    const ago = Math.round((this.right - x) / this.step);
    const second = this.line[this.line.length - 1 - ago];
    if (!second) return null;
    const text = (value) => (value > 0 ? duration(value) : "nothing measured");
    return [[ago ? `${ago} s ago` : "the last second", ""], ["p50", text(second.p50)], ["p99", text(second.p99)]];
  }
}

/** The stretches of known values, as [place, value]. */
function runs(values) {
  const found = [[]];
  values.forEach((value, place) => {
    if (value > 0) found.at(-1).push([place, value]);
    else found.push([]);
  });
  return found.filter((run) => run.length);
}
