// A pipeline's run: a line that says how it is, its graph, and what is known of the selected step.
const HEARD_WITHIN = 700;
const STALE_AFTER = 10000;
const WAITS = "Heard once the running cell has ended; to stop now, interrupt the kernel.";
const SILENT = "The kernel does not answer any more; run the cell again.";

class PipelinePanel {
  constructor(model) {
    this.model = model;
    this.sent = new Map();
    this.turn = 0;
    this.dot = part("span", "mt-server-dot", { "aria-hidden": "true" });
    this.state = part("span", "mt-server-state", { role: "status" });
    this.name = part("bdi", "mt-server-name");
    this.done = part("span", "mt-server-dim");
    this.run = part("button", "mt-pipe-id", { type: "button" });
    this.run.addEventListener("click", () => this.copyId());
    this.stop = pressed("Stop", () => this.ask({ kind: "stop" }));
    const end = part("span", "mt-server-row mt-server-end", {}, this.run, this.stop);
    this.head = part("div", "mt-server-head", {}, part("span", "", {}, this.dot, " ", this.state), this.name, this.done, end);
    this.graph = new PipelineGraph((name) => this.select(name));
    this.note = part("div", "mt-server-note", { role: "status" });
    this.makeDetails();
    this.root = part("section", "mt-panel mt-server mt-pipe", { "aria-label": "pipeline", "data-lm-suppress-shortcuts": "true" });
    this.root.append(this.head, this.graph.root, this.note, this.details);
  }

  makeDetails() {
    this.title = part("bdi", "mt-server-name");
    this.reason = part("span", "mt-server-dim mt-pipe-reason");
    this.ids = part("span", "mt-server-dim mt-server-end");
    this.log = textBox("Log");
    this.follows = true;
    this.log.addEventListener("scroll", () => { this.follows = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 24; });
    this.details = part("div", "mt-pipe-details", {}, part("div", "mt-server-head", {}, this.title, this.reason, this.ids), this.log);
    this.details.hidden = true;
  }

  take(news) {
    this.news = news;
    if (!news.status) return;
    this.dot.dataset.tone = news.tone;
    if (this.state.textContent !== news.status) this.state.textContent = news.status;  // read aloud when it changes
    this.name.textContent = news.name;
    this.done.textContent = `${news.done} · ${news.took}`;
    this.showId();
    this.stop.hidden = news.is_over;
    enable(this.stop, news.can_stop && !this.isAsked("stop"));
    this.graph.take(news.steps);
    this.showStep();
    this.watchAge();
    this.say();
  }

  showId() {
    this.run.textContent = this.news.run_id.slice(0, 8);
    this.run.title = `Copy ${this.news.run_id}`;
  }

  async copyId() {
    this.run.textContent = (await copy(this.news.run_id)) ? "Copied" : "Not copied";
    setTimeout(() => this.showId(), COPIED_FOR);
  }

  // While nothing is heard of a run that goes on, what is shown is of then.
  watchAge() {
    clearTimeout(this.ageing);
    this.root.removeAttribute("data-stale");
    if (this.news.is_over) return;
    this.ageing = setTimeout(() => { this.root.setAttribute("data-stale", ""); this.say(); }, STALE_AFTER);
  }

  select(name) {
    this.selected = this.selected === name ? undefined : name;
    this.graph.mark(this.selected);
    this.follows = true;
    this.log.textContent = "";
    this.ask({ kind: "log", step: this.selected ?? "" });
    this.showStep();
  }

  showStep() {
    const step = this.news?.steps?.find((each) => each.name === this.selected);
    this.details.hidden = !step;
    if (!step) return;
    this.title.textContent = step.name;
    this.reason.textContent = step.reason;
    const made = step.made_by && step.made_by !== step.run_id ? ` · made by ${step.made_by.slice(0, 8)}` : "";
    this.ids.textContent = step.run_id ? `run ${step.run_id.slice(0, 8)}${made}` : "";
    this.ids.title = step.run_id;
    if (step.log) this.showLog({ step: step.name, text: step.log });  // told unasked, while the step runs
  }

  showLog({ step, text }) {
    if (step !== this.selected) return;
    this.log.textContent = text || "Nothing was printed.";
    if (this.follows) this.log.scrollTop = this.log.scrollHeight;
  }

  ask(content) {
    const id = ++this.turn;
    const timer = setTimeout(() => { this.sent.get(id).isLate = true; this.say(); }, HEARD_WITHIN);
    this.sent.set(id, { kind: content.kind, timer });
    if (content.kind === "stop") enable(this.stop, false);
    this.model.send({ ...content, id });
  }

  isAsked(kind) {
    return [...this.sent.values()].some((each) => each.kind === kind);
  }

  heard({ id }) {
    const asked = this.sent.get(id);
    clearTimeout(asked?.timer);
    this.sent.delete(id);
    if (asked?.kind === "log") this.showLog(this.model.get("log"));  // one that is as before is no news
    this.say();
  }

  say() {
    const isTold = this.news?.steps?.some((each) => each.name === this.selected && each.log);
    const waits = [...this.sent.values()].some((each) => each.isLate && !(each.kind === "log" && isTold));
    const text = !waits ? "" : this.root.hasAttribute("data-stale") ? SILENT : WAITS;
    if (this.note.textContent !== text) this.note.textContent = text;
  }
}

// One panel a model: an output that is shown anew takes over what was drawn.
export default () => {
  let panel;
  return {
    initialize({ model }) {
      panel = new PipelinePanel(model);
      model.on("change:news", () => panel.take(model.get("news")));
      model.on("change:log", () => panel.showLog(model.get("log")));
      model.on("msg:custom", (content) => panel.heard(content));
      panel.graph.show(model.get("graph"));
      panel.take(model.get("news"));
      const endFocus = keepFocus(panel.root);
      return () => { clearTimeout(panel.ageing); panel.graph.watch.disconnect(); endFocus(); };
    },
    render({ el }) {
      el.append(panel.root);
    },
  };
};
