// Orders from a ladder's page: armed by hand, for a short time, and only while the view is well.

import { add, write } from "../core/panel_view.js";

const ARMED = 30_000; // ms without use after which it disarms
const UNHEARD = 1_000; // ms without the kernel's answer after which an order is said to wait
const FORGOTTEN = 10_000; // ms after which a request that led to nothing is no longer shown

export const STYLE = `
.hftlab-view > .entry { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; padding: 0 12px 5px; }
.hftlab-view > .entry label { color: var(--hft-muted); display: flex; align-items: center; gap: 5px; }
.hftlab-view > .entry input { width: 76px; font: 12px var(--hft-mono); color: var(--hft-ink); background: none;
  border: 1px solid var(--hft-line); border-radius: 4px; padding: 2px 5px; min-height: 22px; text-align: right; }
.hftlab-view > .entry .arm { min-width: 84px; }
.hftlab-view > .entry .arm[aria-pressed="true"] { background: var(--hft-warn); border-color: var(--hft-warn); }
.hftlab-view > .entry .how { color: var(--hft-muted); white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  flex: 1 1 60px; min-width: 0; }
.hftlab-view.armed::after { content: ""; position: absolute; inset: 0; border: 2px solid var(--hft-warn);
  pointer-events: none; z-index: 1; }
.hftlab-view.armed canvas { cursor: crosshair; }
`;

/** The strip with the arming button and the size, and what was sent and is not heard of yet. */
export class OrderStrip {
  constructor(view) {
    this.view = view;
    this.pending = new Map(); // token -> { sign, ticks, size, sent, key }
    this.cancelling = new Map(); // key -> when
    this.tokens = 0;
    this.used = -Infinity;
    this.isArmed = false;
    this.build();
  }

  build() {
    const strip = add(this.view.root, "div", "entry");
    this.view.root.insertBefore(strip, this.view.body);
    this.button = add(strip, "button", "arm");
    this.button.type = "button";
    this.button.addEventListener("click", () => (this.isArmed ? this.disarm() : this.arm()));
    const label = add(strip, "label", "", "size");
    this.input = add(label, "input");
    Object.assign(this.input, { type: "number", min: "0", step: "any" });
    this.input.addEventListener("change", () => this.resize());
    this.how = add(strip, "span", "how");
    this.settle();
    this.show();
  }

  /** The size of the next order: what a person has entered counts at once, also before the kernel has heard of it. */
  get size() {
    return this.entered ?? this.view.panel.setting("size");
  }

  /** Show the size that the kernel has. */
  settle() {
    if (this.entered === this.view.panel.setting("size")) this.entered = undefined;
    if (document.activeElement !== this.input) this.input.value = this.size;
  }

  resize() {
    const size = Number(this.input.value);
    if (!(size > 0 && Number.isFinite(size))) {
      this.input.value = this.size;
      return;
    }
    this.entered = size;
    this.view.panel.set({ size });
    this.view.surface.redraw();
  }

  /** Why an order would now be one by an old market; empty where it would not, as while a replay is paused. */
  get doubt() {
    const { level, word } = this.view.panel.health();
    if (level === "well" || (level === "still" && word === "paused")) return "";
    return level === "still" ? `the replay has ${word}` : "the data is late";
  }

  arm() {
    if (this.doubt) {
      this.view.say(`trading can be armed only while the ladder is live and up to date: ${this.doubt}`);
      return;
    }
    this.isArmed = true;
    this.used = performance.now();
    this.show();
  }

  disarm(why = "") {
    if (!this.isArmed) return;
    this.isArmed = false;
    if (why) this.view.say(`disarmed: ${why}`);
    this.show();
  }

