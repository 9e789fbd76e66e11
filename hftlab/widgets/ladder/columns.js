// The columns of a ladder: which have room, and where.

const PAD = 8;
const GAP = 4;

/**
 * The columns by name, { x, width } each, mirrored about the price: `bid` and `ask` (bars with sizes), `sold` and `bought`
 * (traded volume), `bidOwn` and `askOwn` (chips), `bidSum` and `askSum` (cumulative sizes), `bidOrders` and `askOrders`.
 * What has no room is left out, the least important first. `price` and `size` are widths of texts.
 */
export function columns(width, { price, size, trade, own }) {
  const half = (width - 2 * PAD) / 2;
  const marks = width >= 460; // beside the price: the last trade with its size
  const middle = price / 2 + (marks ? trade : 13);
  let room = half - middle - GAP;
  const least = Math.max(44, size + 12);
  const wanted = { traded: Math.max(46, size + 10), own: width < 800 ? 62 : 80, orders: 34, sum: Math.max(64, size + 12) };
  // What the bars keep at least beside a column.
  const kept = { traded: Math.max(least, 62), own: Math.max(least, 84), orders: Math.max(least, 110), sum: Math.max(least, 150) };
  const shown = {};
  for (const name of ["traded", ...(own ? ["own"] : []), "orders", "sum"]) {
    if (room - wanted[name] - GAP < kept[name]) break;
    shown[name] = wanted[name];
    room -= wanted[name] + GAP;
  }
  // What is left goes to the bars, and some of it to the volume.
  const spare = Math.max(0, room - kept.sum);
  for (const [name, share] of [["traded", 0.34], ["sum", 0.1]]) {
    if (!shown[name]) continue;
    shown[name] += share * spare;
    room -= share * spare;
  }
  const centre = width / 2;
  const found = { centre, price: { x: centre - middle, width: 2 * middle }, marks };
  let from = middle + GAP / 2;
  const put = (left, right, wide) => {
    found[left] = { x: centre - from - wide, width: wide };
    found[right] = { x: centre + from, width: wide };
    from += wide + GAP;
  };
  put("bid", "ask", room);
  if (shown.orders) put("bidOrders", "askOrders", shown.orders);
  if (shown.own) put("bidOwn", "askOwn", shown.own);
  if (shown.sum) put("bidSum", "askSum", shown.sum);
  if (shown.traded) put("sold", "bought", shown.traded);
  return found;
}

/** The column at x: "bid", "ask" (with their chips) or null. */
export function sideAt(found, x) {
  const within = (column) => column && x >= column.x && x <= column.x + column.width;
  if (within(found.bid) || within(found.bidOwn) || within(found.bidOrders)) return "bid";
  if (within(found.ask) || within(found.askOwn) || within(found.askOrders)) return "ask";
  return null;
}
