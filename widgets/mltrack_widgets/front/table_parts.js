// What the run table is made of. Texts come from the kernel and are only ever set as text.
function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function button(text, attributes, onClick) {
  const made = make("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", onClick);
  return made;
}

// Sets what differs only, so that a reader of the screen is not told again what it knows.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

// A run's line as charts draw it: its colour, and its dashes.
function swatch(colour, dashes) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "line");
  const place = { x1: 0, y1: 2, x2: 16, y2: 2, stroke: colour, "stroke-width": 4 };
  if (dashes !== "1 0") place["stroke-dasharray"] = dashes;
  for (const [key, value] of Object.entries(place)) line.setAttribute(key, value);
  for (const [key, value] of [["width", 16], ["height", 4], ["aria-hidden", "true"]]) picture.setAttribute(key, value);
  picture.append(line);
  return picture;
}

// The clipboard is closed to pages that came by plain http from another machine; there a selection can be copied.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { "aria-hidden": "true" });
    field.value = text;
    field.style.position = "fixed";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
