import { amount } from "../core/formats.js";
import { PanelView, add, mount, write } from "../core/panel_view.js";
import { Pen } from "../core/pen.js";
import { Axis } from "./axis.js";
import { Book, Measure, Traded, stepDown, stepUp } from "./book.js";
import { Changes } from "./changes.js";
import { chipsOf } from "./chips.js";
import { columns } from "./columns.js";
import { parse as parseFrame, parseTraded } from "./frame.js";
import { Headline, STYLE as HEADLINE } from "./headline.js";
import { levelRows } from "./hint.js";
import { captions, footer } from "./margins.js";
import { Pointer, targetAt } from "./pointer.js";
import { FRESH, ROW, RowPainter } from "./rows.js";
import { OrderStrip, STYLE as ENTRY } from "./trading.js";

export const parse = parseFrame;

const CAPTIONS = 17, FOOTER = 20;
const SPEAKS = 2_000; // ms between two texts for screen readers
const MOST_GROUPED = 1_000_000;

const STYLE = `
.hftlab-view .step { color: var(--hft-muted); white-space: nowrap; min-width: 3.4em; text-align: center; }
.hftlab-view .centre { width: 26px; display: grid; place-items: center; }
.hftlab-view .centre::before { content: ""; width: 11px; height: 11px; border-radius: 50%; border: 1.5px solid;
  background: radial-gradient(currentColor 2px, transparent 2.5px); }
.hftlab-view canvas { touch-action: pan-x; }
`;

