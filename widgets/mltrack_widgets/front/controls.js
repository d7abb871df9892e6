// What stands above a chart or table: choices, switches, sliders and texts, described by the kernel as
//   {name, label, kind, value, options: [[value, text], …], low, high, by, words, disabled}
// kind: "choice" (one of the options), "many" (some of them), "switch" (on or off), "range" (a number from low to high in
// steps of by), "text" (a line, told when Enter is pressed or the field is left) or "press" (a button).
// words stand beside a control, or are the placeholder of a text. All texts are set as text.
//
// controlBar(tell) makes a bar; bar.show(controls) brings it up to date and keeps the focus; tell(name, value) is called at
// each change of a person's. The element is bar.root.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function controlBar(tell) {
  const bar = { root: element("div", { class: "mt-controls", role: "group", "aria-label": "Controls" }), made: new Map() };
  bar.show = (controls) => showControls(bar, controls ?? [], tell);
  return bar;
}

// What of a control decides its elements; anything else can be changed in place.
function shapeOf({ name, label, kind, options, low, high, by }) {
  return JSON.stringify([name, label, kind, options, low, high, by]);
}

function showControls(bar, controls, tell) {
  const kept = bar.made;
  bar.made = new Map();
  for (const control of controls) {
    const shape = shapeOf(control);
    const before = kept.get(control.name);
    const one = before?.shape === shape ? before : { shape, ...MAKERS[control.kind](control, (value) => tell(control.name, value)) };
    one.set(control);
    bar.made.set(control.name, one);
  }
  const parts = [...bar.made.values()].map((one) => one.root);
  const focused = controls.find(({ name }) => kept.get(name)?.root.contains(document.activeElement))?.name;
  if (parts.length !== bar.root.children.length || parts.some((part, i) => bar.root.children[i] !== part)) {
    bar.root.replaceChildren(...parts);
    if (focused) (bar.made.get(focused).focus ?? bar.made.get(focused).root.querySelector("select, input, button, summary"))?.focus();
  }
  bar.root.hidden = !parts.length;
}

function choiceControl({ label, options }, tell) {
  const select = element("select", { class: "mt-select", "aria-label": label });
  options.forEach(([, text], i) => select.append(element("option", { value: i }, text)));
  select.addEventListener("change", () => tell(options[select.value][0]));
  return {
    root: element("label", { class: "mt-control" }, element("span", {}, label), select),
    focus: select,
    set({ value, disabled }) {
      select.value = options.findIndex(([each]) => each === value);
      select.disabled = Boolean(disabled);
    },
  };
}

function switchControl({ label }, tell) {
  const button = element("button", { class: "mt-switch", type: "button" }, label);
  button.addEventListener("click", () => {
    const value = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", value);
    tell(value);
  });
  return {
    root: button,
    focus: button,
    set({ value, disabled, words }) {
      button.setAttribute("aria-pressed", Boolean(value));
      button.disabled = Boolean(disabled);
      button.title = words ?? "";
    },
  };
}

function pressControl({ label }, tell) {
  const button = element("button", { class: "mt-switch", type: "button" }, label);
  button.addEventListener("click", () => tell(true));
  return { root: button, focus: button, set: ({ disabled, words }) => { button.disabled = Boolean(disabled); button.title = words ?? ""; } };
}

function rangeControl({ label, low, high, by }, tell) {
  const input = element("input", { class: "mt-range", type: "range", "aria-label": label, min: low, max: high, step: by });
  const output = element("output", { class: "mt-value" });
  let waiting;
  input.addEventListener("input", () => {
    output.textContent = input.value;
    clearTimeout(waiting);
    waiting = setTimeout(() => { waiting = undefined; tell(Number(input.value)); }, 120);
  });
  return {
    root: element("label", { class: "mt-control" }, element("span", {}, label), input, output),
    focus: input,
    set({ value, disabled, words }) {
      input.disabled = Boolean(disabled);
      input.title = words ?? "";
      if (waiting) return;  // a hand is on it
      input.value = value;
      output.textContent = input.value;
    },
  };
}

function textControl({ label }, tell) {
  const input = element("input", { class: "mt-text", type: "text", "aria-label": label, spellcheck: "false", autocomplete: "off" });
  let told = "";
  const say = () => {
    if (input.value === told) return;
    told = input.value;
    tell(told);
  };
  input.addEventListener("change", say);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") say(); event.stopPropagation(); });
  return {
    root: element("label", { class: "mt-control mt-wide" }, element("span", {}, label), input),
    focus: input,
    set({ value, words, disabled }) {
      input.placeholder = words ?? "";
      input.disabled = Boolean(disabled);
      if (document.activeElement === input && input.value !== told) return;  // being typed in
      input.value = told = value ?? "";
    },
  };
}

// Some of many: a list of check boxes behind a line that says how many are chosen, with a field to find one by its name.
function manyControl({ label, options }, tell) {
  const boxes = options.map(() => element("input", { type: "checkbox" }));
  const lines = options.map(([, text], i) => element("label", { class: "mt-option", title: text }, boxes[i], element("span", {}, text)));
  const summary = element("summary", { class: "mt-switch" });
  const list = element("div", { class: "mt-list", role: "group", "aria-label": label }, ...lines);
  const parts = options.length > 10 ? [findField(label, options, lines), list] : [list];
  const root = element("details", { class: "mt-many" }, summary, element("div", { class: "mt-drop" }, ...parts));
  const count = () => { summary.textContent = `${label} (${boxes.filter((box) => box.checked).length} of ${boxes.length})`; };
  list.addEventListener("change", () => {
    count();
    tell(options.filter((_, i) => boxes[i].checked).map(([value]) => value));
  });
  closeWhenLeft(root, summary);
  return {
    root,
    focus: summary,
    set({ value }) {
      options.forEach(([each], i) => { boxes[i].checked = (value ?? []).includes(each); });
      count();
    },
  };
}

function findField(label, options, lines) {
  const field = element("input", { class: "mt-text", type: "search", placeholder: "find", "aria-label": `Find in ${label}` });
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    options.forEach(([, text], i) => { lines[i].hidden = !text.toLowerCase().includes(wanted); });
  });
  field.addEventListener("keydown", (event) => { if (event.key !== "Escape") event.stopPropagation(); });
  return field;
}

function closeWhenLeft(details, summary) {
  const outside = (event) => { if (!details.contains(event.target)) details.open = false; };
  details.addEventListener("toggle", () => {
    const listen = details.open ? "addEventListener" : "removeEventListener";
    document[listen]("pointerdown", outside, true);
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    summary.focus();
    event.stopPropagation();
  });
  details.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !details.contains(relatedTarget)) details.open = false;
  });
}

const MAKERS = {
  choice: choiceControl,
  many: manyControl,
  switch: switchControl,
  press: pressControl,
  range: rangeControl,
  text: textControl,
};
