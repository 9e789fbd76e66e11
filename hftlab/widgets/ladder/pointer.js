// The mouse and fingers on a ladder: hover, wheel, drag, and clicks on cells and chips.

import { sideAt } from "./columns.js";

const DRAG = 4; // px after which a press is a drag
const ELSEWHERE = 400; // ms: a wheel that has turned over the page until now goes on scrolling the page
const WHEEL_ROW = 33; // px of a wheel's turn for one row

export class Pointer {
  constructor(view, canvas) {
    this.view = view;
    this.ending = new AbortController();
    this.outside = -Infinity;
    this.turned = 0;
    this.at = null; // { x, y } while it is over the canvas
    const signal = this.ending.signal;
    const on = (type, listener, options) => canvas.addEventListener(type, listener, { signal, ...options });
    window.addEventListener("wheel", (event) => {
      if (!canvas.contains(event.target)) this.outside = event.timeStamp;
    }, { signal, capture: true, passive: true });
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", () => this.up());
    on("click", (event) => this.click(event));
    on("pointercancel", () => { this.pressed = null; });
    on("pointerleave", () => { this.at = null; this.view.hovered(); });
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey || !event.deltaY) return;
    if (event.timeStamp - this.outside < ELSEWHERE) {
      this.outside = event.timeStamp;
      return;
    }
    event.preventDefault();
    this.turned += event.deltaMode === 0 ? event.deltaY / WHEEL_ROW : event.deltaY;
    const rows = Math.trunc(this.turned);
    this.turned -= rows;
    if (rows) this.view.scroll(-rows);
  }

  place(event) {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  down(event) {
    if (event.button !== 0) return;
    const place = this.place(event);
    this.pressed = { ...place, last: place.y, dragged: false, target: this.view.target(place) };
    event.currentTarget.setPointerCapture(event.pointerId);
  }

  move(event) {
    this.at = this.place(event);
    const { pressed } = this;
    if (pressed && (pressed.dragged || Math.abs(this.at.y - pressed.y) > DRAG)) {
      this.view.drag(this.at.y - pressed.last);
      pressed.last = this.at.y;
      pressed.dragged = true;
    }
    this.view.hovered();
  }

  up() {
    this.released = this.pressed;
    this.pressed = null;
    if (this.released?.dragged) this.view.dropped();
  }

  click(event) {
    const before = this.released;
    // Only the first click of several in a row counts, and only where the row has not moved away below it.
    if (!before || before.dragged || event.detail > 1) return;
    const target = this.view.target(this.place(event));
    if (!target || !before.target) return;
    if (target.step === before.target.step && target.side === before.target.side) this.view.clicked(target);
    else this.view.say("the row has moved: click again");
  }

  destroy() {
    this.ending.abort();
  }
}

/** Find the cell at a place of the canvas: { step, side, chip } or null; `side` is null beside the bid and ask cells. */
export function targetAt({ x, y }, { axis, columns, chips, row, top, bottom }) {
  if (!columns || !Number.isFinite(axis.top) || y < top || y >= bottom) return null;
  const step = Math.ceil(axis.top - (y - top) / row);
  const side = sideAt(columns, x);
  const chip = ["bid", "ask"].map((name) => chips.get(`${name}:${step}`)).find((each) => each?.box && x >= each.box.x && x <= each.box.x + each.box.width);
  return { step, side, chip: chip ?? null };
}