  /** Called several times a second: disarm when nobody has used it, or the view is not well. */
  check() {
    const now = performance.now();
    if (this.isArmed && this.doubt) this.disarm(this.doubt);
    if (this.isArmed && now - this.used >= ARMED) this.disarm("not used for 30 s");
    for (const order of this.pending.values()) {
      if (!order.key && !order.isSaid && now - order.sent > UNHEARD) {
        order.isSaid = true;
        this.view.say("the order waits: the kernel is busy, and refuses it if it hears of it after more than 2 s");
      }
    }
    for (const [key, since] of this.cancelling) if (now - since > FORGOTTEN) this.cancelling.delete(key);
    this.show();
  }

  show() {
    const left = Math.ceil((ARMED - (performance.now() - this.used)) / 1000);
    write(this.button, this.isArmed ? `Armed ${left} s` : "Arm trading");
    const pressed = String(this.isArmed);
    const waits = this.view.panel.get("hears_in_cells") === false;
    const paper = Boolean(this.view.panel.get("paper"));
    const same = this.waits === waits && this.paper === paper;
    if (this.button.getAttribute("aria-pressed") === pressed && same) return;
    Object.assign(this, { waits, paper });
    this.button.setAttribute("aria-pressed", pressed);
    this.button.title = this.isArmed ? "Disarm (Escape)" : "Let clicks and keys place and cancel orders";
    this.view.root.classList.toggle("armed", this.isArmed);
    // Where the kernel hears its pages after the running cell only, an order made meanwhile comes too late.
    const later = waits ? " · not while a cell runs" : "";
    const how = "click a bid cell to buy, an ask cell to sell, a chip to cancel · B S Delete Esc";
    this.how.title = paper ? "a replay takes the orders: their fills are modelled" : "";
    write(this.how, (paper ? "paper fills · " : "") + (this.isArmed ? how : "clicks and keys do not trade") + later);
    this.view.surface?.redraw();
  }

  /** Ask for an order at a price of `ticks`; nothing happens unless it is armed. */
  place(sign, ticks) {
    if (!this.isArmed) {
      this.view.say("arm trading first");
      return;
    }
    this.used = performance.now();
    const { panel } = this.view;
    const token = `${panel.id}:${(this.tokens += 1)}`;
    const size = this.size;
    this.pending.set(token, { sign, ticks, size, sent: performance.now(), key: 0, isSaid: false });
    const order = { symbol: this.view.symbol, side: sign > 0 ? "BUY" : "SELL", price: this.view.priceOf(ticks), size };
    panel.send({ place: order, token, stamp: panel.stamp() });
    this.view.surface.redraw();
  }

  /** Ask for the end of orders. */
  cancel(orders) {
    if (!this.isArmed) {
      this.view.say("arm trading first");
      return;
    }
    this.used = performance.now();
    for (const { key } of orders.filter((order) => order.key)) {
      this.cancelling.set(key, performance.now());
      this.view.panel.send({ cancel: key, stamp: this.view.panel.stamp() });
    }
    this.view.surface.redraw();
  }

  /** Take in the kernel's answer. */
  hear({ placed, refused, token, cancelling }) {
    if (placed && this.pending.has(token)) this.pending.get(token).key = placed;
    if (refused === undefined) return;
    if (token) this.pending.delete(token);
    if (cancelling) this.cancelling.delete(cancelling);
    this.view.say(refused);
    this.view.surface.redraw();
  }

  /** Forget what the frame's orders show by now. */
  take(orders) {
    const known = new Set(orders.map(({ key }) => key));
    const now = performance.now();
    for (const [token, order] of this.pending) {
      // An order that was filled at once is in no frame.
      if (known.has(order.key) || (order.key && now - order.sent > UNHEARD)) this.pending.delete(token);
    }
    for (const key of this.cancelling.keys()) if (!known.has(key)) this.cancelling.delete(key);
  }

  /** Go over to ticks of which `factor` make an old one. */
  refine(factor) {
    for (const order of this.pending.values()) order.ticks = Math.round(order.ticks * factor);
  }

  /** True if an order is about to be cancelled. */
  isLeaving({ key, status }) {
    return status === "PENDING_CANCEL" || this.cancelling.has(key);
  }

  forget() {
    this.pending.clear();
    this.disarm();
  }
}
