/** Draws texts, bars and lines on a canvas in the theme's fonts and colours; `role` names a colour of the palette. */
export class Pen {
  constructor(context, colours) {
    this.context = context;
    this.colours = colours;
  }

  font(size, family = "sans", weight = 400) {
    this.context.font = `${weight} ${size}px ${this.colours[family]}`;
    return this;
  }

  width(text) {
    return this.context.measureText(text).width;
  }

  /** Write a text at its baseline, and return the x where it ends. */
  text(text, x, y, role = "ink", align = "left") {
    this.context.textAlign = align;
    this.context.fillStyle = this.colours[role];
    this.context.fillText(text, x, y);
    return align === "right" ? x - this.width(text) : x + this.width(text);
  }

  /** Fill a rectangle; a negative width or height goes left or up. */
  bar(x, y, width, height, role, opacity = 1) {
    const before = this.context.globalAlpha;
    this.context.globalAlpha = before * opacity;
    this.context.fillStyle = this.colours[role];
    this.context.fillRect(x, y, width, height);
    this.context.globalAlpha = before;
  }

  /** Draw a line through `points`, [x, y] each. */
  line(points, role, thickness = 1, opacity = 1) {
    const before = this.context.globalAlpha;
    this.context.globalAlpha = before * opacity;
    this.context.beginPath();
    points.forEach(([x, y], index) => (index ? this.context.lineTo(x, y) : this.context.moveTo(x, y)));
    this.context.strokeStyle = this.colours[role];
    this.context.lineWidth = thickness;
    this.context.stroke();
    this.context.globalAlpha = before;
  }
}
