import { amount } from "../core/formats.js";
import { PanelView, add, mount, write } from "../core/panel_view.js";
import { TABLE_STYLE, Table } from "../core/table.js";
import { COLUMNS, FIELDS, PORTFOLIO, facts, money, signed } from "./columns.js";

const VERSION = 1; // as in frame.py
const TABS = ["orders", "fills", "positions"];
const NOTHING = { orders: "no orders yet", fills: "no fills yet", positions: "no positions" };
const LINE_HEIGHT = 23, HEIGHT = 300;
const UNHEARD = 1000; // ms after which the kernel is said not to hear

const STYLE = `
${TABLE_STYLE}
.hftlab-view .blotter { display: flex; flex-direction: column; height: 100%; container-type: inline-size; }
.hftlab-view .portfolio:not([hidden]) { display: flex; flex-wrap: wrap; gap: 1px 16px; padding: 0 12px 4px; color: var(--hft-muted); }
.hftlab-view .portfolio b { font: 500 12px var(--hft-mono); color: var(--hft-ink); margin-left: 4px; }
.hftlab-view .portfolio b.bid { color: var(--hft-bid); }
.hftlab-view .portfolio b.ask { color: var(--hft-ask); }
@container (max-width: 520px) { .hftlab-view .portfolio .more { display: none; } }
.hftlab-view .tabs { display: flex; gap: 2px; padding: 0 12px; flex: none; border-bottom: 1px solid var(--hft-line);
  align-items: baseline; }
.hftlab-view .tabs button { border: 0; border-bottom: 2px solid transparent; border-radius: 0; padding: 3px 8px;
  color: var(--hft-muted); }
.hftlab-view .tabs button[aria-selected="true"] { color: var(--hft-ink); font-weight: 600; border-bottom-color: var(--hft-bid); }
.hftlab-view .tabs .waits { margin-left: auto; color: var(--hft-warn); font-size: 11px; }
.hftlab-view .rows { flex: 1 1 0; min-height: 80px; position: relative; }
.hftlab-view .rows .nothing { position: absolute; inset: 40px 12px auto; text-align: center; color: var(--hft-muted); }
.hftlab-view .table .refused { color: var(--hft-warn); font-weight: 600; }
.hftlab-view .table td button { min-height: 18px; padding: 0 6px; font-size: 11px; line-height: 16px; }
.hftlab-view .sure:not([hidden]) { display: inline-flex; gap: 4px; align-items: center; color: var(--hft-warn); }
`;

/** Unpack a frame's state, a row an object; null before the first one. */
export function parse(frame) {
  if (!frame?.byteLength) return null;
  const bytes = new Uint8Array(frame.buffer ?? frame, frame.byteOffset ?? 0, frame.byteLength);
  const state = JSON.parse(new TextDecoder().decode(bytes));
  if (state.version !== VERSION) return null;
  for (const name of TABS) {
    state[name] = state[name].map((values) => {
      const row = Object.fromEntries(FIELDS[name].map((field, index) => [field, values[index]]));
      return { ...row, decimals: state.decimals[row.symbol] ?? 2, worth: row.price * row.quantity };
    });
  }
  const [orders, open, fills] = state.counts;
  state.counts = { orders, open, fills, positions: state.positions.length };
  return state;
}

/** Sort rows by a field, with a minus in front for the largest first; without one they stay the newest first. */
export function sorted(rows, by) {
  if (!by) return rows;
  const name = by.replace("-", ""), sign = by.startsWith("-") ? -1 : 1;
  const known = rows.filter((row) => row[name] !== null), unknown = rows.filter((row) => row[name] === null);
  known.sort((a, b) => sign * (a[name] < b[name] ? -1 : a[name] > b[name] ? 1 : 0));
  return [...known, ...unknown];
}

export class BlotterView extends PanelView {
  static style = STYLE;

  constructor(panel, el, options) {
    super(panel, el, options);
    this.tab = "orders";
    this.by = {};
    this.cursor = "";
    this.asked = new Map(); // client order id -> the status that the order had when its cancellation was asked for
    this.number = 0;
    this.unheard = null;
    this.refusals = panel.setting("refused")?.count ?? 0;
    this.lay();
    this.take();
    panel.on("paper", () => this.show());
  }

