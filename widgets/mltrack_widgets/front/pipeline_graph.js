// The graph of a pipeline: boxes that are buttons, and lines between them. Layers stand beside each other where there
// is room, else below each other.
const BOX = { width: 176, least: 144, height: 48 };
const GAP = { across: 40, down: 24, lane: 12 };

class PipelineGraph {
  constructor(select) {
    this.select = select;
    this.boxes = new Map();
    this.canvas = document.createElementNS(SVG, "svg");
    this.canvas.setAttribute("class", "mt-pipe-lines");
    this.canvas.setAttribute("aria-hidden", "true");
    this.list = part("div", "mt-pipe-boxes", { role: "group", "aria-label": "Steps" });
    this.inner = part("div", "mt-pipe-inner", {}, this.canvas, this.list);
    this.root = part("div", "mt-pipe-graph", {}, this.inner);
    this.watch = new ResizeObserver(() => this.place());
    this.watch.observe(this.root);
  }

  show(graph) {
    this.graph = graph;
    this.boxes = new Map((graph.nodes ?? []).map(({ name }) => [name, this.box(name)]));
    this.list.replaceChildren(...[...this.boxes.values()].map((each) => each.root));
    this.drawn = undefined;
    this.place();
  }

  box(name) {
    const dot = part("span", "mt-server-dot", { "aria-hidden": "true" });
    const state = part("span", "");
    const took = part("span", "mt-server-dim mt-pipe-took");
    const title = part("span", "mt-pipe-name", { title: name }, part("bdi", "", {}, name));
    const root = part("button", "mt-pipe-box", { type: "button", "aria-pressed": "false" }, title, part("span", "mt-pipe-state", {}, dot, state, took));
    root.addEventListener("click", () => this.select(name));
    return { root, dot, state, took };
  }

  place() {
    const room = this.root.clientWidth - 4;
    if (!this.graph?.nodes || room <= 0) return;
    const { layers, lanes } = this.graph;
    const wide = layers * BOX.width + (layers - 1) * GAP.across;
    const turned = wide > room && lanes < layers;
    const width = turned ? Math.max(BOX.least, Math.min(BOX.width, Math.floor((room + GAP.lane) / lanes - GAP.lane))) : BOX.width;
    const drawn = `${turned} ${width}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.draw(turned, width);
  }

  // A place's first number goes along the layers, its second across them.
  draw(turned, width) {
    const { layers, lanes, nodes, lines } = this.graph;
    const [along, across] = turned ? [BOX.height, width] : [width, BOX.height];
    const step = along + (turned ? GAP.down : GAP.across);
    const spread = (lane) => lane * (across + GAP.lane) - GAP.lane / 2;
    const turn = (one, other) => (turned ? [other, one] : [one, other]);
    const [whole, high] = turn(layers * step - step + along, lanes * (across + GAP.lane) - GAP.lane);
    Object.assign(this.inner.style, { width: `${whole}px`, height: `${high}px` });
    for (const { name, layer, lane } of nodes) {
      const [left, top] = turn(layer * step, spread(lane) - across / 2);
      Object.assign(this.boxes.get(name).root.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${BOX.height}px` });
    }
    for (const [key, value] of Object.entries({ viewBox: `0 0 ${whole} ${high}`, width: whole, height: high })) this.canvas.setAttribute(key, value);
    const ends = ([layer, lane]) => [turn(layer * step, spread(lane)), turn(layer * step + along, spread(lane))];
    this.canvas.replaceChildren(...lines.map(({ points }) => this.line(points.map(ends), turned)));
  }

  // From the far edge of one box to the near edge of the next; a layer that is passed is passed straight.
  line(places, turned) {
    const stops = places.flat().slice(1, -1);
    let path = `M${stops[0]}`;
    for (let at = 1; at < stops.length; at++) path += this.bend(stops[at - 1], stops[at], turned);
    const made = document.createElementNS(SVG, "path");
    made.setAttribute("d", path);
    return made;
  }

  bend([left, top], [right, bottom], turned) {
    const half = turned ? (top + bottom) / 2 : (left + right) / 2;
    return turned ? `C${left},${half} ${right},${half} ${right},${bottom}` : `C${half},${top} ${half},${bottom} ${right},${bottom}`;
  }

  take(steps) {
    for (const { name, status, tone, took, reason } of steps) {
      const box = this.boxes.get(name);
      if (!box) continue;
      box.dot.dataset.tone = tone;
      box.root.dataset.status = status;
      if (box.state.textContent !== status) box.state.textContent = status;
      box.took.textContent = took;
      box.root.title = reason;
    }
  }

  mark(name) {
    for (const [each, { root }] of this.boxes) root.setAttribute("aria-pressed", String(each === name));
  }
}
