// The models' panel: registered models, the versions of the one that is open, and what may be done to these. The
// kernel's `state` is the whole view.

// A grid, above it a box that searches when there is more than a page of it, and below it the pages.
class Listed {
  constructor({ grid, of, search, send }) {
    this.grid = grid;
    this.search = make("input", { type: "search", class: "mtt-filter", spellcheck: "false", autocomplete: "off", ...search.attributes });
    const ask = () => send({ kind: search.kind, text: this.search.value });
    this.search.addEventListener("keydown", (event) => { if (event.key === "Enter") ask(); });
    this.search.addEventListener("search", () => { if (!this.search.value) ask(); });
    this.refusal = make("pre", { class: "mtt-refusal", role: "alert", hidden: "" });
    this.emptyWords = make("span");
    this.emptyCode = make("code");
    this.empty = make("div", { class: "mtt-empty", hidden: "" }, this.emptyWords, this.emptyCode);
    const turn = (to, text, label) => button(text, { class: "mtt-button", "aria-label": `${label} of the ${of}` }, () => send({ kind: "page", of, to }));
    this.before = turn("previous", "‹", "Page before");
    this.after = turn("next", "›", "Next page");
    this.pages = make("span");
    this.foot = make("div", { class: "mtt-foot" }, this.before, this.pages, this.after);
    this.parts = [this.search, this.refusal, this.empty, grid.root, this.foot];
  }

  update(state, refusal = "") {
    const { pages, empty, typed } = state;
    if (typed !== this.typed) this.search.value = this.typed = typed;
    this.search.hidden = !typed && !pages.before && !pages.after;
    setAttribute(this.search, "aria-invalid", refusal ? "true" : null);
    setText(this.refusal, refusal);
    this.refusal.hidden = !refusal;
    this.empty.hidden = !empty;
    setText(this.emptyWords, empty?.words ?? "");
    setText(this.emptyCode, empty?.code ?? "");
    this.emptyCode.hidden = !empty?.code;
    this.grid.root.hidden = Boolean(empty);
    this.grid.update(state);
    this.foot.hidden = !pages.before && !pages.after;
    setText(this.pages, pages.words);
    this.before.disabled = !pages.before;
    this.after.disabled = !pages.after;
  }
}

function waitingMark() {
  return make("span", { class: "mtt-dim mtm-waiting", hidden: "" }, "loading…");
}

class ModelsPanel {
  constructor(model) {
    this.model = model;
    const tools = { send: (message) => this.send(message), say: (text) => setText(this.told, text) };
    this.told = make("div", { class: "mtt-hidden", "aria-live": "polite" });
    this.makeModels(tools);
    this.makeVersions(tools);
    this.root = make("div", { class: "mtt mtm", "aria-label": "Models", role: "region" }, this.models, this.problem, this.versions, this.told);
    this.requests = new PageRequests({ root: this.root, onWait: (isWaiting) => this.wait(isWaiting), onGone: (text) => this.complain(text) });
    // The host's shortcuts (in JupyterLab d d deletes the cell) are not meant by who works in the panel.
    this.root.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation(); });
  }

  makeModels(tools) {
    const search = { kind: "find", attributes: { placeholder: "Part of a name", "aria-label": "Find registered models" } };
    this.listedModels = new Listed({ grid: new ModelGrid(tools), of: "models", search, ...tools });
    this.modelsCount = make("span", { role: "status" });
    this.models = make("section", { class: "mtm-models", "aria-label": "Registered models" }, make("div", { class: "mtt-line" }, this.modelsCount, waitingMark()), ...this.listedModels.parts);
  }

  makeVersions(tools) {
    const search = { kind: "filter", attributes: { placeholder: "12, or version_number >= 3 and tags.team = 'risk'", "aria-label": "Filter versions" } };
    this.listedVersions = new Listed({ grid: new VersionGrid(tools), of: "versions", search, ...tools });
    this.actions = new VersionActions(tools);
    this.title = make("strong", { class: "mtm-title" });
    this.count = make("span", { role: "status" });
    this.naming = make("span", { class: "mtm-naming" });
    this.chosen = make("span", { hidden: "" });
    this.chosenWords = make("span");
    this.chosen.append(this.chosenWords, " · ", button("clear", { class: "mtt-link" }, () => this.send({ kind: "select", only: true })));
    this.description = make("div", { class: "mtm-description" });
    this.said = make("div", { class: "mtm-said", role: "status" });
    this.problem = make("div", { class: "mtt-problem", role: "alert", hidden: "" });
    const line = make("div", { class: "mtt-line" }, this.title, this.count, this.naming, this.chosen, waitingMark());
    this.versions = make("section", { "aria-label": "Versions" }, line, this.description, this.actions.bar, this.actions.form, this.said, ...this.listedVersions.parts);
  }

  send(message) {
    this.requests.send(this.model, message);
  }

  wait(isWaiting) {
    for (const mark of this.root.querySelectorAll(".mtm-waiting")) mark.hidden = !isWaiting;
  }

  complain(text) {
    setText(this.problem, text);
    this.problem.hidden = !text;
  }

  update() {
    const state = this.model.get("state");
    if (!("models" in state) || !this.requests.isAnswered(state)) return;
    const { models, versions } = state;
    this.complain(state.problem);
    this.models.hidden = !models;
    if (models) {
      setText(this.modelsCount, models.empty ? "" : models.count);
      this.listedModels.update(models);
    }
    this.versions.hidden = !versions;
    if (versions) this.updateVersions(state, versions);
  }

  updateVersions(state, versions) {
    setText(this.title, versions.title);
    setText(this.count, versions.count);
    this.updateNaming(versions.naming);
    this.chosen.hidden = !versions.chosen.length;
    setText(this.chosenWords, versions.chosen.length ? `${named(versions.chosen)} chosen` : "");
    setText(this.description, versions.description);
    setText(this.said, state.said);
    const isEmpty = Boolean(versions.empty && !versions.typed);
    this.actions.bar.hidden = isEmpty;
    this.count.hidden = isEmpty;
    this.actions.update({ ...versions, comparing: state.comparing }, state.problem);
    this.listedVersions.update({ ...versions, typed: state.typed ?? versions.typed }, state.refusal);
  }

  updateNaming(naming) {
    const words = JSON.stringify(naming);
    if (words === this.namingWords) return;
    this.namingWords = words;
    this.naming.replaceChildren(...naming.map(({ name, version }) =>
      button(`${name} ${version}`, { class: "mtt-link", title: `Choose version ${version}` }, () => this.send({ kind: "select", add: [version], only: true }))));
  }
}

// JupyterLab shows an output that is updated in a new place; the panel that stood in the old one moves there.
export default () => {
  const panels = new Set();
  return {
    initialize({ model }) {
      model.on("change:state", () => { for (const panel of panels) panel.update(); });
    },
    render({ model, el }) {
      let panel = [...panels].find(({ root }) => !root.isConnected);
      if (!panel) panels.add(panel = new ModelsPanel(model));
      panel.model = model;
      el.append(panel.root);
      panel.update();
    },
  };
};
