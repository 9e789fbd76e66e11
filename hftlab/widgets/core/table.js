// A table in a view's body: a header that stays, columns that fit the width, and only the rows in sight in the page.

import { add, write } from "./panel_view.js";

const HEAD = 23; // px
const EDGE = "12px"; // to the right of the last column in sight
const SPARE = 3; // rows above and below those in sight
const UNKNOWN_HEIGHT = 400; // px, before the first layout

/** Set an attribute of an element if it differs. */
export function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** The style of all tables in views; a view puts it into its own. */
export const TABLE_STYLE = `
.hftlab-view .scroll { overflow: auto; height: 100%; overscroll-behavior: contain; scrollbar-width: thin; outline: none; }
.hftlab-view .table { border-collapse: separate; border-spacing: 0; table-layout: fixed; width: 100%; margin: 0;
  font-size: 12px; background: none; border: 0; }
.hftlab-view .table :is(th, td) { padding: 0 5px; border: 0; text-align: right; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; vertical-align: middle; font-weight: 400; background: none; max-width: none; }
.hftlab-view .table :is(th, td):first-child { padding-left: 12px; }
.hftlab-view .table .left { text-align: left; }
.hftlab-view .table .centre { text-align: center; }
.hftlab-view .table thead th { position: sticky; top: 0; z-index: 1; height: ${HEAD}px; font-size: 11px;
  color: var(--hft-muted); background: var(--hft-paper); border-bottom: 1px solid var(--hft-line); }
.hftlab-view .table thead button { all: unset; cursor: pointer; font: inherit; color: inherit; }
.hftlab-view .table thead button:hover { color: var(--hft-ink); }
.hftlab-view .table thead button:focus-visible { outline: 2px solid var(--hft-bid); outline-offset: 1px; }
.hftlab-view .table thead th[aria-sort] button { color: var(--hft-ink); font-weight: 600; }
.hftlab-view .table tbody tr { background: none; }
.hftlab-view .table tbody tr.row:hover > * { background: color-mix(in srgb, var(--hft-line) 35%, transparent); }
.hftlab-view .table tbody tr.selected > * { background: color-mix(in srgb, var(--hft-bid) 14%, transparent); }
.hftlab-view .table tbody tr.selected > :first-child { box-shadow: inset 3px 0 var(--hft-bid); font-weight: 600; }
.hftlab-view .table tbody tr.active > * { border-block: 1px solid var(--hft-bid); }
.hftlab-view .table td.number { font-family: var(--hft-mono); }
.hftlab-view .table .bid { color: var(--hft-bid); }
.hftlab-view .table .ask { color: var(--hft-ask); }
.hftlab-view .table .muted { color: var(--hft-muted); }
`;

/**
 * Rows of `row` px with `columns` of {name, title, hint, width, grow, align, number, below}: `width` in px is the
 * least, `grow` its part of what is left, and a column is left out of a table narrower than `below` px.
 *
 * `fill(row, index)` writes a row: {line, cells, key}. With `sort(name)` the headers of columns with `sorts` are buttons.
 */
export class Table {
  constructor(parent, columns, { row, label, fill, sort }) {
    this.columns = columns;
    this.row = row;
    this.fill = fill;
    this.count = 0;
    this.rows = [];
    this.scroller = add(parent, "div", "scroll");
    this.scroller.tabIndex = -1;
    this.table = add(this.scroller, "table", "table");
    this.table.setAttribute("aria-label", label);
    const group = add(this.table, "colgroup");
    this.cols = columns.map(() => add(group, "col"));
    this.heads = this.captions(sort);
    const body = add(this.table, "tbody");
    this.above = add(body, "tr");
    this.below = add(body, "tr");
    for (const gap of [this.above, this.below]) gap.setAttribute("aria-hidden", "true");
    // Read when they change and not at each update: reading them makes the browser lay the page out at once.
    this.top = 0;
    this.sight = 0;
    this.scroller.addEventListener("scroll", () => { this.top = this.scroller.scrollTop; this.draw(); }, { passive: true });
    this.sizes = new ResizeObserver(() => { this.fit(); this.draw(); });
    this.sizes.observe(this.scroller);
    this.fit();
  }

