// What is said of a mark under the pointer: a small table of texts beside it. Nothing in it is read as HTML.
function tooltip() {
  const box = element("div", { class: "mt-tip", role: "tooltip", hidden: "" });
  return {
    box,
    // rows: [[name, value, swatch or undefined], …]; where: the pointer's event
    show(heading, rows, where) {
      box.replaceChildren(...(heading ? [element("div", { class: "mt-tip-head" }, heading)] : []), tipTable(rows));
      if (!box.isConnected) document.body.append(box);
      box.hidden = false;
      placeBeside(box, where);
    },
    hide() { box.hidden = true; },
    remove() { box.remove(); },
  };
}

function tipTable(rows) {
  const table = element("table");
  for (const [name, value, line] of rows) {
    const head = element("th", { scope: "row" }, ...(line ? [swatch(line)] : []), cutMiddle(String(name), 40));
    table.append(element("tr", {}, head, element("td", {}, cutMiddle(shownValue(value), 60))));
  }
  return table;
}

function placeBeside(box, { clientX, clientY }) {
  const { width, height } = box.getBoundingClientRect();
  const left = clientX + 12 + width > innerWidth ? clientX - 12 - width : clientX + 12;
  const top = clientY + 12 + height > innerHeight ? clientY - 12 - height : clientY + 12;
  box.style.left = `${Math.max(0, left)}px`;
  box.style.top = `${Math.max(0, top)}px`;
}

// Vega's own handler sets HTML, and a picture for a key called "image".
function vegaTooltip(tip) {
  return (_, event, __, value) => {
    if (value === null || value === undefined || value === "") return tip.hide();
    const rows = typeof value === "object" ? Object.entries(value) : [["", value]];
    return tip.show("", rows, event);
  };
}

// Four significant digits, as everywhere; whole numbers whole.
function shownValue(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e9 ? String(Number(value.toPrecision(4))) : value.toExponential(3).replace(/\.?0+e/, "e");
}

function cutMiddle(text, width) {
  const letters = Array.from(text);
  if (letters.length <= width) return text;
  const head = Math.floor(width / 2);
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (width - head - 1)).join("")}`;
}

// A run's line as it is drawn: {colour, dashes}.
function swatch({ colour, dashes }) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "line");
  const set = (part, values) => { for (const [key, value] of Object.entries(values)) part.setAttribute(key, value); };
  set(picture, { class: "mt-swatch", width: 18, height: 8, "aria-hidden": "true" });
  set(line, { x1: 0, x2: 18, y1: 4, y2: 4, stroke: colour, "stroke-width": 3, "stroke-dasharray": (dashes ?? [1, 0]).join(" ") });
  picture.append(line);
  return picture;
}
