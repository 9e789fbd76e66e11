// Trades of the columns in sight: discs, and the volume at each price.

import { round125 } from "./size_scale.js";

const LARGEST = 11; // px of the radius of a large trade
const SMALLEST = 1.2;
const MOST = 2500; // discs a frame; when there are more, the smaller ones are dots

/** Trades of columns, gathered once for any number of frames that show the same columns. */
export class Prints {
  constructor(columns) {
    this.columns = columns;
    this.large = 0; // the size whose disc is the largest
    this.sprites = new Map();
    this.forget();
  }

  forget() {
    this.key = "";
    this.times = [];
    this.ticks = [];
    this.sizes = [];
    this.volumes = new Map();
    this.most = 0;
    this.sum = { buy: 0, sell: 0 };
  }

  /** Gather the trades between two times, volumes in rows of `heat`. */
  gather(from, to, heat) {
    const { columns } = this;
    let first = Infinity, end = -Infinity;
    columns.between(from, to, (_, start, stop) => { first = Math.min(first, start); end = Math.max(end, stop); });
    const key = `${columns.version} ${first} ${end} ${heat.group}`;
    if (key === this.key) return;
    this.forget();
    this.key = key;
    for (let number = first; number < end; number += 1) {
      if (!columns.has(number)) continue;
      columns.eachTrade(number, (time, tick, size) => {
        this.times.push(time);
        this.ticks.push(tick);
        this.sizes.push(size);
        const row = heat.row(tick);
        const volume = this.volumes.get(row) ?? this.volumes.set(row, { buy: 0, sell: 0 }).get(row);
        volume[size > 0 ? "buy" : "sell"] += Math.abs(size);
        this.sum[size > 0 ? "buy" : "sell"] += Math.abs(size);
      });
    }
    for (const { buy, sell } of this.volumes.values()) this.most = Math.max(this.most, buy + sell);
    this.measure();
  }

  /** Choose the size that has the largest disc: a round one, which changes seldom. */
  measure() {
    if (!this.sizes.length) return;
    const sorted = this.sizes.map(Math.abs).sort((one, other) => one - other);
    const large = round125(sorted[Math.floor(0.98 * (sorted.length - 1))], true);
    if (!this.large || large > 2.1 * this.large || large < this.large / 4.9) this.large = large;
  }

  radius(size) {
    return Math.max(SMALLEST, Math.min(1.5 * LARGEST, LARGEST * Math.sqrt(Math.abs(size) / this.large)));
  }

  /** Draw the discs, the large ones first; area is size. */
  draw(context, view, colours, ratio) {
    const { times, ticks, sizes } = this;
    let order = times.keys();
    if (times.length > 1) order = [...order].sort((one, other) => Math.abs(sizes[other]) - Math.abs(sizes[one]));
    let count = 0;
    for (const index of order) {
      const x = view.x(times[index]), y = view.y(ticks[index]);
      const role = sizes[index] > 0 ? "bid" : "ask";
      const radius = count < MOST ? this.radius(sizes[index]) : SMALLEST;
      if (x < view.box.left - radius || x > view.box.left + view.box.width + radius) continue;
      count += 1;
      const sprite = this.sprite(role, Math.ceil(2 * radius * ratio) / 2 / ratio, colours, ratio);
      const size = sprite.width / ratio;
      context.drawImage(sprite, x - size / 2, y - size / 2, size, size);
    }
  }

  /** A disc, drawn once: copying it is many times as fast as drawing it. */
  sprite(role, radius, colours, ratio) {
    const key = `${colours[role]} ${colours.paper} ${ratio} ${radius}`;
    let canvas = this.sprites.get(key);
    if (!canvas) {
      const size = Math.ceil((2 * radius + 3) * ratio);
      canvas = new OffscreenCanvas(size, size);
      const context = canvas.getContext("2d");
      context.scale(ratio, ratio);
      context.beginPath();
      context.arc(size / 2 / ratio, size / 2 / ratio, radius, 0, 2 * Math.PI);
      context.fillStyle = colours[role];
      context.fill();
      context.lineWidth = radius > 2 ? 0.9 : 0.5;
      context.strokeStyle = colours.paper;
      context.stroke();
      if (this.sprites.size > 500) this.sprites.clear();
      this.sprites.set(key, canvas);
    }
    return canvas;
  }
}
