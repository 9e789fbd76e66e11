import { clockTime, values } from "../core/formats.js";
import { PanelView, add, mount, write } from "../core/panel_view.js";
import { Scrubber } from "./scrubber.js";

// The same values as in frame.py.
const VERSION = 1;
const HEADER = ["version", "state", "position", "start", "end", "speed", "loop", "busy"];
const STATES = ["LIVE", "WAITING", "PLAYING", "PAUSED", "ENDED"];

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, Infinity];
const STEPS = [["1 message", { count: 1 }], ["10 messages", { count: 10 }], ["10 ms", { seconds: 0.01 }],
  ["100 ms", { seconds: 0.1 }], ["1 s", { seconds: 1 }], ["10 s", { seconds: 10 }], ["1 min", { seconds: 60 }]];
const BACK = 0.1; // seconds that a step of messages goes back: a replay counts them forward only
const FAR = 10; // seconds of a step with shift
const UNHEARD = 1000; // ms after which the kernel is said not to hear
const CHART = 118;
const LIVE = "This source is live: there is nothing to pause or to rewind. Serve a recording to have a replay: "
  + "hl.serve(hl.open_session(\"...\").replay()).";

const icon = (paths) => `<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">${paths}</svg>`;
const ICONS = {
  home: icon('<path d="M3 3h2v10H3zM13 3v10L6 8z"/>'),
  back: icon('<path d="M8 3v10L1 8zM15 3v10L8 8z"/>'),
  play: icon('<path d="M4 2.5v11L13.5 8z"/>'),
  pause: icon('<path d="M3.5 3h3v10h-3zM9.5 3h3v10h-3z"/>'),
  step: icon('<path d="M3 3v10l7-5zM11 3h2v10h-2z"/>'),
  loop: icon('<path d="M4 6V4.8h6.2V2.5L14 5.8l-3.8 3.3V6.8H6V8H4zM12 10v1.2H5.8v2.3L2 10.2l3.8-3.3v2.3H10V8h2z"/>'),
};

const STYLE = `
.hftlab-view .controls { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; padding: 0 12px 4px; }
.hftlab-view .controls button { display: inline-flex; align-items: center; justify-content: center; min-width: 28px;
  min-height: 26px; padding: 2px 6px; }
.hftlab-view .controls svg { fill: currentColor; }
.hftlab-view .controls .main { min-width: 44px; }
.hftlab-view .controls label { display: inline-flex; gap: 4px; align-items: center; color: var(--hft-muted);
  margin-left: 4px; }
.hftlab-view .controls select { min-height: 26px; padding: 2px 3px; }
.hftlab-view .scrubber { height: ${CHART}px; min-height: 60px; flex: 1 1 ${CHART}px; touch-action: none; }
.hftlab-view .scrubber canvas { cursor: pointer; }
.hftlab-view .transport:not([hidden]) { display: flex; flex-direction: column; height: 100%; }
.hftlab-view .times { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 14px; padding: 0 12px 7px;
  font-family: var(--hft-mono); flex: none; }
.hftlab-view .times .muted { color: var(--hft-muted); }
.hftlab-view .times .warned { color: var(--hft-warn); font-family: var(--hft-sans); }
.hftlab-view .live { padding: 6px 12px 14px; color: var(--hft-muted); max-width: 62em; }
`;

/** Unpack a frame's state, times in ms since 1970; null before the first one. */
export function parse(frame) {
  const data = values(frame);
  if (data[0] !== VERSION) return null;
  const state = Object.fromEntries(HEADER.map((name, index) => [name, data[index]]));
  return { ...state, state: STATES[state.state] };
}

const speedText = (speed) => (speed === Infinity ? "max" : `${speed}×`);

/** UTC with milliseconds: `2024-03-01 14:30:05.123`. */
const clock = (ms) => new Date(ms).toISOString().slice(0, 23).replace("T", " ");

