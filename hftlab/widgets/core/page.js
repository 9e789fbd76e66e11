// A widget on a page: its panels, one for each view, and the watchdog that says how old what they show is.

import { Presence } from "./presence.js";

const LATE = 1; // seconds without data after which a view says so
const LOST = 3; // seconds without data after which a view is veiled
const LOOK = 250; // ms between two looks of the watchdog
const STILL = ["PAUSED", "ENDED"]; // states of a replay in which no data is due
const REASONS = {
  DISCONNECTED: "closed, or lost just now",
  RECONNECTING: "the server cannot be reached: the client tries again",
  ERROR: "the client has given up: connect again",
};

/** The part of a widget on one page that all its panels share. */
export class Page {
  constructor(model, el) {
    this.model = model;
    this.offline = Boolean(model.get("offline"));
    this.panels = [];
    this.pulsed = performance.now(); // when the kernel was last heard
    this.heard = () => { this.pulsed = performance.now(); };
    this.presence = this.offline ? null : new Presence(model, el);
    model.on("change:pulse", this.heard);
    this.timer = this.offline ? 0 : setInterval(() => this.look(), LOOK);
  }

  /** The panel of a view; `name` is empty where the widget has one view only. */
  panel(name = "") {
    const panel = new Panel(this, name);
    this.panels.push(panel);
    return panel;
  }

  look() {
    for (const panel of this.panels) panel.watch();
  }

  /**
   * How well a view is: `level` is "well", "late", "lost" or "offline"; `age` in seconds, null where a view has none;
   * `word` says what is wrong, and `reason` why.
   */
  health(panel) {
    if (this.offline) return { level: "offline", age: null, word: "", reason: "" };
    const status = this.model.get("status"), error = panel.get("error"), replay = this.model.get("replay");
    const age = this.model.get("pulse")?.ages?.[panel.name] ?? null;
    const now = performance.now();
    const silence = (now - this.pulsed) / 1000;
    // A kernel stops sending to a page that does not show the widget: silence counts from when it was shown again.
    const unheard = (now - Math.max(this.pulsed, this.presence.since)) / 1000;
    const total = Math.max(silence, age === null ? 0 : age + silence);
    const lost = (word, reason = "") => ({ level: "lost", age: total, word, reason });
    if (this.presence.gone) return lost("the kernel was restarted or shut down", "run the cell again");
    if (unheard > LOST) return lost(null, this.unanswered());
    if (error) return lost(error);
    if (status !== "CONNECTED") return lost(status || "UNKNOWN", REASONS[status]);
    if (panel.get("notice")) return { level: "lost", age: null, word: panel.get("notice"), reason: "" };
    if (age === null) return { level: "well", age: null, word: "", reason: "" };
    if (STILL.includes(replay)) return { level: "still", age: null, word: replay.toLowerCase(), reason: "" };
    // Shown again just now: the kernel is about to say how old its data is.
    if (this.pulsed < this.presence.since && unheard < LATE) return { level: "late", age: total, word: "", reason: "" };
    if (total >= LOST) return lost(null, "connected, but nothing changes");
    return { level: total >= LATE ? "late" : "well", age: total, word: "", reason: "" };
  }

  unanswered() {
    const later = this.model.get("hears_in_cells") === false;
    return later ? "a busy kernel hears this page after the cell" : "the kernel does not answer";
  }

  destroy() {
    clearInterval(this.timer);
    this.model.off("change:pulse", this.heard);
    this.presence?.end();
  }
}

const OWN = ["frame", "settings", "notice", "error", "kept"]; // what each view has of its own

/** One view's part of a widget's model. `watch` is called when its health may have changed. */
export class Panel {
  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.id = Math.random().toString(36).slice(2);
    this.watch = () => {};
    this.listeners = [];
  }

  key(name) {
    return this.name && OWN.includes(name) ? `${this.name}_${name}` : name;
  }

  get(name) {
    return this.page.model.get(this.key(name));
  }

  /** A setting of the view. */
  setting(name) {
    return (this.get("settings") ?? {})[name];
  }

  /** Ask the kernel to change settings, also those of linked views. */
  set(changes) {
    this.send({ set: changes });
  }

  /** Send something to the view in the kernel; answers arrive at `hear`. */
  send(content, buffers = []) {
    try {
      this.page.model.send({ panel: this.name, from: this.id, ...content }, undefined, buffers);
    } catch {
      // The kernel or the widget is gone, as the watchdog says.
    }
  }

  /** Stamp what is sent, so that the kernel can tell its age: a stamp for `send({ ..., stamp })`. */
  stamp() {
    const since = (performance.now() - this.page.pulsed) / 1000;
    return { pulse: this.page.model.get("pulse")?.count ?? 0, since, at: Date.now() };
  }

  /** Call back when a trait of the model changes: "frame", "settings", "status" ... */
  on(name, callback) {
    const event = `change:${this.key(name)}`;
    this.page.model.on(event, callback);
    this.listeners.push([event, callback]);
  }

  /** Call back with (content, buffers) of each message of the kernel to this view, or to all pages of it. */
  hear(callback) {
    const own = (content, buffers) => {
      const to = content?.to ?? this.id;
      if (content?.panel === this.name && to === this.id) callback(content, buffers);
    };
    this.page.model.on("msg:custom", own);
    this.listeners.push(["msg:custom", own]);
  }

  health() {
    return this.page.health(this);
  }

  destroy() {
    for (const [event, callback] of this.listeners) this.page.model.off(event, callback);
    this.listeners = [];
  }
}
