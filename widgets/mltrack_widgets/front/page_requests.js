// How a panel's page and the kernel talk: what a user does is sent as a message with a serial; until the kernel has
// answered the last one, older states are passed over. A kernel that runs a cell may answer after it only.
const LOADING_MS = 300;
const pageName = Math.random().toString(36).slice(2);
let serials = 0;

class PageRequests {
  // `onWait` is told when an answer takes its time, `onGone` what to say when there is no kernel.
  constructor({ root, onWait, onGone }) {
    Object.assign(this, { root, onWait, onGone, sent: 0 });
  }

  send(model, message) {
    this.sent = serials += 1;
    this.root.dataset.waiting = this.sent;
    try {
      model.send({ ...message, page: pageName, serial: this.sent });
    } catch {
      this.settle();
      this.onGone("The kernel is gone; run the cell again to go on.");
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.onWait(true), LOADING_MS);
  }

  // Tells whether a state has the last answer; then nothing is waited for.
  isAnswered({ answered }) {
    const last = answered?.[pageName] ?? 0;
    if (last < this.sent) return false;
    this.settle();
    this.root.dataset.answered = last;
    return true;
  }

  settle() {
    this.sent = 0;
    delete this.root.dataset.waiting;
    clearTimeout(this.timer);
    this.onWait(false);
  }
}
