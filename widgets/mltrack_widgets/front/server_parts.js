// Small parts of a server's panel. All texts are set as text.
const SVG = "http://www.w3.org/2000/svg";
const COPIED_FOR = 2000;
const MOVED_WITHIN = 150;
let counted = 0;

function part(name, css, attributes = {}, ...children) {
  const made = document.createElement(name);
  if (css) made.className = css;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function uniqueId() {
  return `mt-server-${Date.now().toString(36)}-${counted++}`;
}

// A button that cannot be pressed now keeps the focus, which a disabled one would lose.
function pressed(text, press, attributes = {}) {
  const button = part("button", "mt-server-button", { type: "button", ...attributes }, text);
  button.addEventListener("click", () => { if (button.getAttribute("aria-disabled") !== "true") press(); });
  return button;
}

function enable(button, isEnabled) {
  button.setAttribute("aria-disabled", String(!isEnabled));
}

function fold(title, ...children) {
  const chevron = part("span", "mt-server-chevron", { "aria-hidden": "true" }, "▸");
  const root = part("details", "mt-server-fold", {}, part("summary", "", {}, chevron, " ", title));
  const body = part("div", "mt-server-body", {}, ...children);
  root.append(body);
  return root;
}

// A box that scrolls can be reached by keyboard.
function textBox(label) {
  return part("pre", "mt-server-text", { tabindex: "0", role: "region", "aria-label": label });
}

function copyButton(what, textOf) {
  const button = pressed("Copy", async () => {
    button.textContent = (await copy(textOf())) ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = "Copy"; }, COPIED_FOR);
  }, { "aria-label": `Copy ${what}`, "aria-live": "polite" });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOld(text);
  }
}

// Where the page was not loaded over https or from this machine, there is no clipboard but by this.
function copyOld(text) {
  const before = document.activeElement;
  const area = part("textarea", "", { readonly: "", style: "position:fixed;opacity:0" });
  area.value = text;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  before?.focus?.();
  return isDone;
}

// The last minute of requests a second, the newest at the right.
function sparkLine(count) {
  const [width, height] = [count, 16];
  const line = document.createElementNS(SVG, "polyline");
  const root = document.createElementNS(SVG, "svg");
  root.setAttribute("class", "mt-server-spark");
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  root.setAttribute("aria-hidden", "true");
  root.append(line);
  return {
    root,
    set(values) {
      const highest = Math.max(1, ...values);
      const first = count - values.length;
      const places = values.map((value, at) => `${first + at + 0.5},${(height - 1 - (value / highest) * (height - 2)).toFixed(1)}`);
      line.setAttribute("points", places.join(" "));
      root.toggleAttribute("data-empty", values.length < 2);
    },
  };
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

// An output that is shown anew takes what it shows out of the page and puts it back: what had the focus has it again,
// unless a hand has just put it elsewhere. Gives what ends this.
function keepFocus(root) {
  let touched = -Infinity;
  const touch = () => { touched = performance.now(); };
  const lost = ({ target, relatedTarget }) => {
    if (relatedTarget || performance.now() - touched < MOVED_WITHIN) return;
    setTimeout(() => { if (document.activeElement === document.body && target.isConnected) target.focus({ preventScroll: true }); }, MOVED_WITHIN);
  };
  document.addEventListener("pointerdown", touch, true);
  root.addEventListener("focusout", lost);
  return () => document.removeEventListener("pointerdown", touch, true);
}
