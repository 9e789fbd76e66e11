// All views of one widget on a grid that follows the width of its cell.

import { add } from "../core/panel_view.js";
import { Page } from "../core/page.js";
import { LadderView } from "../ladder/ladder.js";
import { LatencyView } from "../latency/latency.js";

// Every view by its name in the kernel, and the element's class in the grid.
const VIEWS = { ladder: LadderView, latency: LatencyView };

const STYLE = `
.hftlab-dashboard { container-type: inline-size; width: 100%; min-width: 260px; }
.hftlab-dashboard > .grid { display: grid; gap: 6px; grid-template-columns: minmax(0, 1fr);
  grid-auto-rows: minmax(200px, auto); }
.hftlab-dashboard .cell { min-width: 0; min-height: 0; height: 420px; border: 1px solid var(--hft-edge, #8884);
  border-radius: 6px; overflow: hidden; }
.hftlab-dashboard .cell.full { position: absolute; inset: 0; z-index: 5; height: auto !important; }
`;

class Dashboard {
  constructor(model, el) {
    this.page = new Page(model, el);
    this.root = add(el, "div", "hftlab-dashboard");
    add(this.root, "style").textContent = STYLE;
    this.grid = add(this.root, "div", "grid");
    this.views = Object.entries(VIEWS)
      .filter(([name]) => model.get(`${name}_settings`) !== undefined)
      .map(([name, View]) => new View(this.page.panel(name), add(this.grid, "div", `cell ${name}`), { fills: true }));
  }

  destroy() {
    for (const view of this.views) view.destroy();
    this.page.destroy();
  }
}

function render({ model, el }) {
  const dashboard = new Dashboard(model, el);
  return () => dashboard.destroy();
}

export default { render };