  lay() {
    this.entitle("Blotter");
    this.all = this.button("cancel all", "cancel all open orders of the account", () => this.confirm(true));
    this.sure = add(this.tools, "span", "sure");
    this.sure.hidden = true;
    this.question = add(this.sure, "span");
    this.yes = add(this.sure, "button", "", "yes");
    this.no = add(this.sure, "button", "", "no");
    this.yes.addEventListener("click", () => this.cancelAll());
    this.no.addEventListener("click", () => this.confirm(false));
    for (const button of [this.yes, this.no]) button.type = "button";
    const box = add(this.body, "div", "blotter");
    this.portfolio = add(box, "div", "portfolio");
    this.amounts = Object.fromEntries(PORTFOLIO.slice(0, -1).map((name) => {
      const fact = add(this.portfolio, "span", ["cash", "positions", "buying power"].includes(name) ? "more" : "", name);
      return [name, add(fact, "b")];
    }));
    const tabs = add(box, "div", "tabs");
    tabs.setAttribute("role", "tablist");
    this.tabs = Object.fromEntries(TABS.map((name) => {
      const tab = add(tabs, "button", "", name);
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.addEventListener("click", () => this.choose(name));
      return [name, tab];
    }));
    this.waits = add(tabs, "span", "waits");
    this.rows = add(box, "div", "rows");
    this.rows.setAttribute("role", "tabpanel");
    this.nothing = add(this.rows, "div", "nothing");
    this.resize(HEIGHT);
    this.choose(this.tab);
  }

