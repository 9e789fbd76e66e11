import { amount, duration } from "../core/formats.js";
import { Pen } from "../core/pen.js";
import { plain, range, steps } from "./log_axis.js";

const MARKED = [["p50", "p50"], ["p99", "p99"], ["p99.9", "p999"]];
const PAD = 12, ABOVE = 18, AXIS = 20;

/** The histogram of one component on a logarithmic axis, with its percentiles marked. */
export class BarChart {
  constructor(canvas) {
    this.canvas = canvas;
  }

  take(component, name) {
    this.component = component?.counts.length ? component : null;
    const label = !this.component ? "no latencies measured yet"
      : `Latency of ${name}: median ${duration(component.p50)}, 99 of 100 below ${duration(component.p99)}`;
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
  }

  draw(context, width, height, colours) {
    const pen = new Pen(context, colours);
    const bottom = height - AXIS;
    pen.bar(PAD, bottom, width - 2 * PAD, 1, "line");
    if (!this.component) {
      pen.font(12).text("no latencies measured yet", width / 2, bottom / 2, "muted", "center");
      return false;
    }
    const [low, high] = range(this.component.edges[0], this.component.edges.at(-1));
    this.across = (ns) => {
      const share = Math.log(Math.min(Math.max(ns, low), high) / low) / Math.log(high / low);
      return PAD + share * (width - 2 * PAD);
    };
    this.bars(pen, bottom);
    this.marks(pen, width, bottom);
    this.axis(pen, low, high, width, bottom);
    return false;
  }

  bars(pen, bottom) {
    const { edges, counts } = this.component;
    const tallest = Math.max(...counts);
    counts.forEach((count, index) => {
      if (!count) return;
      const left = this.across(edges[index]), right = this.across(edges[index + 1]);
      // At least 1.5 px high: the few slowest messages must be seen.
      const tall = Math.max(1.5, ((bottom - ABOVE - 4) * count) / tallest);
      pen.bar(left, bottom - tall, Math.max(1, right - left - 0.75), tall, "bid", 0.6);
    });
  }

  /** Mark percentiles with lines; a label that would touch the one before it is left out: the table has the value. */
  marks(pen, width, bottom) {
    pen.font(10.5);
    let free = -Infinity;
    for (const [title, key] of MARKED) {
      const x = this.across(this.component[key]);
      pen.bar(Math.round(x) - 0.5, ABOVE - 2, 1, bottom - ABOVE + 2, "ask");
      const half = pen.width(title) / 2;
      const centre = Math.min(Math.max(x, PAD + half), width - PAD - half);
      if (centre - half <= free) continue;
      pen.text(title, centre, ABOVE - 6, "ask", "center");
      free = centre + half + 4;
    }
  }

  axis(pen, low, high, width, bottom) {
    pen.font(10.5);
    let free = 0;
    for (const ns of steps(low, high)) {
      const x = this.across(ns), text = plain(ns), half = pen.width(text) / 2;
      pen.bar(Math.round(x) - 0.5, bottom, 1, 4, "muted");
      if (x - half < free || x + half > width) continue;
      pen.text(text, x, bottom + 16, "muted", "center");
      free = x + half + 8;
    }
  }

  /** Describe what is under the pointer, as the rows of a tooltip. */
  at(x) {
    if (!this.component || !this.across) return null;
    const { edges, counts } = this.component;
    const place = counts.findIndex((_, index) => x < this.across(edges[index + 1]));
    if (place < 0 || x < this.across(edges[0])) return null;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const below = counts.slice(0, place + 1).reduce((sum, count) => sum + count, 0);
    return [
      ["latency", `${duration(edges[place])} to ${duration(edges[place + 1])}`],
      ["messages", amount(counts[place], 0)],
      ["as fast or faster", `${amount((100 * below) / total, below === total ? 0 : 2)} %`],
    ];
  }
}
