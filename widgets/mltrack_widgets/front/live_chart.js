// One metric as a small chart: a line that grows, light grid, labels, and the values of the nearest point on hover.
const SIZE = { width: 320, height: 200, left: 48, right: 8, top: 26, bottom: 36 };
const TITLE_ROOM = 30;

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(made, attributes);
  made.append(...children);
  return made;
}

function set(node, attributes) {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
}

function middleCut(text, room) {
  const characters = [...text];
  if (characters.length <= room) return text;
  const head = Math.floor(room / 2);
  return `${characters.slice(0, head).join("")}…${characters.slice(head + 1 - room).join("")}`;
}

// Four significant digits; very large and very small numbers take an exponent.
function written(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e9) return String(Number(value.toPrecision(4)));
  const [digits, power] = value.toExponential(3).split("e");
  const sign = power.startsWith("-") ? "-" : "+";
  return `${Number(digits)}e${sign}${power.slice(1).padStart(2, "0")}`;
}

function roundStep(step) {
  if (!(step > 0) || !Number.isFinite(step)) return 0;
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].find((size) => size * power >= step * (1 - 1e-9)) * power;
}

function linearMarks(low, high, most) {
  const by = roundStep((high - low) / most);
  if (!by) return [low, high];
  const first = Math.ceil(low / by - 1e-9);
  const last = Math.min(Number.MAX_VALUE, high + by * 1e-9);
  return Array.from({ length: most + 2 }, (_, i) => (first + i) * by).filter((value) => value <= last);
}

function logMarks(low, high, most) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const by = Math.max(1, Math.ceil((last - first) / most));
  const found = [];
  for (let power = first; power <= last; power += by) found.push(10 ** power);
  return found;
}

// Where values stand, from 0 to 1: logarithmic when they span over two decades.
function scaleOf(low, high, mayBeLog) {
  const isLog = mayBeLog && low > 0 && high / low > 100;
  const room = low === high ? Math.abs(low) / 2 || 0.5 : 0;
  const [from, to] = [Math.max(-Number.MAX_VALUE, low - room), Math.min(Number.MAX_VALUE, high + room)];
  const along = isLog ? Math.log10 : (value) => value / 2; // halves: the distance may be more than a float holds
  const span = along(to) - along(from);
  return {
    place: (value) => (along(value) - along(from)) / span,
    draws: (value) => Number.isFinite(value) && (value > 0 || !isLog),
    marks: (most) => (isLog ? logMarks : linearMarks)(from, to, most),
  };
}

function extremes(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

class LiveChart {
  constructor(key) {
    this.across = [];
    this.up = [];
    this.title = svg("text", { class: "mt-live-title", x: SIZE.left, y: 12 }, middleCut(key, TITLE_ROOM));
    this.title.append(svg("title", {}, key));
    this.value = svg("text", { class: "mt-live-value", x: SIZE.width - SIZE.right, y: 12, "text-anchor": "end" });
    this.axes = svg("g");
    this.line = svg("path", { class: "mt-live-line" });
    this.unit = svg("text", { x: (SIZE.left + SIZE.width - SIZE.right) / 2, y: SIZE.height - 4, "text-anchor": "middle" });
    this.rule = svg("path", { class: "mt-live-rule" });
    this.dot = svg("circle", { r: 3.5, visibility: "hidden" });
    this.node = svg("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img", class: "mt-live-chart" });
    this.node.append(this.axes, this.line, this.rule, this.dot, this.title, this.value, this.unit);
    this.node.addEventListener("pointermove", (event) => this.pointAt(event));
    this.node.addEventListener("pointerleave", () => this.point(null));
    this.key = key;
    this.hovered = null;
  }

  // Keep so many points and add these; what follows points that are not here is left out.
  take(kept, across, up, byTime) {
    if (kept > this.across.length) return;
    this.across.length = this.up.length = kept;
    this.across.push(...across);
    this.up.push(...up);
    this.byTime = byTime;
  }

  draw(colour) {
    const count = this.across.length;
    if (!count) return;
    this.x = scaleOf(this.across[0], this.across[count - 1], false);
    this.y = scaleOf(...extremes(this.up), true);
    this.drawAxes();
    set(this.line, { d: this.path(), stroke: colour, "stroke-width": count === 1 ? 6 : 1.5 });
    set(this.dot, { fill: colour });
    set(this.node, { "aria-label": `${this.key}: ${written(this.up[count - 1])}`, "data-points": count });
    this.point(this.hovered);
  }

  drawAxes() {
    const made = [];
    for (const mark of this.y.marks(5)) {
      const y = this.top(mark);
      made.push(svg("path", { class: "mt-live-grid", d: `M${SIZE.left} ${y}H${SIZE.width - SIZE.right}` }));
      made.push(svg("text", { x: SIZE.left - 6, y: y + 4, "text-anchor": "end" }, written(mark)));
    }
    const below = SIZE.height - SIZE.bottom + 16;
    for (const mark of this.across.length > 1 ? this.x.marks(5) : this.across) {
      made.push(svg("text", { x: this.left(mark), y: below, "text-anchor": "middle" }, written(mark)));
    }
    this.axes.replaceChildren(...made);
    this.unit.textContent = this.byTime ? "seconds" : "step";
  }

  left(value) {
    return SIZE.left + this.x.place(value) * (SIZE.width - SIZE.left - SIZE.right);
  }

  top(value) {
    return SIZE.height - SIZE.bottom - this.y.place(value) * (SIZE.height - SIZE.top - SIZE.bottom);
  }

  // A line that is broken where a value is not finite; a point between two breaks is a dot.
  path() {
    const isDrawn = this.up.map((value) => this.y.draws(value));
    const parts = isDrawn.map((drawn, i) => {
      if (!drawn) return "";
      const place = `${this.left(this.across[i]).toFixed(1)} ${this.top(this.up[i]).toFixed(1)}`;
      if (isDrawn[i - 1]) return `L${place}`;
      return isDrawn[i + 1] ? `M${place}` : `M${place}h0`;
    });
    return parts.join("");
  }

  pointAt(event) {
    const box = this.node.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * SIZE.width;
    let nearest = 0;
    this.across.forEach((value, i) => {
      if (Math.abs(this.left(value) - x) < Math.abs(this.left(this.across[nearest]) - x)) nearest = i;
    });
    this.point(this.across.length ? this.across[nearest] : null);
  }

  // Show the value at a place, or the last one.
  point(across) {
    this.hovered = across;
    const found = across === null ? -1 : this.across.indexOf(across);
    const value = this.up[found < 0 ? this.up.length - 1 : found];
    const shown = found >= 0 && this.y.draws(value);
    const unit = this.byTime ? `${written(across)} s` : `step ${written(across)}`;
    this.value.textContent = found < 0 ? written(value) : `${unit}: ${written(value)}`;
    set(this.rule, { d: found < 0 ? "" : `M${this.left(across)} ${SIZE.top}V${SIZE.height - SIZE.bottom}` });
    set(this.dot, shown ? { cx: this.left(across), cy: this.top(value), visibility: "visible" } : { visibility: "hidden" });
    this.title.classList.toggle("mt-live-hidden", found >= 0 && this.key.length > 18);
  }
}
