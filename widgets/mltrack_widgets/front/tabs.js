// A row of tabs: the kernel is told which one is chosen, and shows what belongs to it.
const KEYS = { ArrowRight: 1, ArrowLeft: -1 };

function tab(model, name, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("role", "tab");
  button.dataset.name = name;
  button.textContent = text;
  button.addEventListener("click", () => choose(model, name));
  return button;
}

function choose(model, name) {
  model.set("chosen", name);
  model.save_changes();
}

function mark(row, chosen) {
  for (const button of row.children) {
    const here = button.dataset.name === chosen;
    button.setAttribute("aria-selected", String(here));
    button.tabIndex = here ? 0 : -1;
  }
}

function walk(model, row, event) {
  const by = KEYS[event.key];
  if (!by) return;
  event.preventDefault();
  event.stopPropagation();
  const buttons = [...row.children];
  const next = buttons[(buttons.indexOf(event.target) + by + buttons.length) % buttons.length];
  choose(model, next.dataset.name);
  next.focus();
}

export default {
  render({ model, el }) {
    const row = document.createElement("div");
    row.className = "mt-tabs";
    row.setAttribute("role", "tablist");
    row.setAttribute("aria-label", model.get("label"));
    row.setAttribute("data-lm-suppress-shortcuts", "true");  // keys are for the tabs, not for the notebook
    row.append(...model.get("tabs").map(([name, text]) => tab(model, name, text)));
    row.addEventListener("keydown", (event) => walk(model, row, event));
    const show = () => mark(row, model.get("chosen"));
    model.on("change:chosen", show);
    show();
    el.append(row);
    return () => model.off("change:chosen", show);
  },
};
