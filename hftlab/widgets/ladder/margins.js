// The lines above and below the rows of a ladder: the columns' names, the time, the spread, the volume.

import { clockTime } from "../core/formats.js";
import { WIDE, spreadText, volumeText } from "./headline.js";

const NARROW = 400; // px of the view below which the time has no fractions

/** Name the columns; `isPartial` marks the traded volume as that of last trades only. */
export function captions(pen, found, isPartial) {
  const star = isPartial ? "*" : "";
  const left = [["bid", "bid"], ["bidOrders", "orders"], ["bidOwn", "yours"], ["bidSum", "sum"], ["sold", `sold${star}`]];
  const right = [["ask", "ask"], ["askOrders", "orders"], ["askOwn", "yours"], ["askSum", "sum"], ["bought", `bought${star}`]];
  pen.font(10, "sans");
  pen.text("price", found.centre, 12, "muted", "center");
  for (const [name, text] of left) if (found[name]) pen.text(text, found[name].x + found[name].width - 5, 12, "muted", "right");
  for (const [name, text] of right) if (found[name]) pen.text(text, found[name].x + 5, 12, "muted");
}

/** Write the line at the bottom; `state`, `book` and `axis` are the LadderView's. */
export function footer(pen, width, height, { state, book, axis }) {
  const y = height - 7;
  if (!book || !Number.isFinite(book.middle)) {
    pen.font(12, "sans");
    pen.text("no book yet", width / 2, height / 2, "muted", "center");
    return;
  }
  pen.font(10.5, "mono");
  const time = width < NARROW ? clockTime(state.tsEvent, 0) : `${clockTime(state.tsEvent)} UTC`;
  const from = state.tsEvent > 0 ? pen.text(time, 10, y, "muted") : 10;
  // Wide headers have the volume and the spread.
  const volume = state.volume > 0 && width < WIDE.volume ? `vol ${volumeText(state.volume, state.sizeDecimals)}` : "";
  const to = volume ? pen.text(volume, width - 10, y, "muted", "right") : width - 10;
  pen.font(10.5, "sans");
  const text = middleTexts(width, { state, book, axis }).find((each) => pen.width(each) < to - from - 16);
  if (text) pen.text(text, (from + to) / 2, y, axis.held ? "warn" : "muted", "center");
}

/** The texts that may stand in the middle, the longest first. */
function middleTexts(width, { state, book, axis }) {
  if (axis.held) {
    const arrow = axis.shows ? "" : axis.middle > axis.target ? "▲ " : "▼ ";
    return [`${arrow}scrolled: space returns to the market`, `${arrow}space returns`, arrow];
  }
  if (width >= WIDE.spread) return [];
  const spread = spreadText(state, book);
  return [spread, spread.split(" · ").slice(0, 2).join(" · ")];
}
