// What the kernel knows of a page: whether it shows the widget, by heartbeats while it does.

const UNANSWERED = 30_000; // ms after which a heartbeat counts as lost, and the next is sent without its answer

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
    this.heard = (message) => { if (message?.view === this.view) this.asked = -Infinity; };
    model.on("msg:custom", this.heard);
    this.timer = setInterval(() => this.beat(), 1000 * (model.get("beat") ?? 4));
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
    // A busy kernel reads nothing: let it find one heartbeat, not a thousand.
    if (this.shown && performance.now() - this.asked > UNANSWERED) this.say();
  }

  say() {
    this.beats += 1;
    this.asked = performance.now();
    try {
      this.model.send({ view: this.view, visible: this.shown, beat: this.beats });
    } catch {
      // The kernel or the widget is gone.
    }
  }

  end() {
    this.ending.abort();
    this.sight.disconnect();
    clearInterval(this.timer);
    this.model.off("msg:custom", this.heard);
    this.show(false);
  }
}
