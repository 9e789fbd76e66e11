// All views of one widget on a grid that follows the width of its cell.

import { BlotterView } from "../blotter/blotter.js";
import { ConnectionView } from "../connection/connection.js";
import { Page } from "../core/page.js";
import { add } from "../core/panel_view.js";
import { Theme } from "../core/theme.js";
import { DepthView } from "../depth/depth.js";
import { HeatMapView } from "../heatmap/heatmap.js";
import { LadderView } from "../ladder/ladder.js";
import { LatencyView } from "../latency/latency.js";
import { QueueView } from "../queue/queue.js";
import { TimeAndSalesView } from "../time_and_sales/time_and_sales.js";
import { TransportView } from "../transport/transport.js";
import { WatchListView } from "../watchlist/watchlist.js";

// The views by their names in the kernel, in the order of a narrow page; the names are also those of the grid's areas.
const VIEWS = {
  transport: TransportView,
  heatmap: HeatMapView,
  ladder: LadderView,
  watchlist: WatchListView,
  time_and_sales: TimeAndSalesView,
  depth_chart: DepthView,
  blotter: BlotterView,
  queue_position: QueueView,
  latency: LatencyView,
  connection: ConnectionView,
};

const HEIGHT = 1020; // px, where nothing else decides

const STYLE = `
.hftlab-dashboard { container-type: inline-size; position: relative; width: 100%; min-width: 260px;
  background: var(--hft-paper); }
.hftlab-dashboard > .grid { display: grid; gap: 6px; grid-template-columns: minmax(0, 1fr); }
.hftlab-dashboard .cell { min-width: 0; min-height: 0; border: 1px solid var(--hft-line); border-radius: 6px;
  overflow: hidden; height: 360px; }
.hftlab-dashboard .cell:is(.watchlist, .queue_position) { height: 240px; }
.hftlab-dashboard .cell.transport { height: auto; }
.hftlab-dashboard .cell .zoom { position: absolute; top: 5px; right: 6px; z-index: 3; border-color: transparent; }
.hftlab-dashboard .cell:not(.transport) .hftlab-view > header { padding-right: 44px; }
.hftlab-dashboard .grid.single > .cell:not(.alone) { display: none; }
@container (min-width: 740px) {
  .hftlab-dashboard .cell:is(*, .watchlist, .queue_position) { height: auto; grid-area: var(--hft-area); }
  .hftlab-dashboard > .grid { height: var(--hft-height);
    grid-template: "transport transport transport" auto "heatmap heatmap ladder" minmax(0, 14fr)
      "watchlist depth_chart ladder" minmax(0, 10fr) "time_and_sales latency connection" minmax(0, 11fr)
      "blotter blotter queue_position" minmax(0, 9fr) / minmax(0, 1fr) minmax(0, 1fr) minmax(260px, 320px); }
}
@container (min-width: 1180px) {
  .hftlab-dashboard > .grid {
    grid-template: "transport transport transport transport" auto "watchlist heatmap heatmap ladder" minmax(0, 16fr)
      "time_and_sales depth_chart latency ladder" minmax(0, 11fr) "blotter blotter queue_position connection" minmax(0, 10fr)
      / minmax(0, 280px) minmax(0, 1fr) minmax(0, 1fr) minmax(0, 340px); }
}
.hftlab-dashboard > .grid.single { display: block; }
.hftlab-dashboard > .grid.single > .alone { height: var(--hft-height); }
`;

class Dashboard {
  constructor(model, el) {
    this.page = new Page(model, el);
    this.root = add(el, "div", "hftlab-dashboard");
    add(this.root, "style").textContent = STYLE;
    this.grid = add(this.root, "div", "grid");
    this.theme = new Theme(this.root, () => void this.theme.colours);
    void this.theme.colours;
    this.views = Object.entries(VIEWS)
      .filter(([name]) => model.get(`${name}_settings`) !== undefined)
      .map(([name, View]) => this.place(name, View));
    this.fit(el);
  }

  place(name, View) {
    const cell = add(this.grid, "div", `cell ${name}`);
    cell.style.setProperty("--hft-area", name);
    const view = new View(this.page.panel(name), cell, { fills: name !== "transport" });
    if (name !== "transport") {
      const button = add(view.root, "button", "zoom", "⤢");
      button.type = "button";
      button.title = "Show this view alone, or all again (Escape)";
      button.setAttribute("aria-label", "show this view alone");
      button.addEventListener("click", () => this.alone(cell));
      cell.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && cell.classList.contains("alone")) this.alone(cell);
      });
    }
    return view;
  }

  /** Show one view over the whole grid, or all of them again. */
  alone(cell) {
    const single = cell.classList.toggle("alone");
    this.grid.classList.toggle("single", single);
    cell.querySelector(".zoom").setAttribute("aria-label", single ? "show all views" : "show this view alone");
  }

  /** Take the height of JupyterLab's "New View for Output", else the usual one. */
  fit(el) {
    const outer = el.closest(".jp-LinkedOutputView");
    const set = () => {
      const height = outer ? Math.max(700, outer.clientHeight - 24) : HEIGHT;
      this.root.style.setProperty("--hft-height", `${height}px`);
    };
    set();
    if (!outer) return;
    this.sizes = new ResizeObserver(set);
    this.sizes.observe(outer);
  }

  destroy() {
    this.sizes?.disconnect();
    for (const view of this.views) view.destroy();
    this.theme.destroy();
    this.page.destroy();
    this.root.remove();
  }
}

function render({ model, el }) {
  const dashboard = new Dashboard(model, el);
  return () => dashboard.destroy();
}

export default { render };
