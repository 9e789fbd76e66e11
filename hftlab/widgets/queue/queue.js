import { amount, clockTime, compact } from "../core/formats.js";
import { PanelView, mount } from "../core/panel_view.js";
import { Pen } from "../core/pen.js";

const VERSION = 1; // as in frame.py
const POINT = ["time", "most", "likely", "least", "own"];
const PAD = 12, LABEL = 17, LANE = 84, AXIS = 18, MOST = 8, NOTHING = 90;
const LEGEND = "size ahead, pro rata; band: optimistic to risk-averse";

/** Unpack a frame's tracks, times in ms since 1970; null before the first frame. */
export function parse(frame) {
  if (!frame?.byteLength) return null;
  const bytes = new Uint8Array(frame.buffer ?? frame, frame.byteOffset ?? 0, frame.byteLength);
  const { version, tracks } = JSON.parse(new TextDecoder().decode(bytes));
  if (version !== VERSION) return null;
  return tracks.map((track) => ({
    ...track,
    role: track.side === "BUY" ? "bid" : "ask",
    points: track.points.map((values) => ({
      ...Object.fromEntries(POINT.map((name, index) => [name, values[index]])),
      time: track.from + values[0],
    })),
  }));
}

const size = (value) => (value < 1e6 ? amount(value, value % 1 && value < 100 ? 2 : 0) : compact(value));

export class QueueView extends PanelView {
  constructor(panel, el, options) {
    super(panel, el, options);
    this.entitle("Queue position", "estimate");
    this.tracks = [];
    this.cursor = null; // the time under the pointer, by its share of the width
    const canvas = this.canvas(NOTHING, (...args) => this.draw(...args));
    canvas.addEventListener("pointermove", (event) => this.hover(event));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    this.take();
  }

  take() {
    this.tracks = (parse(this.panel.get("frame")) ?? []).slice(0, MOST);
    if (!this.surface) return;
    const resting = this.tracks.filter(({ outcome }) => outcome === "resting").length;
    this.entitle("Queue position", `estimate${resting ? ` · ${resting} resting` : ""}${this.tracks.length ? ` · ${LEGEND}` : ""}`);
    this.resize(this.tracks.length ? this.tracks.length * LANE + AXIS : NOTHING);
    this.surface.canvas.setAttribute("aria-label", this.tracks.map((track) => this.sentence(track)).join("; ") || "no resting orders");
    this.surface.redraw();
  }

  themed() {
    super.themed();
    this.surface?.redraw();
  }

  /** The orders of all lanes share the axis of time. */
  layout(width, height) {
    const points = this.tracks.flatMap((track) => [track.points[0], track.points.at(-1)]);
    const start = Math.min(...points.map(({ time }) => time));
    const end = Math.max(start + 1000, ...points.map(({ time }) => time));
    const lane = Math.max(LABEL + 14, (height - AXIS) / this.tracks.length);
    const room = width - 2 * PAD;
    return { start, end, lane, room, x: (time) => PAD + (room * (time - start)) / (end - start) };
  }

  draw(context, width, height, colours) {
    const pen = new Pen(context, colours);
    if (!this.tracks.length) {
      pen.font(12).text("no resting limit orders yet", width / 2, height / 2, "muted", "center");
      return false;
    }
    const place = this.place = this.layout(width, height);
    this.tracks.forEach((track, index) => this.lane(pen, place, track, index * place.lane, width));
    this.axis(pen, place, height);
    if (this.cursor !== null) pen.bar(Math.round(place.x(this.cursor)), 0, 1, height - AXIS, "muted", 0.6);
    return false;
  }