  /** Show one of the tables. */
  choose(name) {
    this.tab = name;
    for (const [each, tab] of Object.entries(this.tabs)) {
      tab.setAttribute("aria-selected", String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
    }
    this.rows.setAttribute("aria-label", name);
    this.table?.destroy();
    this.table?.scroller.remove();
    this.table = new Table(this.rows, COLUMNS[name], {
      row: LINE_HEIGHT,
      label: name,
      fill: (row, index) => this.fill(row, this.list[index]),
      sort: (column) => this.sort(column),
    });
    const table = this.table.table;
    table.addEventListener("pointerdown", (event) => { this.pressed = event.target.closest("tr.row")?.dataset.id; });
    table.addEventListener("click", (event) => this.pick(event));
    table.addEventListener("pointermove", (event) => this.hover(event));
    table.addEventListener("pointerleave", () => this.hint(null));
    this.show();
  }

  take() {
    this.state = parse(this.panel.get("frame"));
    const now = new Map((this.state?.orders ?? []).map((row) => [row.id, row.status]));
    for (const [id, status] of this.asked) if (now.get(id) !== status) this.asked.delete(id);
    this.show();
  }

  settled() {
    const refused = this.panel.setting("refused");
    if (refused && refused.count > this.refusals) {
      this.say(refused.text);
      this.asked.clear();
    }
    this.refusals = refused?.count ?? 0;
    this.show();
  }

  show() {
    if (!this.table) return;
    const state = this.state;
    this.list = sorted(state?.[this.tab] ?? [], this.by[this.tab]);
    const counts = state?.counts ?? { orders: 0, open: 0, fills: 0, positions: 0 };
    const known = [counts.open ? `${amount(counts.open, 0)} open` : "", this.panel.get("paper") ? "paper: fills are modelled" : ""];
    this.entitle("Blotter", known.filter(Boolean).join(" · "));
    for (const name of TABS) write(this.tabs[name], `${name} ${amount(counts[name], 0)}`);
    this.all.disabled = !counts.open || this.panel.page.offline;
    write(this.question, `cancel ${amount(counts.open, 0)} order${counts.open === 1 ? "" : "s"}?`);
    if (!counts.open) this.confirm(false);
    this.writePortfolio(state?.portfolio ?? null);
    const by = this.by[this.tab] ?? "";
    this.table.sorted(by.replace("-", ""), by.startsWith("-"));
    this.nothing.hidden = this.list.length > 0;
    write(this.nothing, NOTHING[this.tab]);
    this.table.update(this.list.length);
  }

  writePortfolio(portfolio) {
    this.portfolio.hidden = portfolio === null;
    PORTFOLIO.slice(0, -1).forEach((name, index) => {
      const value = portfolio?.[index] ?? NaN, isGain = index >= 4;
      write(this.amounts[name], isGain ? signed(value) : money(value) + (index === 0 && portfolio ? ` ${portfolio.at(-1)}` : ""));
      this.amounts[name].className = isGain ? (value > 0 ? "bid" : value < 0 ? "ask" : "") : "";
    });
  }

  fill(row, state) {
    const { line, cells } = row;
    row.state = state;
    const id = this.tab === "positions" ? state.symbol : state.id;
    const classes = `row${this.tab === "orders" && id === this.cursor ? " active" : ""}`;
    if (line.className !== classes) line.className = classes;
    line.dataset.symbol = state.symbol;
    line.dataset.id = id;
    COLUMNS[this.tab].forEach(({ name, align = "right", number, text, role }, index) => {
      if (name === "cancel") return this.offer(row, cells[index], state);
      write(cells[index], text(state));
      const colour = role?.(state) ?? "";
      const wanted = `${align}${number ? " number" : ""}${colour ? ` ${colour}` : ""}`;
      if (cells[index].className !== wanted) cells[index].className = wanted;
      return undefined;
    });
  }

  /** Show a button that cancels an order, while it can be cancelled. */
  offer(row, cell, order) {
    if (!row.button) {
      row.button = add(cell, "button", "cancel");
      row.button.type = "button";
      row.button.tabIndex = -1;
    }
    const waits = this.asked.has(order.id) || order.status === "PENDING_CANCEL";
    row.button.hidden = order.final;
    row.button.disabled = waits || this.panel.page.offline;
    write(row.button, waits ? "…" : "✕");
    row.button.title = `cancel ${order.id} (Delete)`;
    row.button.setAttribute("aria-label", `cancel ${order.id}`);
  }

  // --- a person's doing ---

  /** Sort by a column: the largest first, then the smallest first, then the newest first. */
  sort(name) {
    const by = this.by[this.tab] ?? "";
    this.by[this.tab] = by === `-${name}` ? name : by === name ? "" : `-${name}`;
    this.show();
  }

  pick(event) {
    const line = event.target.closest("tr.row");
    if (!line) return;
    // Another order may come into the row while the button is held down; without a pointer nothing was.
    if (event.detail > 0 && line.dataset.id !== this.pressed) {
      this.say("the row has moved: click again");
      return;
    }
    if (event.target.closest("button.cancel")) {
      this.cancel(line.dataset.id);
      return;
    }
    this.cursor = line.dataset.id;
    this.show();
    this.panel.set({ symbol: line.dataset.symbol }); // linked views show it
  }

  hover(event) {
    const line = event.target.closest("tr.row");
    const row = this.tab === "orders" && this.table.rows.find((each) => each.line === line)?.state;
    const { left, top } = this.body.getBoundingClientRect();
    this.hint(row ? facts(row, this.root.clientWidth) : null, event.clientX - left, event.clientY - top);
  }

  ask(content) {
    this.number += 1;
    this.unheard ??= { number: this.number, since: performance.now() };
    this.panel.send({ ...content, number: this.number, stamp: this.panel.stamp() });
  }

  hear(content) {
    if (content.refused) {
      this.say(content.refused);
      this.asked.clear();
      this.show();
    }
    if (content.refused || content.heard >= this.number) this.unheard = null;
    this.watch();
  }

  watch() {
    super.watch();
    if (!this.waits) return;
    const waiting = this.unheard && performance.now() - this.unheard.since > UNHEARD;
    const after = this.panel.get("hears_in_cells") === false ? ": it hears this after the running cell" : "";
    write(this.waits, waiting ? `waiting for the kernel${after}` : "");
  }

  cancel(id) {
    const order = this.state?.orders.find((each) => each.id === id);
    if (!order || order.final || this.asked.has(id) || this.panel.page.offline) return;
    this.asked.set(id, order.status);
    this.ask({ cancel: id });
    this.show();
  }

  /** Ask whether all orders shall be cancelled, or ask no longer. */
  confirm(asking) {
    if (this.sure.hidden !== asking) return;
    const had = this.sure.contains(document.activeElement);
    this.sure.hidden = !asking;
    this.all.hidden = asking;
    if (asking) this.no.focus();
    else if (had) this.root.focus({ preventScroll: true });
  }

  cancelAll() {
    this.confirm(false);
    this.ask({ cancel_all: true });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "Escape" && !this.sure.hidden) {
      this.confirm(false);
      return true;
    }
    const tab = TABS[Number(event.key) - 1];
    if (tab) this.choose(tab);
    else if (event.target.role === "tab" && ["ArrowLeft", "ArrowRight"].includes(event.key)) this.turn(event.key);
    else if (this.tab === "orders" && event.key === "Delete") this.cancel(this.cursor);
    else if (!this.move(event.key)) return false;
    return true;
  }

  /** Go to the table beside the shown one, as the arrow keys do on tabs. */
  turn(key) {
    const place = TABS.indexOf(this.tab) + (key === "ArrowRight" ? 1 : TABS.length - 1);
    this.choose(TABS[place % TABS.length]);
    this.tabs[this.tab].focus();
  }

  /** Move the cursor among the orders; Delete cancels the one at it. */
  move(key) {
    const last = this.list.length - 1;
    if (this.tab !== "orders" || last < 0) return false;
    const place = this.list.findIndex(({ id }) => id === this.cursor);
    const steps = { ArrowDown: place + 1, ArrowUp: place < 0 ? last : place - 1, Home: 0, End: last };
    if (!(key in steps)) return false;
    const to = Math.max(0, Math.min(last, steps[key]));
    this.cursor = this.list[to].id;
    this.speak(facts(this.list[to], this.root.clientWidth));
    this.table.reveal(to);
    this.show();
    return true;
  }

  destroy() {
    this.table.destroy();
    super.destroy();
  }
}

export default mount(BlotterView);
