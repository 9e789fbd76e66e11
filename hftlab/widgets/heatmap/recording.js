// The finer part of a recording that the kernel is asked for where one looks.

import { unpack } from "./columns.js";
import { Layer } from "./layer.js";

const SETTLES = 120; // ms after a move, until the page asks
const COLUMN = 1.5; // px of a column that is asked for
const AROUND = 0.5; // of what is seen, on each side of it

/** The finer columns of the part of a recording that is looked at; `detail` is their layer, null before the first. */
export class Recording {
  constructor(map) {
    this.map = map;
    this.forget();
  }

  forget() {
    clearTimeout(this.settling);
    this.detail = null;
    this.waits = false;
  }

  /** The view has moved: ask for finer columns once it rests. */
  moved() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.ask(), SETTLES);
  }

  ask() {
    const { map } = this, { view, base } = map;
    if (map.panel.page.offline || !view.ready || base.columns.empty) return;
    if (this.suffices(base, view.group(1)) || (this.detail && this.suffices(this.detail, view.group(1)))) return;
    const wide = view.right - view.from, tall = view.high - view.low, { origin } = base.columns.terms;
    this.waits = true;
    map.panel.send({
      tile: {
        from: view.from - AROUND * wide,
        to: view.right + AROUND * wide,
        columns: Math.ceil((view.box.width * (1 + 2 * AROUND)) / COLUMN),
        low: origin + view.low - AROUND * tall,
        high: origin + view.high + AROUND * tall,
        rows: Math.ceil((tall * (1 + 2 * AROUND)) / view.group(1)),
      },
    });
  }

  /** True if a layer has what is seen, as finely as the screen shows it. */
  suffices(layer, group) {
    const { view, base } = this.map, { columns } = layer;
    const { terms } = columns;
    const from = Math.max(view.from, base.columns.start), to = Math.min(view.right, base.columns.end);
    const inside = !(view.low < terms.low || view.high > terms.high) || layer === base;
    const fine = terms.group <= group && columns.runs[0].step * view.perMs < 2.5 * COLUMN + 0.5;
    return layer.covers(from, to) && inside && fine;
  }

  hear({ tile, ready }, buffers) {
    if (ready && this.waits) this.ask();
    if (tile === undefined) return;
    this.waits = !tile;
    const block = tile ? unpack(buffers[0]) : null;
    if (!block || block.epoch !== this.map.base.columns.epoch) return;
    this.detail = new Layer(this.map.scale);
    this.detail.columns.take(block);
    this.map.aim();
    this.map.surface.redraw();
  }

  /** The layer that shows best what is seen: the detail where it has all of it. */
  best(view, base) {
    const from = Math.max(view.from, base.columns.start), to = Math.min(view.right, base.columns.end);
    return this.detail?.covers(from, to) ? this.detail : base;
  }
}
