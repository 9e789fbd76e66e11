// Heartbeats of a page that shows a widget: from them the kernel knows that somebody sees it.

const BEAT = 4; // seconds between two heartbeats, where the kernel does not say
const FIRST_WAIT = 3_000; // ms after which a heartbeat counts as lost, and the next is sent without its answer
const LONGEST_WAIT = 30_000; // the same after several

/** Tells the kernel whether the view in `el` is visible, and sends heartbeats while it is. */
export class Presence {
  constructor(model, el) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.onScreen = false;
    this.shown = false;
    this.since = performance.now(); // when it was last shown anew
    this.beats = 0;
    this.asked = -Infinity; // when the beat that waits for its answer was sent
    this.wait = FIRST_WAIT;
    this.gone = false; // whether there is nobody left who could hear: the kernel was restarted, or has ended
    this.heard = (message) => {
      if (message?.view !== this.view) return;
      this.asked = -Infinity;
      this.wait = FIRST_WAIT;
    };
    model.on("msg:custom", this.heard);
    // Jupyter's widgets say so when their kernel is restarted; whether it is true shows when something is sent.
    this.cut = () => this.say();
    model.on("comm_live_update", this.cut);
    this.timer = setInterval(() => this.beat(), 1000 * (model.get("beat") ?? BEAT));
    this.ending = new AbortController();
    const signal = this.ending.signal;
    this.sight = new IntersectionObserver((entries) => this.seen(entries.at(-1).isIntersecting));
    this.sight.observe(el);
    document.addEventListener("visibilitychange", () => this.seen(this.onScreen), { signal });
    window.addEventListener("pagehide", () => this.show(false), { signal });
    window.addEventListener("pageshow", () => this.seen(this.onScreen), { signal });
  }

  seen(onScreen) {
    this.onScreen = onScreen;
    this.show(onScreen && !document.hidden);
  }

  show(shown) {
    if (shown === this.shown) return;
    this.shown = shown;
    this.since = performance.now();
    this.say();
  }

  beat() {
    if (!this.shown || performance.now() - this.asked <= this.wait) return;
    // A busy kernel reads nothing: let it find a few heartbeats, not a thousand. But the first may have been sent before
    // the page had a way to be heard meanwhile.
    if (this.asked > -Infinity) this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
    this.say();
  }

  say() {
    this.beats += 1;
    this.asked = performance.now();
    try {
      this.model.send({ view: this.view, visible: this.shown, beat: this.beats });
    } catch {
      this.gone = true; // what was sent before is lost with the kernel, and a new one does not know this widget
    }
  }

  end() {
    this.ending.abort();
    this.sight.disconnect();
    clearInterval(this.timer);
    this.model.off("msg:custom", this.heard);
    this.model.off("comm_live_update", this.cut);
    this.show(false);
  }
}
