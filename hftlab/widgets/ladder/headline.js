// The facts of a ladder's header, as many as there is room for: last, change, spread, volume.

import { amount, compact, percent, way } from "../core/formats.js";
import { add, write } from "../core/panel_view.js";

export const WIDE = { spread: 600, volume: 760 }; // px of the view from which a fact is shown

export const STYLE = `
.hftlab-view .facts b { font-weight: 600; color: var(--hft-ink); font-family: var(--hft-mono); font-size: 13px; }
.hftlab-view .facts span + span, .hftlab-view .facts b + span { margin-left: 9px; }
.hftlab-view .facts .bid { color: var(--hft-bid); }
.hftlab-view .facts .ask { color: var(--hft-ask); }
.hftlab-view .facts .stale { color: var(--hft-warn); font-weight: 600; }
`;

export class Headline {
  constructor(facts) {
    this.last = add(facts, "b");
    this.parts = ["change", "spread", "volume", "stale"].map((name) => [name, add(facts, "span", name)]);
  }

  show(state, book, width) {
    const { last, changePercent, priceDecimals, volume, sizeDecimals, stale } = state ?? {};
    write(this.last, Number.isFinite(last) ? amount(last, priceDecimals) : "");
    const texts = {
      change: Number.isFinite(changePercent) ? percent(changePercent) : "",
      spread: width >= WIDE.spread ? spreadText(state, book) : "",
      volume: width >= WIDE.volume && volume > 0 ? `volume ${volumeText(volume, sizeDecimals)}` : "",
      stale: stale ? "STALE" : "",
    };
    for (const [name, span] of this.parts) {
      write(span, texts[name]);
      span.hidden = !texts[name];
      if (name === "change") span.className = way(changePercent);
    }
  }
}

/** Format the spread: `spread 0.05 · 5 ticks · 0.81 bps`. */
export function spreadText(state, book) {
  if (!state?.bids.length && !state?.asks.length) return "no book yet";
  if (!Number.isFinite(book.spread)) return "one-sided";
  const { tick, priceDecimals } = state;
  const points = (1e4 * book.spread) / book.middle;
  const parts = [`spread ${amount(book.spread * tick, priceDecimals)}`];
  parts.push(`${amount(book.spread, 0)} tick${book.spread === 1 ? "" : "s"}`);
  if (book.middle > 0) parts.push(`${amount(points, points >= 0.1 || points <= 0 ? 2 : 4)} bps`);
  return parts.join(" · ");
}

/** Format a volume: a large one without decimals, a very large one with its power of ten. */
export function volumeText(volume, decimals) {
  return volume >= 1e7 ? compact(volume) : amount(volume, volume >= 1e5 ? 0 : Math.min(2, decimals));
}
