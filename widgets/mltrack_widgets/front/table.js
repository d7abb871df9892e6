// The run table: what stands above and below the rows. The kernel's `state` is the whole view.
const EXAMPLE = "metrics.accuracy > 0.9 and params.C = '0.5'";

class RunTable {
  constructor(model) {
    this.model = model;
    this.grid = new Grid({ send: (message) => this.send(message), say: (text) => setText(this.told, text) });
    this.makeBar();
    this.makeWords();
    this.makeFoot();
    this.root = make("div", { class: "mtt", "aria-label": "Runs", role: "region" },
      this.bar, this.refusal, this.line, this.problem, this.empty, this.grid.root, this.foot, this.told);
    this.requests = new PageRequests({ root: this.root, onWait: (isWaiting) => this.wait(isWaiting), onGone: (text) => this.complain(text) });
    // The host's shortcuts (in JupyterLab d d deletes the cell) are not meant by who works in the table.
    this.root.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation(); });
  }

  makeBar() {
    this.filter = make("input", { type: "search", class: "mtt-filter", placeholder: EXAMPLE, "aria-label": "Filter runs", spellcheck: "false", autocomplete: "off" });
    this.filter.addEventListener("keydown", (event) => { if (event.key === "Enter") this.sendFilter(); });
    this.filter.addEventListener("search", () => { if (!this.filter.value) this.sendFilter(); });
    const onOpen = () => this.send({ kind: "fields" });
    const usual = button("Usual columns", { class: "mtt-link" }, () => this.send({ kind: "column", column: "" }));
    this.columns = new Popover({ label: "Columns", foot: [usual], onOpen, entry: columnEntry((column, on) => this.send({ kind: "column", column, on })) });
    this.groups = new Popover({ label: "Group by", onOpen, entry: groupEntry((column) => this.chooseGroup(column)) });
    this.fold = make("input", { type: "checkbox" });
    this.fold.addEventListener("change", () => this.send({ kind: "fold", on: this.fold.checked }));
    const fold = make("label", { class: "mtt-switch", title: "One row for all runs of a cell" }, this.fold, "Fold attempts");
    this.bar = make("div", { class: "mtt-bar" }, this.filter, fold, this.groups.opener, this.columns.opener, this.groups.panel, this.columns.panel);
  }

  makeWords() {
    this.refusal = make("pre", { class: "mtt-refusal", role: "alert", id: `mtt-refusal-${pageName}-${(serials += 1)}`, hidden: "" });
    this.count = make("span", { role: "status" });
    this.scope = make("span", { class: "mtt-dim" });
    this.chosen = make("span", { class: "mtt-chosen", hidden: "" });
    this.chosenWords = make("span");
    this.chosen.append(this.chosenWords, " · ", button("clear", { class: "mtt-link" }, () => this.send({ kind: "select", only: true })));
    this.compared = make("span", { class: "mtt-compared", hidden: "" });
    this.comparedWords = make("span");
    this.compared.append(this.comparedWords, " · ", button("stop", { class: "mtt-link", "aria-label": "Compare with the baseline no more" }, () => this.send({ kind: "baseline", run: "" })));
    this.grouped = make("span", { hidden: "" });
    this.groupedWords = make("span");
    this.grouped.append(this.groupedWords, " · ", button("ungroup", { class: "mtt-link" }, () => this.send({ kind: "group", column: "" })));
    this.waiting = make("span", { class: "mtt-dim", hidden: "" }, "loading…");
    this.line = make("div", { class: "mtt-line" }, make("span", {}, this.count, " ", this.scope), this.grouped, this.chosen, this.compared, this.waiting);
    this.problem = make("div", { class: "mtt-problem", role: "alert", hidden: "" });
    this.emptyWords = make("span");
    this.emptyCode = make("code");
    this.empty = make("div", { class: "mtt-empty", hidden: "" }, this.emptyWords, this.emptyCode);
    this.told = make("div", { class: "mtt-hidden", "aria-live": "polite" });
  }

  makeFoot() {
    const turn = (to, text, label) => button(text, { class: "mtt-button", "aria-label": label }, () => this.send({ kind: "page", to }));
    this.before = turn("previous", "‹", "Rows before");
    this.after = turn("next", "›", "Rows after");
    this.pages = make("span");
    this.foot = make("div", { class: "mtt-foot" }, this.before, this.pages, this.after);
  }

  sendFilter() {
    this.send({ kind: "filter", text: this.filter.value });
  }

  chooseGroup(column) {
    this.groups.panel.hidePopover();
    this.send({ kind: "group", column });
  }

  send(message) {
    this.requests.send(this.model, message);
  }

  complain(text) {
    setText(this.problem, text);
    this.problem.hidden = !text;
  }

  wait(isWaiting) {
    this.waiting.hidden = !isWaiting;
    setAttribute(this.grid.table, "aria-busy", isWaiting || null);
  }

  update() {
    const state = this.model.get("state");
    if (!state.columns || !this.requests.isAnswered(state)) return;
    this.updateBar(state);
    this.updateWords(state);
    const isEmpty = Boolean(state.empty);
    this.grid.root.hidden = isEmpty;
    this.foot.hidden = !state.pages.before && !state.pages.after;
    this.grid.update(state);
    setText(this.pages, state.pages.words);
    this.before.disabled = !state.pages.before;
    this.after.disabled = !state.pages.after;
  }

  updateBar(state) {
    if (state.typed !== this.typed) this.filter.value = this.typed = state.typed;
    setText(this.refusal, state.refusal ?? "");
    this.refusal.hidden = !state.refusal;
    setAttribute(this.filter, "aria-invalid", state.refusal ? "true" : null);
    setAttribute(this.filter, "aria-describedby", state.refusal ? this.refusal.id : null);
    this.fold.checked = state.folded;
    this.updateFields(state);
  }

  updateFields(state = this.model.get("state")) {
    const fields = this.model.get("fields");
    this.columns.show(fields, state.columns.map(({ key }) => key));
    this.groups.show(fields.filter(({ group }) => group), state.group);
  }

  updateWords(state) {
    setText(this.count, state.count);
    setText(this.scope, state.scope);
    show(this.grouped, this.groupedWords, state.grouped && `by ${state.grouped}`);
    show(this.chosen, this.chosenWords, state.chosen ? `${state.chosen} selected` : "");
    show(this.compared, this.comparedWords, state.baseline && `compared with ${state.baseline.name}`);
    this.line.hidden = false;
    this.complain(state.problem);
    this.empty.hidden = !state.empty;
    setText(this.emptyWords, state.empty?.words ?? "");
    setText(this.emptyCode, state.empty?.code ?? "");
    this.emptyCode.hidden = !state.empty?.code;
  }
}

function show(element, words, text) {
  element.hidden = !text;
  setText(words, text || "");
}

// JupyterLab shows an output that is updated in a new place; the table that stood in the old one moves there.
export default () => {
  const tables = new Set();
  return {
    initialize({ model }) {
      model.on("change:state", () => { for (const table of tables) table.update(); });
      model.on("change:fields", () => { for (const table of tables) table.updateFields(); });
    },
    render({ model, el }) {
      let table = [...tables].find(({ root }) => !root.isConnected);
      if (!table) tables.add(table = new RunTable(model));
      table.model = model;
      el.append(table.root);
      table.update();
    },
  };
};