  lane(pen, place, track, top, width) {
    const { points, role } = track;
    const label = `${track.side.toLowerCase()} ${size(track.quantity)} ${track.symbol} at ${amount(track.price, track.decimals)}`;
    const end = pen.font(11.5, "sans", 600).text(label, PAD, top + 12, role);
    const newest = points.at(-1);
    const state = track.outcome === "resting" ? this.ahead(newest) : track.outcome;
    pen.font(11, "mono");
    const short = end + pen.width(state) + 12 > width - PAD ? (track.outcome === "resting" ? size(newest.likely) : state) : state;
    pen.text(short, width - PAD, top + 12, track.outcome === "resting" ? "ink" : "muted", "right");
    const floor = top + place.lane - 8, ceiling = top + LABEL + 3;
    const tallest = Math.max(1e-9, ...points.map(({ most }) => most));
    const y = (value) => floor - ((floor - ceiling) * value) / tallest;
    pen.bar(PAD, floor, place.room, 1, "line");
    this.band(pen, points, (time) => place.x(time), y, role);
    pen.line(steps(points, place.x, (point) => y(point.likely)), role, 1.5);
    this.mark(pen, track, place.x(newest.time), y(newest.likely));
    pen.font(10, "mono").text(size(tallest), PAD + place.room, ceiling + 8, "muted", "right");
  }

  band(pen, points, x, y, role) {
    const { context } = pen;
    const above = steps(points, x, (point) => y(point.most)), below = steps(points, x, (point) => y(point.least)).reverse();
    context.beginPath();
    [...above, ...below].forEach(([left, top], index) => (index ? context.lineTo(left, top) : context.moveTo(left, top)));
    context.closePath();
    context.globalAlpha = 0.2;
    context.fillStyle = pen.colours[role];
    context.fill();
    context.globalAlpha = 1;
  }

  /** Mark the end: a disc where it was filled, a cross where it ended otherwise. */
  mark(pen, track, x, y) {
    if (track.outcome === "resting") return;
    if (track.filled) {
      pen.context.beginPath();
      pen.context.arc(x, y, 4, 0, 2 * Math.PI);
      pen.context.fillStyle = pen.colours[track.role];
      pen.context.fill();
      return;
    }
    pen.line([[x - 4, y - 4], [x + 4, y + 4]], "muted", 1.5);
    pen.line([[x - 4, y + 4], [x + 4, y - 4]], "muted", 1.5);
  }

  axis(pen, place, height) {
    pen.font(10.5, "mono");
    pen.text(clockTime(place.start, 0), PAD, height - 5, "muted");
    pen.text(`${clockTime(place.end, 0)} UTC`, PAD + place.room, height - 5, "muted", "right");
  }

  ahead(point) {
    return `${size(point.likely)} ahead (${size(point.least)} to ${size(point.most)})`;
  }

  sentence(track) {
    const words = `${track.side.toLowerCase()} ${track.quantity} ${track.symbol} at ${track.price}`;
    return `${words}: ${track.outcome === "resting" ? this.ahead(track.points.at(-1)) : track.outcome}`;
  }

  hover(event) {
    if (!event || !this.tracks.length || !this.place) {
      this.cursor = null;
      this.hint(null);
    } else {
      const { left, top } = this.surface.canvas.getBoundingClientRect();
      const x = event.clientX - left, y = event.clientY - top;
      const { start, end, room, lane } = this.place;
      this.cursor = start + (end - start) * Math.min(1, Math.max(0, (x - PAD) / room));
      const track = this.tracks[Math.min(this.tracks.length - 1, Math.floor(y / lane))];
      this.hint(this.rows(track, this.cursor), x, y);
    }
    this.surface.redraw();
  }

  rows(track, time) {
    const point = track.points.findLast((each) => each.time <= time);
    if (!point) return [["order", track.id], ["", "not placed yet"]];
    return [["order", track.id], ["time", clockTime(point.time)], ["ahead, pro rata", size(point.likely)],
      ["risk-averse", size(point.most)], ["optimistic", size(point.least)], ["own, open", size(point.own)]];
  }
}

/** The corners of a line in steps. */
function steps(points, x, y) {
  return points.flatMap((point, index) => {
    const here = [x(point.time), y(point)];
    return index ? [[here[0], y(points[index - 1])], here] : [here];
  });
}

export default mount(QueueView);