  captions(sort) {
    const line = add(add(this.table, "thead"), "tr");
    return this.columns.map(({ name, title, hint, align = "right", sorts }) => {
      const head = add(line, "th", align, sort && sorts ? "" : title);
      head.scope = "col";
      if (hint) head.title = hint;
      if (sort && sorts) {
        const button = add(head, "button", "", title);
        button.type = "button";
        button.addEventListener("click", () => sort(name));
      }
      return head;
    });
  }

  /** The height of a table that shows `count` rows. */
  height(count) {
    return HEAD + count * this.row + 4;
  }

  /** Mark the column by which the rows are sorted; `name` is empty for none. */
  sorted(name, down) {
    this.columns.forEach((column, index) => {
      const head = this.heads[index], button = head.firstElementChild;
      const is = column.name === name;
      if (is) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      if (button) write(button, is ? `${column.title} ${down ? "▾" : "▴"}` : column.title);
    });
  }

  /** Give the columns their widths, and leave out those for which there is no room. */
  fit() {
    const width = this.scroller.clientWidth;
    this.sight = this.scroller.clientHeight;
    this.top = this.scroller.scrollTop;
    if (!width || width === this.width) return;
    this.width = width;
    this.left = this.columns.map(({ below = 0 }) => width < below);
    const shown = this.columns.filter((_, index) => !this.left[index]);
    const least = shown.reduce((sum, column) => sum + column.width, 0);
    const growth = shown.reduce((sum, column) => sum + (column.grow ?? 0), 0);
    const rest = Math.max(0, width - least);
    this.last = this.left.lastIndexOf(false);
    this.columns.forEach(({ width: own, grow = 0 }, index) => {
      this.cols[index].hidden = this.left[index];
      this.cols[index].style.width = `${own + (growth ? (rest * grow) / growth : 0)}px`;
      for (const cell of [this.heads[index], ...this.rows.map((row) => row.cells[index])]) this.place(cell, index);
    });
  }

  /** Show a cell if its column is in sight. */
  place(cell, index) {
    cell.hidden = this.left?.[index] ?? false;
    cell.style.paddingRight = index === this.last ? EDGE : "";
  }

  /** Show `count` rows, all of which may have changed. */
  update(count) {
    if (count !== this.count) this.table.setAttribute("aria-rowcount", String(count + 1));
    this.count = count;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.top / this.row) - SPARE);
    const end = Math.min(this.count, Math.ceil((this.top + (this.sight || UNKNOWN_HEIGHT)) / this.row) + SPARE);
    const number = Math.max(0, end - first);
    while (this.rows.length < number) this.rows.push(this.made());
    this.rows.forEach((row, place) => {
      if (row.line.hidden !== place >= number) row.line.hidden = place >= number;
      if (place >= number) return;
      mark(row.line, "aria-rowindex", String(first + place + 2));
      this.fill(row, first + place);
    });
    this.gap(this.above, Math.min(first, this.count));
    this.gap(this.below, Math.max(0, this.count - end));
  }

  /** Let a line stand for that many rows out of sight. */
  gap(line, rows) {
    if (line.rowsOutOfSight === rows) return;
    line.rowsOutOfSight = rows;
    line.style.height = `${rows * this.row}px`;
    line.hidden = rows === 0;
  }

  made() {
    const line = document.createElement("tr");
    line.className = "row";
    line.style.height = `${this.row}px`;
    this.below.before(line);
    const cells = this.columns.map(({ align = "right", number, head }, index) => {
      const cell = add(line, head ? "th" : "td", number ? `${align} number` : align);
      if (head) cell.scope = "row";
      this.place(cell, index);
      return cell;
    });
    return { line, cells, key: undefined };
  }

  /** Scroll as little as needed to show a row. */
  reveal(index) {
    const top = index * this.row, sight = this.sight - HEAD;
    if (top < this.top) this.scroll(top);
    else if (top + this.row > this.top + sight) this.scroll(top + this.row - sight);
  }

  /** Scroll to a place in px. */
  scroll(top) {
    this.scroller.scrollTop = top;
    this.top = this.scroller.scrollTop;
  }

  destroy() {
    this.sizes.disconnect();
  }
}
