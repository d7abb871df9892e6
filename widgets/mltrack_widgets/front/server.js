// A model's server: a line that says how it is, its address, numbers, folds, and buttons.
const HEARD_WITHIN = 700;
const STALE_AFTER = 6000;
const LOADING_AFTER = 300;
const WAITS = "Waits until the running cell has ended.";
const SILENT = "The kernel does not answer any more; run the cell again.";
const HISTORY = 60;

class ServerPanel {
  constructor(model) {
    this.model = model;
    this.sent = new Map();
    this.turn = 0;
    this.makeHead();
    this.makeNumbers();
    this.note = part("div", "mt-server-note", { role: "status" });
    this.reason = part("div", "mt-server-note");
    this.form = new ServerForm((content) => this.ask({ kind: "try", ...content }));
    this.uses = part("div", "");
    this.log = textBox("Log");
    this.follows = true;
    this.log.addEventListener("scroll", () => { this.follows = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 24; });
    this.logFold = fold("Log", this.log);
    this.logFold.addEventListener("toggle", () => this.openLog());
    this.folds = [fold("Try it", this.form.root), fold("Use it from", this.uses), this.logFold];
    this.root = part("section", "mt-panel mt-server", { "aria-label": "model server", "data-lm-suppress-shortcuts": "true" });
    this.root.append(this.head, this.place, this.numbers, this.reason, this.note, ...this.folds);
  }

  makeHead() {
    this.dot = part("span", "mt-server-dot", { "aria-hidden": "true" });
    this.state = part("span", "mt-server-state", { role: "status" });
    this.name = part("bdi", "mt-server-name");
    this.serving = part("bdi", "mt-server-dim");
    this.uptime = part("span", "mt-server-dim mt-server-end");
    this.head = part("div", "mt-server-head", {}, part("span", "", {}, this.dot, " ", this.state), this.name, this.serving, this.uptime);
    this.url = part("code", "mt-server-url");
    this.buttons = new Map(["stop", "restart", "reload"].map((name) => [name, pressed("", () => this.ask({ kind: "do", name }))]));
    this.buttons.get("stop").textContent = "Stop";
    this.buttons.get("reload").textContent = "Reload";
    const group = part("span", "mt-server-row mt-server-end", { role: "group", "aria-label": "Server" }, ...this.buttons.values());
    const address = part("span", "mt-server-row", {}, this.url, copyButton("the address", () => this.url.textContent));
    this.place = part("div", "mt-server-head", {}, address, group);
  }

  makeNumbers() {
    this.spark = sparkLine(HISTORY);
    this.values = new Map();
    this.numbers = part("dl", "mt-server-numbers");
  }

  showNumbers(numbers) {
    if (this.values.size !== numbers.length) {
      this.values = new Map(numbers.map(([name]) => [name, part("dd", "")]));
      this.numbers.replaceChildren(...numbers.map(([name], at) => {
        const item = part("div", "", {}, part("dt", "", {}, name), this.values.get(name));
        if (at === 0) item.append(part("dd", "mt-server-drawn", {}, this.spark.root));
        return item;
      }));
    }
    for (const [name, text] of numbers) this.values.get(name).textContent = text;
  }

  take(news) {
    this.news = news;
    if (!news.state) return;
    this.root.dataset.state = news.state;
    this.dot.dataset.tone = news.tone;
    if (this.state.textContent !== news.state) this.state.textContent = news.state;  // read aloud when it changes
    this.name.textContent = news.name;
    this.serving.textContent = news.served;
    this.serving.title = news.behind ? `${news.serving} behind ${news.behind}` : news.serving;
    this.uptime.textContent = news.uptime;
    this.url.textContent = news.url;
    this.showNumbers(news.numbers);
    this.spark.set(news.rates);
    this.reason.textContent = news.reason;
    this.buttons.get("restart").textContent = news.begin;
    for (const [name, button] of this.buttons) enable(button, Boolean(news.can[name]) && !this.isAsked("do"));
    this.form.allow(Boolean(news.can.try));
    this.watchAge();
    this.say();
    this.follow();
  }

  // While nothing is heard of a server that runs, what is shown is of then.
  watchAge() {
    clearTimeout(this.ageing);
    this.root.removeAttribute("data-stale");
    if (this.news.state === "stopped") return;
    this.ageing = setTimeout(() => {
      this.root.setAttribute("data-stale", "");
      this.uptime.textContent = `as of ${clock(this.news.at)}`;
      this.say();
    }, STALE_AFTER);
  }

  showForm(form) {
    this.form.show(form);
    this.uses.replaceChildren(...(form.snippets ?? []).map(([name, text]) => {
      const box = textBox(name);
      box.textContent = text;
      return part("div", "mt-server-use", {}, part("div", "mt-server-row", {}, part("span", "mt-server-dim", {}, name), copyButton(`the lines for ${name}`, () => text)), box);
    }));
  }

  ask(content) {
    const id = ++this.turn;
    const timer = setTimeout(() => { this.sent.get(id).isLate = true; this.say(); }, HEARD_WITHIN);
    this.sent.set(id, { kind: content.kind, timer });
    if (content.kind === "do") for (const button of this.buttons.values()) enable(button, false);
    this.model.send({ ...content, id });
  }

  isAsked(kind) {
    return [...this.sent.values()].some((each) => each.kind === kind);
  }

  heard({ kind, id, ...content }) {
    const asked = this.sent.get(id);
    clearTimeout(asked?.timer);
    this.sent.delete(id);
    if (asked?.kind === "log") this.showLog(this.model.get("log"));  // an empty one is no news
    if (kind === "answer") this.form.take(content);
    this.say();
  }

  say() {
    const waits = [...this.sent.values()].some((each) => each.isLate);
    const text = !waits ? this.news?.note ?? "" : this.root.hasAttribute("data-stale") ? SILENT : WAITS;
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  openLog() {
    setTimeout(() => { this.log.textContent ||= "Reading…"; }, LOADING_AFTER);
    this.ask({ kind: "log", open: this.logFold.open });
  }

  showLog(text) {
    this.log.textContent = text || "Nothing was printed yet.";
    this.follow();
  }

  // Unless a reader has scrolled up, the end is seen; a panel that is put into another output begins at the top.
  follow() {
    if (this.follows) this.log.scrollTop = this.log.scrollHeight;
  }
}

// One panel a model: an output that is shown anew takes over what was drawn.
export default () => {
  let panel;
  return {
    initialize({ model }) {
      panel = new ServerPanel(model);
      model.on("change:news", () => panel.take(model.get("news")));
      model.on("change:form", () => panel.showForm(model.get("form")));
      model.on("change:log", () => panel.showLog(model.get("log")));
      model.on("msg:custom", (content) => panel.heard(content));
      panel.showForm(model.get("form"));
      panel.take(model.get("news"));
      const endFocus = keepFocus(panel.root);
      return () => { clearTimeout(panel.ageing); endFocus(); };
    },
    render({ el }) {
      el.append(panel.root);
    },
  };
};