/** The time that is left: `1:05.3 left`. */
export function left(ms) {
  const seconds = Math.round(Math.max(0, ms) / 100) / 10; // before it is divided: 59.96 s are a minute
  const whole = Math.floor(seconds / 60), rest = (seconds - 60 * whole).toFixed(1).padStart(4, "0");
  return whole < 60 ? `${whole}:${rest} left` : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} h left`;
}

export class TransportView extends PanelView {
  static style = STYLE;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.number = 0; // of the newest command
    this.unheard = null; // the oldest command that the kernel has not heard, {number, since}
    this.aim = null; // where a drag or a seek goes, until the kernel is there
    this.wanted = null; // the speed that was asked for last
    this.hovered = null;
    this.step = STEPS.findIndex(([text]) => text === "1 s");
    this.refusals = panel.setting("refused")?.count ?? 0;
    this.lay();
    this.take();
  }

  lay() {
    const box = add(this.body, "div", "transport");
    this.controls = add(box, "div", "controls");
    const control = (name, title, press) => {
      const button = add(this.controls, "button");
      button.type = "button";
      button.innerHTML = ICONS[name];
      button.title = title;
      button.setAttribute("aria-label", title);
      // The focus stays with the view, so that its keys go on working after a click.
      button.addEventListener("mousedown", (event) => { event.preventDefault(); this.root.focus({ preventScroll: true }); });
      button.addEventListener("click", press);
      return button;
    };
    control("home", "to the start (Home)", () => this.home());
    control("back", "back 10 s (Shift + left arrow)", () => this.back(FAR));
    this.toggle = control("play", "play or pause (space)", () => this.playOrPause());
    this.toggle.classList.add("main");
    control("step", "step (right arrow)", () => this.forward());
    this.stepping = this.choice("step", "the length of a step", STEPS.map(([text]) => text), () => {
      this.step = this.stepping.selectedIndex;
    });
    this.stepping.selectedIndex = this.step;
    this.speeding = this.choice("speed", "the speed (up and down arrow)", SPEEDS.map(speedText), () => {
      this.speed(SPEEDS[this.speeding.selectedIndex] ?? this.speedNow);
    });
    this.looping = control("loop", "begin again at the end (L)", () => this.loop());
    this.scrubbing = add(box, "div", "scrubber");
    this.surface = null;
    const canvas = this.canvas(CHART, (...args) => this.draw(...args));
    this.scrubbing.append(canvas);
    this.body.style.height = "";
    canvas.setAttribute("role", "slider");
    canvas.setAttribute("aria-label", "position of the replay");
    canvas.tabIndex = 0;
    this.scrub(canvas);
    this.times = add(box, "div", "times");
    this.now = add(this.times, "span");
    this.waits = add(this.times, "span", "warned");
    this.rest = add(this.times, "span", "muted");
    this.live = add(this.body, "div", "live", LIVE);
    this.box = box;
  }

  choice(name, title, texts, choose) {
    const label = add(this.controls, "label", "", name);
    const select = add(label, "select");
    select.title = title;
    select.setAttribute("aria-label", title);
    for (const text of texts) add(select, "option", "", text);
    select.addEventListener("change", () => { choose(); this.root.focus({ preventScroll: true }); });
    return select;
  }

  // --- the kernel ---

  take() {
    this.state = parse(this.panel.get("frame"));
    if (this.state && !this.state.busy && !this.unheard && !this.dragging) this.aim = this.wanted = null;
    this.show();
  }

  settled() {
    const refused = this.panel.setting("refused");
    if (refused && refused.count > this.refusals) this.say(refused.text);
    this.refusals = refused?.count ?? 0;
    this.show();
  }

  themed() {
    super.themed();
    this.surface?.redraw();
  }

  ask(command) {
    this.number += 1;
    this.unheard ??= { number: this.number, since: performance.now() };
    this.panel.send({ ...command, number: this.number });
    this.show();
  }

  hear(content) {
    if (content.refused) this.say(content.refused);
    if (content.heard >= this.number || content.refused) this.unheard = null;
    else if (this.unheard && content.heard >= this.unheard.number) {
      this.unheard = { number: content.heard + 1, since: performance.now() };
    }
    if (this.later !== undefined && !this.unheard) this.seek(this.later);
    this.show();
  }

  watch() {
    super.watch();
    if (!this.waits) return;
    const waiting = this.unheard && performance.now() - this.unheard.since > UNHEARD;
    const after = this.panel.get("hears_in_cells") === false ? ": it hears this after the running cell" : "";
    write(this.waits, waiting ? `waiting for the kernel${after}` : "");
  }

  // --- commands ---

  get speedNow() {
    return this.wanted ?? this.state?.speed ?? 1;
  }

  playOrPause() {
    this.ask({ do: this.state?.state === "PLAYING" ? "pause" : "play" });
  }

  home() {
    this.aim = this.state?.start ?? null;
    this.ask({ do: "home" });
  }

  /** Go to a time; while the kernel has not heard the last one, only the newest waits. */
  seek(ms) {
    if (!this.state) return;
    this.aim = Math.min(this.state.end, Math.max(this.state.start, ms));
    if (this.unheard) {
      this.later = this.aim;
      this.show();
      return;
    }
    this.later = undefined;
    this.ask({ do: "seek", position: this.aim });
  }

  back(seconds) {
    this.seek((this.aim ?? this.state?.position ?? 0) - 1000 * seconds);
  }

  forward() {
    this.ask({ do: "step", ...STEPS[this.step][1] });
  }

  backward() {
    this.back(STEPS[this.step][1].seconds ?? BACK);
  }

  speed(value) {
    this.wanted = value;
    this.ask({ do: "speed", value: value === Infinity ? null : value });
  }

  faster(by) {
    const now = this.speedNow;
    const next = by > 0 ? SPEEDS.find((speed) => speed > now) : SPEEDS.findLast((speed) => speed < now);
    if (next !== undefined) this.speed(next);
  }

  loop() {
    this.ask({ do: "loop", on: !this.state?.loop });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.state || this.state.state === "LIVE") return false;
    const { key, shiftKey } = event;
    if (key === " " && event.target.closest("button")) return false; // which a person has tabbed to
    const far = () => this.seek((this.aim ?? this.state.position) + 1000 * FAR);
    const doing = {
      " ": () => this.playOrPause(),
      ArrowRight: () => (shiftKey ? far() : this.forward()),
      ArrowLeft: () => (shiftKey ? this.back(FAR) : this.backward()),
      ArrowUp: () => this.faster(1),
      ArrowDown: () => this.faster(-1),
      Home: () => this.home(),
      l: () => this.loop(),
    }[key];
    doing?.();
    return Boolean(doing);
  }

  scrub(canvas) {
    const time = (event) => this.scrubber.time(event.clientX - canvas.getBoundingClientRect().left);
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.panel.page.offline) return;
      canvas.setPointerCapture(event.pointerId);
      this.dragging = true;
      this.seek(time(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      this.hovered = time(event);
      if (this.dragging) this.seek(this.hovered);
      const { left: x, top: y } = this.body.getBoundingClientRect();
      this.hint(this.scrubber.rows(this.hovered, clockTime), event.clientX - x, event.clientY - y);
      this.surface.redraw();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { this.dragging = false; });
    canvas.addEventListener("pointerleave", () => {
      this.hovered = null;
      this.hint(null);
      this.surface.redraw();
    });
    canvas.addEventListener("focus", () => this.surface.redraw());
    canvas.addEventListener("blur", () => this.surface.redraw());
  }

  // --- what is seen ---

  get position() {
    return this.aim ?? this.state.position;
  }

  show() {
    if (!this.box) return;
    const state = this.state;
    const live = state?.state === "LIVE" && this.panel.get("status") === "CONNECTED";
    this.box.hidden = !state || state.state === "LIVE";
    this.live.hidden = !live;
    if (!state) return;
    const symbol = this.panel.setting("symbol") ?? "";
    const facts = live ? ["live, not a replay"] : [symbol, state.state.toLowerCase(), speedText(this.speedNow)];
    this.entitle("Replay", facts.filter(Boolean).join(" · "));
    if (this.box.hidden) return;
    const playing = state.state === "PLAYING";
    const name = playing ? "pause" : "play";
    if (this.toggle.dataset.icon !== name) {
      this.toggle.dataset.icon = name;
      this.toggle.innerHTML = ICONS[name];
      this.toggle.setAttribute("aria-label", `${name} (space)`);
    }
    for (const each of this.controls.querySelectorAll("button, select")) each.disabled = this.panel.page.offline;
    this.looping.setAttribute("aria-pressed", String(Boolean(state.loop)));
    this.chooseSpeed(this.speedNow);
    write(this.now, `${clock(this.position)} UTC`);
    const waits = state.state === "WAITING" ? "waits for the first subscription" : left(state.end - this.position);
    write(this.rest, waits);
    this.surface.canvas.setAttribute("aria-valuemin", "0");
    this.surface.canvas.setAttribute("aria-valuemax", String(Math.round(state.end - state.start)));
    this.surface.canvas.setAttribute("aria-valuenow", String(Math.round(this.position - state.start)));
    this.surface.canvas.setAttribute("aria-valuetext", `${clock(this.position)} UTC`);
    this.surface.redraw();
  }

  /** Show the speed in the list, also one that the list does not have: it may come from a program. */
  chooseSpeed(speed) {
    const place = SPEEDS.indexOf(speed);
    this.other ??= add(this.speeding, "option");
    this.other.hidden = this.other.disabled = place >= 0;
    if (place < 0) write(this.other, speedText(speed));
    this.speeding.selectedIndex = place < 0 ? SPEEDS.length : place;
  }

  draw(context, width, height, colours) {
    if (!this.state) return false;
    this.scrubber = new Scrubber(this.state, this.panel.setting("line"), width);
    const focused = document.activeElement === this.surface.canvas;
    this.scrubber.draw(context, height, colours, { position: this.position, hover: this.hovered, focused });
    return false;
  }
}

export default mount(TransportView);
