// Pointer, wheel and keys of the heat map.

const CLICK = 4; // px that a click may move
const STEEP = 14; // px that a drag goes up or down before it moves prices
const TWICE = 240; // ms between the clicks of a double one
const GESTURE = 300; // ms between two turns of the wheel that belong together
const WHEEL = 0.0016; // of a zoom for each px that the wheel turns
const KEY = 60; // px that an arrow key pans

const HELP = [
  ["wheel", "zoom time"], ["Shift + wheel", "zoom price"], ["drag", "pan"], ["click", "set the time"],
  ["double click, Space", "newest"], ["← → ↑ ↓", "pan"], ["+ −", "zoom time"], ["PageUp PageDown", "zoom price"],
  ["Home", "oldest"], ["Shift + arrows", "crosshair"], ["Enter", "set the time there"], ["Esc", "no crosshair"], ["[ ]", "contrast"],
];

export class Controls {
  constructor(map) {
    this.map = map;
    this.ending = new AbortController();
    this.turned = -Infinity; // the last turn of the wheel that scrolled the page
    this.pending = 0;
    this.at = null; // the crosshair, in px
    this.told = null; // what the tooltip says
    this.newest = map.button("newest", "follow the newest moment (Space)", () => this.reset());
    this.help = map.button("?", "keys and gestures", () => this.explain());
    this.help.setAttribute("aria-label", "keys and gestures");
  }

  show() {
    const word = this.map.recorded ? "all" : "newest";
    if (this.newest.textContent !== word) {
      this.newest.textContent = word;
      this.newest.title = `${this.map.recorded ? "show the whole recording" : "follow the newest moment"} (Space)`;
    }
    const pressed = String(this.map.recorded ? this.map.view.whole : this.map.view.follows);
    if (this.newest.getAttribute("aria-pressed") !== pressed) this.newest.setAttribute("aria-pressed", pressed);
  }

  explain() {
    this.told = null;
    this.map.hint(HELP, this.map.root.clientWidth, 0);
  }

