// A sharp canvas that is painted only while it is visible, once a frame for any number of changes.

const BETWEEN_PAINTS = 15; // ms; sixty frames a second are enough for anything that moves

/** A canvas that calls `draw(context, width, height, colours, now)`, again for the next frame while that returns true. */
export class Surface {
  constructor(canvas, theme, draw) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.theme = theme;
    this.draw = draw;
    this.onScreen = false;
    this.pending = 0;
    this.asked = false;
    this.painted = -Infinity;
    this.paints = 0;
    this.ending = new AbortController();
    this.listen();
  }

  listen() {
    const signal = this.ending.signal;
    this.sight = new IntersectionObserver((entries) => this.seen(entries.at(-1).isIntersecting));
    this.sight.observe(this.canvas);
    // Immediately and not with the next frame: until then the old picture is stretched.
    this.sizes = new ResizeObserver(() => this.visible && this.paint());
    this.sizes.observe(this.canvas);
    window.addEventListener("resize", () => this.redraw(), { signal }); // also fires when the zoom changes
    document.addEventListener("visibilitychange", () => this.redraw(), { signal });
  }

  get visible() {
    return this.onScreen && !document.hidden;
  }

  seen(onScreen) {
    this.onScreen = onScreen;
    this.redraw();
  }

  /** Paint with the next animation frame, once for any number of calls. */
  redraw() {
    this.asked = true;
    this.schedule();
  }

  schedule() {
    if (this.pending || !this.visible) return;
    this.pending = requestAnimationFrame((now) => {
      this.pending = 0;
      if (this.asked || now - this.painted > BETWEEN_PAINTS) this.paint(now);
      else this.schedule();
    });
  }

  paint(now = performance.now()) {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width || !height) return;
    this.asked = false;
    this.painted = now;
    this.paints += 1;
    const ratio = window.devicePixelRatio || 1;
    const columns = Math.round(width * ratio), rows = Math.round(height * ratio);
    // Setting a size clears the canvas, even to the same size.
    if (this.canvas.width !== columns) this.canvas.width = columns;
    if (this.canvas.height !== rows) this.canvas.height = rows;
    const colours = this.theme.colours;
    this.context.setTransform(columns / width, 0, 0, rows / height, 0, 0);
    this.context.globalAlpha = 1;
    this.context.fillStyle = colours.paper;
    this.context.fillRect(0, 0, width, height);
    if (this.draw(this.context, width, height, colours, now)) this.schedule();
  }

  destroy() {
    this.ending.abort();
    for (const observer of [this.sight, this.sizes]) observer.disconnect();
    cancelAnimationFrame(this.pending);
    this.pending = -1; // nothing is scheduled any more
    this.onScreen = false;
  }
}
