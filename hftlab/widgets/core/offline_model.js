/** Stands for a widget's model on a page without a kernel: a state that stays as it is, and nobody who hears. */
export class OfflineModel {
  constructor(state) {
    this.state = state;
  }

  get(name) {
    return this.state[name];
  }

  on() {}
  off() {}
  send() {}
}
