// What may be done to the chosen versions: a row of buttons, and below it the form of the one that was pressed.
const isOne = ({ chosen }) => chosen.length === 1;
const isSome = ({ chosen }) => chosen.length > 0;
const ACTIONS = [
  { name: "promote", label: "Promote…", needs: isSome, words: "Choose a version to promote" },
  { name: "alias", label: "Set alias…", needs: isOne, words: "Choose one version to name" },
  { name: "unalias", label: "Remove alias…", needs: ({ chosen }) => chosen.some(({ aliases }) => aliases.length), words: "Choose a version that has an alias" },
  { name: "describe", label: "Describe…", needs: ({ chosen }) => chosen.length < 2, words: "Choose one version, or none for the model" },
  { name: "compare", label: "Compare", needs: ({ runs, comparing }) => runs > 1 || comparing, words: "Choose two versions or more" },
  { name: "serve", label: "Serve…", needs: isOne, words: "Choose one version to serve" },
  { name: "check", label: "Check files", needs: isSome, words: "Choose versions whose files to compare with those that were registered" },
];

function named(chosen) {
  const numbers = chosen.map(({ version }) => version).sort((one, other) => one - other);
  if (numbers.length < 2) return `version ${numbers[0]}`;
  return `versions ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;
}

function choice(label, options, value) {
  const made = make("select", { class: "mtm-field", "aria-label": label }, ...options.map((each) => make("option", { value: each }, each)));
  if (value !== undefined) made.value = value;
  return made;
}

// Each gives the elements of a form, the message it sends, and the word on its button.
const FORMS = {
  promote({ chosen, stages }) {
    const stage = choice("Stage", stages.map(({ name }) => name), chosen[0].stage === "Staging" ? "Production" : "Staging");
    const archive = make("input", { type: "checkbox" });
    const switched = make("label", { class: "mtt-switch" }, archive, "archive the others in it");
    const follow = () => { switched.hidden = !stages.find(({ name }) => name === stage.value).active; };
    stage.addEventListener("change", follow);
    follow();
    const message = () => ({ stage: stage.value, archive: archive.checked && !switched.hidden });
    return { parts: [`Move ${named(chosen)} to`, stage, switched], message, submit: "Promote" };
  },

  alias({ chosen, aliases }) {
    const alias = make("input", { type: "text", class: "mtm-field", "aria-label": "Alias", placeholder: "champion", spellcheck: "false", autocomplete: "off", required: "" });
    const before = make("span", { class: "mtt-dim", role: "status" });
    alias.addEventListener("input", () => {
      const number = Object.hasOwn(aliases, alias.value.trim()) ? aliases[alias.value.trim()] : null;
      setText(before, number ? `it names version ${number} now` : "");
    });
    return { parts: ["Let", alias, `name ${named(chosen)}`, before], message: () => ({ alias: alias.value }), submit: "Set alias" };
  },

  unalias({ chosen }) {
    const alias = choice("Alias", chosen.flatMap(({ aliases }) => aliases));
    return { parts: ["Take away the alias", alias], message: () => ({ alias: alias.value }), submit: "Remove alias" };
  },

  describe({ chosen, description }) {
    const text = make("textarea", { class: "mtm-field mtm-text", "aria-label": "Description", rows: 3 });
    text.value = chosen.length ? chosen[0].description : description;
    const what = chosen.length ? named(chosen) : "the model";
    return { parts: [`Description of ${what}`, text], message: () => ({ text: text.value }), submit: "Save" };
  },

  serve({ chosen }) {
    const line = make("code", { class: "mtm-line", tabindex: 0 }, chosen[0].serve);
    return { parts: ["In a cell of its own:", line], line: chosen[0].serve, submit: "Copy" };
  },
};

class VersionActions {
  // `send` takes a message for the kernel; `say` tells a reader of the screen.
  constructor({ send, say }) {
    this.send = send;
    this.say = say;
    this.buttons = new Map(ACTIONS.map((each) => [each.name, button(each.label, { class: "mtt-button" }, () => this.pressed(each.name))]));
    this.bar = make("div", { class: "mtm-actions", role: "group", "aria-label": "Do with the chosen versions" }, ...this.buttons.values());
    this.form = make("form", { class: "mtm-form", hidden: "" });
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.form.addEventListener("keydown", (event) => this.keyed(event));
  }

  pressed(name) {
    if (name === "compare") this.send({ kind: "compare", on: !this.state.comparing });
    else if (name === "check") this.tell({ kind: "check" });
    else if (this.opened?.name === name) this.close();
    else this.open(name);
  }

  tell(message) {
    this.send({ ...message, name: this.state.name, versions: this.state.chosen.map(({ version }) => version) });
  }

  open(name) {
    this.close();
    const form = FORMS[name](this.state);
    this.opened = { name, ...form, about: this.about(this.state) };
    const submit = make("button", { type: "submit", class: "mtt-button mtm-main" }, form.submit);
    const cancel = button(form.line ? "Close" : "Cancel", { class: "mtt-button" }, () => this.close());
    this.form.setAttribute("aria-label", ACTIONS.find((each) => each.name === name).label.replace("…", ""));
    this.form.replaceChildren(...form.parts.map((part) => (typeof part === "string" ? make("span", {}, part) : part)), make("span", { class: "mtm-ends" }, submit, cancel));
    this.form.hidden = false;
    this.buttons.get(name).setAttribute("aria-expanded", "true");
    this.form.querySelector("select, input, textarea, code").focus();
  }

  close() {
    if (!this.opened) return;
    const opener = this.buttons.get(this.opened.name);
    const hadFocus = this.form.contains(document.activeElement);
    this.opened = null;
    this.form.hidden = true;
    this.form.replaceChildren();
    opener.removeAttribute("aria-expanded");
    if (hadFocus) opener.focus();
  }

  async submit() {
    const { name, line, message } = this.opened;
    if (line) {
      this.say((await copyText(line)) ? `Copied ${line}` : "It could not be copied; select it.");
      return;
    }
    this.opened.isSent = true;
    this.tell({ kind: name, ...message() });
  }

  keyed(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.submit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  about({ name, chosen }) {
    return JSON.stringify([name, chosen.map(({ version }) => version)]);
  }

  // A form stays open until what it asked for is done, so that what was refused can be mended.
  update(state, problem) {
    this.state = state;
    if (this.opened && (this.opened.about !== this.about(state) || (this.opened.isSent && !problem))) this.close();
    for (const { name, needs, words } of ACTIONS) {
      const made = this.buttons.get(name);
      made.disabled = !needs(state);
      setAttribute(made, "title", made.disabled ? words : null);
    }
    setAttribute(this.buttons.get("compare"), "aria-pressed", String(state.comparing));
  }
}