  listen(canvas) {
    const { signal } = this.ending;
    const on = (name, callback, options = {}) => canvas.addEventListener(name, callback, { signal, ...options });
    on("pointerdown", (event) => this.press(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.release(event));
    on("pointercancel", () => { this.held = null; });
    on("pointerleave", () => this.point(null));
    on("dblclick", () => this.reset());
    on("wheel", (event) => this.wheel(event), { passive: false });
    // A page that is being scrolled goes on scrolling when the map comes under the pointer.
    window.addEventListener("wheel", (event) => { if (event.target !== canvas) this.turned = event.timeStamp; }, { signal, passive: true });
  }

  press(event) {
    if (event.button !== 0) return;
    event.target.setPointerCapture?.(event.pointerId);
    this.held = { x: event.offsetX, y: event.offsetY, far: 0, start: event.offsetY };
  }

  move(event) {
    const { map, held } = this;
    if (!held) {
      this.point(event.offsetX, event.offsetY);
      return;
    }
    const dx = event.offsetX - held.x, dy = event.offsetY - held.y;
    held.far = Math.max(held.far, Math.abs(dx), Math.abs(dy));
    if (held.far <= CLICK || !map.view.ready) return;
    // A drag along the time leaves prices to follow the book, however unsteady the hand.
    const steep = !map.view.fits || Math.abs(event.offsetY - held.start) > STEEP;
    this.pan(dx, steep ? dy : 0);
    [held.x, held.y] = [event.offsetX, event.offsetY];
    this.point(null);
  }

  release(event) {
    const { map, held } = this;
    this.held = null;
    if (!held || held.far > CLICK || !map.view.ready || !map.view.holds(event.offsetX, event.offsetY)) return;
    const time = map.view.time(event.offsetX);
    clearTimeout(this.pending);
    this.pending = setTimeout(() => this.mark(time), TWICE);
  }

  mark(time) {
    this.map.view.follows = false;
    this.map.panel.set({ time: Math.round(time) });
    this.map.entitled();
  }

  reset() {
    clearTimeout(this.pending);
    if ((this.map.panel.setting("time") ?? null) !== null) this.map.panel.set({ time: null });
    this.map.home();
  }

  wheel(event) {
    const { map } = this;
    if (event.timeStamp - this.turned < GESTURE && !map.root.contains(document.activeElement)) {
      this.turned = event.timeStamp;
      return;
    }
    if (!map.view.ready || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    const turn = unit * (Math.abs(event.deltaY) > Math.abs(event.deltaX) || event.shiftKey ? event.deltaY || event.deltaX : 0);
    if (!turn) {
      this.pan(-unit * event.deltaX, 0);
      return;
    }
    const factor = Math.exp(-turn * WHEEL), onAxis = event.offsetX > map.view.box.left + map.view.box.width;
    if (event.shiftKey || onAxis) map.view.zoomPrice(factor, event.offsetY);
    else this.zoom(factor, event.offsetX);
    this.moved();
    this.point(event.offsetX, event.offsetY);
  }

  zoom(factor, x) {
    this.map.view.zoomTime(factor, x);
    this.moved();
  }

  pan(dx, dy) {
    this.map.view.panBy(dx, dy);
    this.moved();
  }

  moved() {
    const { map } = this;
    if (!map.view.follows) map.view.hold(map.base.columns.start, map.base.columns.end);
    map.moved();
    map.entitled();
    map.surface.redraw();
  }

  /** Put the crosshair to a point of the canvas; null takes it away. */
  point(x, y) {
    this.at = x === null ? null : { x, y };
    this.tell();
    this.map.surface.redraw();
  }

  /** Say what is below the crosshair, which stays where it is on the screen while the map moves. */
  tell() {
    const { map, at } = this;
    const inside = at && map.view.ready && map.view.holds(at.x, at.y);
    map.cursor = inside ? { time: map.view.time(at.x), tick: map.view.tick(at.y) } : null;
    const beside = at && map.view.ready && !inside && map.view.holds(at.x - map.profile, at.y);
    const rows = inside ? map.cell(map.cursor.time, map.cursor.tick) : beside ? map.traded(map.view.tick(at.y)) : null;
    const told = rows && `${at.x} ${at.y} ${rows.flat().join(" ")}`;
    if (told === this.told) return;
    this.told = told;
    map.hint(rows, at?.x, at?.y);
  }

  /** Move the crosshair by columns and rows. */
  step(dx, dy) {
    const { map } = this, { view } = map;
    if (!view.ready) return;
    const { left, top, width, height } = view.box;
    const row = map.heat.group;
    const { time, tick } = map.cursor ?? { time: view.time(left + 0.75 * width), tick: view.middle };
    const wide = Math.max(map.columns.step(map.columns.runs.at(-1).stop - 1), 4 / view.perMs);
    const x = Math.max(left, Math.min(left + width - 1, view.x(time + dx * wide)));
    const y = Math.max(top, Math.min(top + height - 1, view.y(Math.round(tick) + dy * row)));
    this.point(x, y);
    map.speak(map.cursor && map.cell(map.cursor.time, map.cursor.tick));
  }

  key(event) {
    const { map } = this, { view } = map;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.ctrlKey || event.metaKey || event.altKey || !view.ready) return false;
    const { left, top, width, height } = view.box;
    const centre = [left + width / 2, top + height / 2];
    const arrow = arrows[event.key];
    if (arrow && event.shiftKey) this.step(...arrow);
    else if (arrow) this.pan(-KEY * arrow[0], KEY * arrow[1]);
    else if (event.key === " " || event.key === "End") this.reset();
    else if (event.key === "Home") {
      view.goTo(map.base.columns.start + width / view.perMs);
      this.moved();
    } else if (event.key === "+" || event.key === "=") this.zoom(1.25, centre[0]);
    else if (event.key === "-" || event.key === "_") this.zoom(0.8, centre[0]);
    else if (event.key === "PageUp" || event.key === "PageDown") {
      view.zoomPrice(event.key === "PageUp" ? 1.25 : 0.8, centre[1]);
      this.moved();
    } else if (event.key === "[" || event.key === "]") {
      map.contrast(event.key === "]" ? 0.5 : 2);
    } else if (event.key === "Enter" && map.cursor) this.mark(map.cursor.time);
    else if (event.key === "Escape" && this.at) this.point(null);
    else if (event.key === "?") this.explain();
    else return false;
    return true;
  }

  destroy() {
    clearTimeout(this.pending);
    this.ending.abort();
  }
}
