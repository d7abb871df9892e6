// A run while it is written: how it stands, a progress bar where the length is known, and a chart for each metric.
function part(name, css, attributes = {}) {
  const made = document.createElement(name);
  made.className = css;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class LivePanel {
  constructor() {
    this.charts = new Map();
    this.dot = part("span", "mt-live-dot", { "aria-hidden": "true" });
    this.status = part("span", "mt-live-status");
    this.name = part("bdi", "mt-live-name");
    this.words = part("span", "mt-live-words");
    this.head = part("div", "mt-live-head");
    this.head.append(this.dot, this.status, this.name, this.words);
    this.done = part("div", "mt-live-done");
    this.bar = part("div", "mt-live-bar", { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" });
    this.bar.append(this.done);
    this.grid = part("div", "mt-live-charts");
    this.more = part("div", "mt-live-more");
    this.node = part("section", "mt-panel mt-live", { "aria-label": "training" });
    this.node.append(this.head, this.bar, this.grid, this.more);
    this.isWaiting = false;
  }

  take(news, points) {
    this.news = news;
    const copied = points && points.byteLength ? points.buffer.slice(points.byteOffset, points.byteOffset + points.byteLength) : new ArrayBuffer(0);
    const numbers = new Float64Array(copied);
    let at = 0;
    const next = (count) => numbers.subarray(at, (at += count));
    const kept = new Map();
    for (const { key, by_time, keep, add } of news.charts ?? []) {
      const chart = this.charts.get(key) ?? new LiveChart(key);
      chart.take(keep, next(add), next(add), by_time); // a part that came before us is in the next whole state
      kept.set(key, chart);
    }
    this.charts = kept;
    if (!this.isWaiting) requestAnimationFrame(() => this.draw());
    this.isWaiting = true;
  }

  draw() {
    this.isWaiting = false;
    this.drawHead();
    const nodes = [...this.charts.values()].map((chart) => chart.node);
    if (nodes.length !== this.grid.children.length || nodes.some((node, i) => this.grid.children[i] !== node)) {
      this.grid.replaceChildren(...nodes);
    }
    for (const chart of this.charts.values()) chart.draw(this.news.colour);
  }

  drawHead() {
    const { status, name, words, fraction, more, colour, tone } = this.news;
    this.node.dataset.status = this.dot.dataset.tone = tone ?? "";
    this.status.textContent = status ?? "";
    this.name.textContent = middleCut(name ?? "", 40);
    this.name.title = name ?? "";
    this.words.textContent = words ?? "";
    this.more.textContent = more ?? "";
    this.bar.hidden = fraction === null || fraction === undefined;
    if (this.bar.hidden) return;
    const percent = Math.floor(fraction * 100);
    this.done.style.width = `${(fraction * 100).toFixed(2)}%`;
    this.done.style.background = colour;
    this.bar.setAttribute("aria-valuenow", percent);
    this.bar.setAttribute("aria-valuetext", words ?? "");
  }
}

// One panel a model: an output that is shown anew takes over what was drawn.
export default () => {
  const panel = new LivePanel();
  return {
    initialize({ model }) {
      inhabit(model.get("slot"), panel.node);
      const takeState = () => panel.take(model.get("news"), model.get("points"));
      model.on("change:news", takeState);
      model.on("msg:custom", (news, buffers) => panel.take(news, buffers[0]));
      takeState();
      return () => leave(model.get("slot"));
    },
    render({ el }) {
      el.replaceChildren(panel.node);
    },
  };
};
