import { Columns } from "./columns.js";
import { Heat } from "./heat.js";
import { Prints } from "./prints.js";

/** Columns with what is painted of them: those of a live market, or a tile of a recording. */
export class Layer {
  constructor(scale) {
    this.columns = new Columns();
    this.heat = new Heat(this.columns, scale);
    this.prints = new Prints(this.columns);
  }

  forget() {
    this.columns.forget();
    this.heat.forget();
    this.prints.forget();
  }

  /** True if it has all columns between two times (ms). */
  covers(from, to) {
    return !this.columns.empty && this.columns.start <= from && this.columns.end >= to;
  }
}
