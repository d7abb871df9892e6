// HTML that the kernel's one builder made, which escapes all texts: it is parsed apart and put in place of what was
// there. What a reader had opened stays open.
const LOADING_AFTER = 300;

function make(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

// The n-th fold of its class: classes are the package's own words.
function folds(place) {
  const seen = {};
  return [...place.querySelectorAll("details")].map((fold) => {
    const count = (seen[fold.className] = (seen[fold.className] ?? 0) + 1);
    return [`${fold.className} ${count}`, fold];
  });
}

function replace(place, html, opened) {
  for (const [name, fold] of folds(place)) opened.set(name, fold.open);
  const scrolled = place.querySelector(".mt-scroll");
  const [left, top] = [scrolled?.scrollLeft ?? 0, scrolled?.scrollTop ?? 0];
  place.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  for (const [name, fold] of folds(place)) if (opened.has(name)) fold.open = opened.get(name);
  place.querySelector(".mt-scroll")?.scrollTo(left, top);
}

function chooser(model) {
  const label = make("label", "mt-choose", `${model.get("label")} `);
  const select = document.createElement("select");
  const fill = () => {
    select.replaceChildren(...model.get("choices").map(([value, text]) => {
      const option = make("option", "", text);
      option.value = value;
      option.selected = value === model.get("chosen");
      return option;
    }));
    label.hidden = model.get("choices").length < 2;
  };
  select.addEventListener("change", () => {
    model.set("chosen", select.value);
    model.save_changes();
  });
  model.on("change:choices change:chosen", fill);
  fill();
  label.append(select);
  return label;
}

// While the kernel has said nothing: a word, but not at once.
function waiting(place) {
  const timer = setTimeout(() => {
    if (!place.hasChildNodes()) place.append(make("span", "mt-dim", "Reading…"));
  }, LOADING_AFTER);
  return () => clearTimeout(timer);
}

function folded(model, content, state) {
  const fold = make("details", "mt-fold");
  const summary = make("summary", "mt-fold-title");
  const chevron = make("span", "mt-dim mt-chevron", "▸");
  chevron.setAttribute("aria-hidden", "true");
  const words = make("span", "");
  const name = () => { words.textContent = model.get("title"); };
  summary.append(chevron, " ", words);
  fold.append(summary, chooser(model), content);
  fold.open = state.isOpen;
  fold.addEventListener("toggle", () => {
    const wasOpen = state.isOpen;
    state.isOpen = fold.open;
    if (!fold.open || wasOpen) return;
    waiting(content);
    model.send({ kind: "open" });
  });
  model.on("change:title", name);
  name();
  return fold;
}

function build(model, state) {
  const root = make("div", "mltrack mt-html");
  const content = make("div", "");
  const show = () => replace(content, model.get("html"), state.opened);
  model.on("change:html", show);
  show();
  root.append(model.get("title") ? folded(model, content, state) : content);
  return root;
}

// An output that is displayed again gets a new view before or after the old one is thrown away: what was drawn and is
// in no page any more moves there, and whatever is drawn anew opens what a reader had opened.
export default () => {
  const drawn = new Set();
  const state = { isOpen: false, opened: new Map() };
  return {
    render({ model, el }) {
      const root = [...drawn].find((each) => !each.isConnected) ?? build(model, state);
      drawn.add(root);
      el.append(root);
    },
  };
};
