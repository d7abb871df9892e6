// Reruns: HTML that the kernel's one builder made, which escapes all texts, and a button that stops them.
const HEARD_WITHIN = 700;
const SILENT_AFTER = 10000;
const SILENT = "The kernel does not answer; if it was restarted, run the cell again to go on.";
const WAITS = "Waits until the running cell has ended.";

function make(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

function replace(place, html) {
  const boxes = () => [...place.querySelectorAll(".mt-scroll, pre")];
  const before = boxes().map((box) => [box.scrollLeft, box.scrollTop, box.scrollHeight - box.scrollTop - box.clientHeight < 24]);
  const focus = boxes().indexOf(document.activeElement);
  place.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  boxes().forEach((box, at) => {
    const [left, top, atEnd] = before[at] ?? [0, 0, true];
    const follows = box.tagName === "PRE" && atEnd;  // unless a reader has scrolled up, the end is seen
    box.scrollTo(left, follows ? box.scrollHeight : top);
  });
  if (focus >= 0) boxes()[focus]?.focus({ preventScroll: true });
}

function build(model) {
  const root = make("section", "mt-panel mt-sweep");
  root.setAttribute("aria-label", "reruns");
  const content = make("div", "mltrack");
  const note = make("div", "mt-sweep-note");
  note.setAttribute("role", "status");
  const controls = make("div", "mt-controls");
  const stop = make("button", "mt-switch", "Stop");
  stop.type = "button";
  controls.append(stop);
  let timer;
  let newsAt = Date.now();
  stop.addEventListener("click", () => {
    if (stop.getAttribute("aria-disabled") === "true") return;
    stop.setAttribute("aria-disabled", "true");
    timer = setTimeout(() => { note.textContent = Date.now() - newsAt > SILENT_AFTER ? SILENT : WAITS; }, HEARD_WITHIN);
    try { model.send({ kind: "stop" }); } catch { newsAt = 0; }  // the kernel that it knew is gone
  });
  const show = () => replace(content, model.get("html"));
  const tell = () => {
    controls.hidden = !model.get("runs");
    if (controls.hidden) { clearTimeout(timer); note.textContent = model.get("words"); }
  };
  model.on("change:html", () => { newsAt = Date.now(); show(); });
  model.on("change:runs change:words", tell);
  model.on("msg:custom", ({ kind }) => {
    if (kind !== "heard") return;
    clearTimeout(timer);
    note.textContent = "Stopping.";
  });
  show();
  tell();
  root.append(controls, content, note);
  return root;
}

// An output that is displayed again gets a new view before or after the old one is thrown away: what was drawn and is
// in no page any more moves there.
export default () => {
  const drawn = new Set();
  return {
    render({ model, el }) {
      const root = [...drawn].find((each) => !each.isConnected) ?? build(model);
      drawn.add(root);
      el.append(root);
    },
  };
};
