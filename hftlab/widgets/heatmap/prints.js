// Trades of the columns in sight: discs, and the volume at each price.

import { round125 } from "./size_scale.js";

const LARGEST = 11; // px of the radius of a large trade
const SMALLEST = 1.2;
const MOST = 600; // discs a frame; when there are more trades, the smaller ones are dots
const DOT = 2; // px

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
    this.order = []; // their places, the largest first
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

  /** Order the trades by size, and choose the size that has the largest disc: a round one, which changes seldom. */
  measure() {
    if (!this.sizes.length) return;
    const size = (place) => Math.abs(this.sizes[place]);
    this.order = [...this.sizes.keys()].sort((one, other) => size(other) - size(one));
    const large = round125(size(this.order[Math.floor(0.02 * (this.order.length - 1))]), true);
    if (!this.large || large > 2.1 * this.large || large < this.large / 4.9) this.large = large;
  }

  radius(size) {
    return Math.max(SMALLEST, Math.min(1.5 * LARGEST, LARGEST * Math.sqrt(Math.abs(size) / this.large)));
  }

  /** Draw the discs, the large ones first; area is size. */
  draw(context, view, colours, ratio) {
    const { times, ticks, sizes, order } = this;
    const { left, width } = view.box;
    let count = 0;
    for (const index of order) {
      const x = view.x(times[index]), y = view.y(ticks[index]);
      const role = sizes[index] > 0 ? "bid" : "ask";
      if (count >= MOST) {
        context.fillStyle = colours[role];
        context.fillRect(x - DOT / 2, y - DOT / 2, DOT, DOT);
        continue;
      }
      const radius = this.radius(sizes[index]);
      if (x < left - radius || x > left + width + radius) continue;
      count += 1;
      const sprite = this.sprite(role, Math.ceil(2 * radius * ratio) / 2 / ratio, colours, ratio);
      const size = sprite.width / ratio;
      context.drawImage(sprite, x - size / 2, y - size / 2, size, size);
    }
  }

  /** The size of the smallest trade whose disc is at a time and a price, negative where a seller took; 0 for none. */
  near(view, time, tick) {
    for (let place = this.order.length - 1; place >= 0; place -= 1) {
      const index = this.order[place];
      const dx = (this.times[index] - time) * view.perMs, dy = (this.ticks[index] - tick) * view.perTick;
      if (Math.hypot(dx, dy) < this.radius(this.sizes[index]) + 2) return this.sizes[index];
    }
    return 0;
  }

  /** A disc, drawn once: copying it is many times as fast as drawing it. */
  sprite(role, radius, colours, ratio) {
    const key = `${colours[role]} ${colours.paper} ${ratio} ${radius}`;
    let sprite = this.sprites.get(key);
    if (!sprite) {
      const size = Math.ceil((2 * radius + 3) * ratio);
      const canvas = new OffscreenCanvas(size, size);
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
      sprite = canvas.transferToImageBitmap();
      this.sprites.set(key, sprite);
    }
    return sprite;
  }
}