export class LadderView extends PanelView {
  static style = STYLE + HEADLINE + ENTRY;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.axis = new Axis();
    this.changes = { bid: new Changes(), ask: new Changes() };
    this.spoken = -Infinity;
    this.group = panel.setting("group");
    this.headline = new Headline(this.facts);
    this.equip();
    this.board = this.canvas(0, (...args) => this.draw(...args));
    this.pointer = new Pointer(this, this.board);
    if (panel.setting("trading") && !panel.page.offline) this.entry = new OrderStrip(this);
    this.settled();
    this.take();
    const kept = parseTraded(panel.get("kept"));
    if (kept) this.traded.take(kept, kept.rows);
  }

  /** The buttons of the header. */
  equip() {
    const named = (text, title, press) => {
      const button = this.button(text, title, press);
      button.setAttribute("aria-label", title);
      return button;
    };
    named("−", "fewer ticks a row (−)", () => this.regroup(-1));
    this.grouped = add(this.tools, "span", "step");
    named("+", "more ticks a row (+)", () => this.regroup(1));
    const centre = named("", "back to the market (space)", () => this.recentre());
    centre.className = "centre";
  }

  themed() {
    super.themed();
    this.surface?.redraw();
  }

  watch() {
    super.watch();
    this.entry?.check();
  }

  /** Start over: another book is about to be shown. */
  forget() {
    this.symbol = this.panel.setting("symbol");
    for (const changes of Object.values(this.changes)) changes.forget();
    this.traded = new Traded();
    this.measures = { book: new Measure(0.85, 2), traded: new Measure(0.9, 1.5) };
    this.chips = new Map();
    this.axis.forget();
    this.trade = this.cursor = this.state = this.book = null;
    this.entry?.forget();
  }

  settled() {
    if (!this.surface) return;
    if (this.panel.setting("symbol") !== this.symbol) this.forget();
    const group = this.panel.setting("group");
    // While the kernel has not heard of another group, its settings still have the old one.
    if (this.asked === group) this.asked = undefined;
    if (this.asked === undefined && group !== this.group) this.show(group);
    write(this.grouped, this.group === 1 ? "1 tick" : `${amount(this.group, 0)} ticks`);
    this.entry?.settle();
    this.resize(CAPTIONS + (2 * this.panel.setting("depth") + 1) * ROW + FOOTER);
    this.surface.redraw();
  }

  take() {
    if (!this.surface) return;
    if (this.panel.setting("symbol") !== this.symbol) this.forget();
    const now = performance.now(), before = this.state;
    this.state = parse(this.panel.get("frame"));
    if (this.state) {
      const { state } = this;
      if (before && before.tick !== state.tick) this.refine(before.tick / state.tick);
      this.book = new Book(state, this.group);
      const anew = this.traded.take(state, state.traded);
      if (anew && state.tradedSteps > state.tradedCount && !this.panel.page.offline) this.panel.send({ traded: true });
      for (const name of ["bid", "ask"]) this.changes[name].note(this.book.side(name).rows, now);
      this.measure();
      this.tradeOf(before, now);
      this.entry?.take(state.orders);
      this.axis.follow(this.book.middle / this.group, this.isAiming);
    }
    this.entitle(this.symbol, null);
    this.headline.show(this.state, this.book, this.root.clientWidth);
    if (now - this.spoken > SPEAKS) {
      this.spoken = now;
      this.board.setAttribute("aria-label", this.words());
    }
    this.hovered();
    this.surface.redraw();
  }

  entitle(title) {
    write(this.titled, title);
  }

  /** Go over to ticks of another size, of which `factor` make an old one: all prices stay where they are. */
  refine(factor) {
    this.axis.rescale(1 / factor);
    if (this.cursor !== null) this.cursor = Math.round(this.cursor * factor);
    this.entry?.refine(factor);
    for (const changes of Object.values(this.changes)) changes.forget();
    this.traded = new Traded(); // whose steps were those of before: the kernel is asked for all of it
  }

  measure() {
    const sizes = (side) => [...side.rows.values()].map(({ size }) => size);
    this.measures.book.learn([...sizes(this.book.bid), ...sizes(this.book.ask)]);
    this.measures.traded.learn([...this.tradedRows().values()].flat().filter((size) => size > 0));
  }

  /** Note the last trade, and when it came. */
  tradeOf(before, now) {
    const { tradePrice, tradeSize, tradeSide, tradeNumber, tick } = this.state;
    if (!Number.isFinite(tradePrice)) {
      this.trade = null;
      return;
    }
    const ticks = Math.round(tradePrice / tick);
    const step = tradeSide < 0 ? stepDown(ticks, this.group) : stepUp(ticks, this.group);
    const isNew = before && (tradeNumber !== before.tradeNumber || tradePrice !== before.tradePrice);
    const at = isNew ? now : this.trade?.at ?? -Infinity;
    this.trade = { step, size: tradeSize, sign: tradeSide, at };
  }

  /** The traded volume in the rows that are shown; empty while the kernel has it in other steps. */
  tradedRows() {
    return this.traded.group === this.group ? this.traded.rows : new Map();
  }

  hear(content, buffers) {
    if (content.traded) {
      const whole = parseTraded(buffers?.[0]);
      if (whole && whole.epoch === this.traded.epoch && whole.group === this.traded.group) this.traded.take(whole, whole.rows);
      this.surface.redraw();
    }
    if (this.entry) this.entry.hear(content);
    else if (content.refused) this.say(content.refused);
    if (content.refused) this.asked = undefined;
  }

  words() {
    const best = (side) => (side && Number.isFinite(side.best) ? this.priceText(side.best) : "none");
    return `Order book of ${this.symbol}: bid ${best(this.book?.bid)}, ask ${best(this.book?.ask)}`;
  }

  /** A price of `ticks` as a number, without the noise of binary fractions. */
  priceOf(ticks) {
    return Number((ticks * this.state.tick).toFixed(this.state.priceDecimals));
  }

  priceText(step) {
    return amount(this.priceOf(step * this.group), this.state.priceDecimals);
  }

  /** The size of an order, with the decimals that it has. */
  sizeText(size) {
    return amount(size, Math.min(8, (String(size).split(".")[1] ?? "").length));
  }

  // --- the axis ---

  /** True while a click is about to trade on a row: the axis does not move away below it. */
  get isAiming() {
    return Boolean(this.entry?.isArmed && this.pointer.at);
  }

  recentre() {
    this.axis.recentre();
    this.surface.redraw();
  }

  scroll(rows) {
    this.axis.scroll(rows);
    this.hovered();
    this.surface.redraw();
  }

  drag(pixels) {
    this.axis.scroll(pixels / ROW, true);
    this.surface.redraw();
  }

  dropped() {
    this.axis.settle();
    this.surface.redraw();
  }

  /** Show rows of more ticks (1) or of fewer (-1): 1, 2, 5, 10 ... */
  regroup(direction) {
    const power = 10 ** Math.floor(Math.log10(this.group) + 1e-9), digit = Math.round(this.group / power);
    const more = { 1: 2, 2: 5, 5: 10 }, fewer = { 1: 0.5, 2: 1, 5: 2 };
    const next = ((direction > 0 ? more : fewer)[digit] ?? (direction > 0 ? 10 : 1)) * power;
    if (next < 1 || next > MOST_GROUPED) return;
    this.asked = next;
    this.show(next);
    this.panel.set({ group: next });
  }

  show(group) {
    this.axis.rescale(group / this.group);
    this.group = group;
    this.cursor = null;
    write(this.grouped, group === 1 ? "1 tick" : `${amount(group, 0)} ticks`);
    for (const changes of Object.values(this.changes)) changes.forget();
    if (!this.state) return;
    this.book = new Book(this.state, group);
    this.measure();
    this.tradeOf(this.state, performance.now());
    this.axis.follow(this.book.middle / group);
    this.surface.redraw();
  }

  // --- pointer and keys ---

  target(place) {
    const { axis, found, chips } = this;
    const bottom = CAPTIONS + axis.count * ROW;
    return targetAt(place, { axis, columns: found, chips, row: ROW, top: CAPTIONS, bottom });
  }

  hovered() {
    this.explain();
    this.surface?.redraw();
  }

  /** Say what is below the pointer; an armed ladder keeps the cells that a click trades at free to see. */
  explain() {
    const place = this.pointer?.at;
    this.hover = place && !this.pointer.pressed?.dragged ? this.target(place) : null;
    const isFree = this.entry?.isArmed && (this.hover?.side || this.hover?.chip);
    this.hint(this.hover && this.state && !isFree ? levelRows(this, this.hover.step) : null, place?.x, place?.y);
  }

  clicked({ step, side, chip }) {
    if (!this.entry?.isArmed || (!chip && !side)) {
      this.point(step);
      return;
    }
    if (chip) this.entry.cancel(chip.orders);
    else this.entry.place(side === "bid" ? 1 : -1, step * this.group);
  }

  /** Put the keyboard's cursor on a row. */
  point(step) {
    this.cursor = step;
    const margin = 2, { axis } = this;
    if (step > axis.target - margin) this.scroll(step - axis.target + margin);
    else if (step < axis.target - axis.count + 1 + margin) this.scroll(step - axis.target + axis.count - 1 - margin);
    this.speak(levelRows(this, step));
    this.surface.redraw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.state) return false;
    if (event.target.closest("button") && [" ", "Enter"].includes(event.key)) return false;
    const page = Math.max(1, this.axis.count - 3);
    const from = this.cursor ?? Math.round(this.book.middle / this.group);
    const actions = {
      " ": () => this.recentre(),
      Home: () => this.recentre(),
      "+": () => this.regroup(1),
      "=": () => this.regroup(1),
      "-": () => this.regroup(-1),
      ArrowUp: () => this.point(from + 1),
      ArrowDown: () => this.point(from - 1),
      PageUp: () => this.scroll(page),
      PageDown: () => this.scroll(-page),
      Escape: () => this.leave(),
    };
    const orders = { b: () => this.order(1), s: () => this.order(-1), Delete: () => this.withdraw(), Backspace: () => this.withdraw() };
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (name === "Escape" && !this.entry?.isArmed && this.cursor === null) return false; // which is the dashboard's then
    const action = actions[name] ?? (this.entry ? orders[name] : undefined);
    if (!action) return false;
    if (!(event.repeat && name in orders)) action(); // a key that is held down trades once
    return true;
  }

  leave() {
    this.entry?.disarm();
    this.cursor = null;
    this.surface.redraw();
  }

  /** True if there is a cursor that a person sees, else this is said: keys do not trade at another price. */
  get isPointed() {
    if (this.cursor === null) this.say("choose a price first: arrow keys, or a click on a price");
    else if (!this.axis.has(this.cursor)) this.say("the chosen price is out of sight: choose one again");
    else return true;
    return false;
  }

  order(sign) {
    if (this.isPointed) this.entry.place(sign, this.cursor * this.group);
  }

  withdraw() {
    if (!this.isPointed) return;
    const chips = ["bid", "ask"].map((name) => this.chips.get(`${name}:${this.cursor}`)).filter(Boolean);
    this.entry.cancel(chips.flatMap(({ orders }) => orders));
  }

  // --- painting ---

  draw(context, width, height, colours, now) {
    const pen = new Pen(context, colours);
    const bottom = Math.max(CAPTIONS + ROW, height - FOOTER);
    this.axis.fit(Math.floor((bottom - CAPTIONS) / ROW));
    this.chips = chipsOf(this.state?.orders ?? [], this.entry, this.group);
    this.found = this.arrange(pen, width);
    captions(pen, this.found, this.state && !this.state.everyTrade);
    let isMoving = false;
    if (this.book) {
      this.axis.follow(this.book.middle / this.group, this.isAiming);
      isMoving = this.axis.advance(now);
      if (isMoving) this.explain(); // another row comes below the pointer
      if (Number.isFinite(this.axis.top)) new RowPainter(pen, this.scene(now)).paint(CAPTIONS, CAPTIONS + this.axis.count * ROW, width);
    }
    footer(pen, width, height, this);
    const isFresh = this.trade && now - this.trade.at < FRESH;
    return isMoving || isFresh || Object.values(this.changes).some((changes) => changes.isFlashing(now));
  }

  arrange(pen, width) {
    if (!this.state) return columns(width, { price: 60, size: 40, trade: 54, own: false });
    const { state } = this;
    pen.font(12.5, "mono", 700);
    const far = Math.abs(this.axis.target) > Math.abs(this.book.middle / this.group) ? this.axis.target : this.book.middle / this.group;
    this.priceWidth = pen.width(this.priceText(Math.ceil(Number.isFinite(far) ? far : 0)));
    pen.font(12, "mono", 700);
    const size = pen.width(amount(this.measures.book.full, state.sizeDecimals));
    const own = Boolean(this.entry) || this.chips.size > 0;
    return columns(width, { price: this.priceWidth + 12, size, trade: 58, own });
  }

  scene(now) {
    const { axis, book, chips, found, changes, measures, hover, cursor, trade, priceWidth } = this;
    const size = this.entry?.size ?? 0;
    const traded = this.tradedRows();
    return {
      axis, book, chips, changes, measures, hover, cursor, trade, priceWidth, now, traded, size, columns: found,
      sizeDecimals: this.state.sizeDecimals, armed: Boolean(this.entry?.isArmed),
      priceText: (step) => this.priceText(step), sizeText: (value) => this.sizeText(value),
    };
  }

  destroy() {
    this.pointer.destroy();
    super.destroy();
  }
}

export default mount(LadderView);
