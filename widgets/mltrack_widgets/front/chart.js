// A chart: Vega-Lite drawn by the library that all charts of a page share. What is drawn belongs to the model: when the
// notebook makes a new place for the output, the drawing moves there. The page may be told anything late or never.
const AXIS = 56;  // pixels beside a plot, for its axis
const NAMES = 60;  // and more where the axis has names
const GAP = 12;
const LATE = "Waiting for the kernel, which is busy or gone.";
const NARROW = 560;
const LEAST_BETWEEN = 90;  // pixels between parallel axes, which have names; a narrow place scrolls

async function vegaOf(model) {
  const shared = (globalThis.__mltrackVega ??= {});
  const library = await model.widget_manager.get_model(String(model.get("library")).replace("IPY_MODEL_", ""));
  const source = library.get("source");
  if (!source) throw new Error("its source is empty");
  return (shared[library.get("version")] ??= imported(source));
}

async function imported(source) {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try { return await import(address); } finally { URL.revokeObjectURL(address); }
}

// The specification for so much room: wrapped charts in as many columns as fit, none wider than the room.
function fitted(spec, width, { axes } = {}) {
  const room = Math.max(120, width - AXIS, axes ? (axes - 1) * LEAST_BETWEEN : 0);
  // axes stand below each other, so that names beside one chart are room beside all
  const beside = (spec.concat ?? [spec]).some(({ layer }) => layer?.[0].encoding?.y?.type === "nominal") ? NAMES : 0;
  const narrow = (part) => {
    if (part.width > room - beside) narrowTo(part, room - beside);
  };
  narrow(spec);
  if (width < NARROW) legendsBelow(spec);
  for (const part of spec.concat ?? []) narrow(part);
  if (spec.concat) {
    const widest = Math.max(...spec.concat.map((part) => part.width ?? 0)) + AXIS + beside;
    spec.columns = Math.min(spec.concat.length, Math.max(1, Math.floor((width + GAP) / (widest + GAP))));
    if (spec.columns === 1) spec.concat.forEach((part) => nameAgain(part, spec.concat[0]));
  }
  return spec;
}

// A chart below another needs the names that one beside it shares.
function nameAgain(part, first) {
  const y = part.layer?.[0].encoding?.y;
  if (y?.axis === null) y.axis = first.layer[0].encoding.y.axis;
}

function narrowTo(part, width) {
  for (const { encoding } of part.layer ?? []) if (encoding?.x?.value >= part.width) encoding.x.value += width - part.width;
  part.width = width;
}

// Beside a narrow chart is no room for a legend.
function legendsBelow(part) {
  for (const channel of Object.values(part.encoding ?? {})) {
    for (const one of [channel, channel.condition]) if (one?.legend?.orient) delete one.legend.orient;
  }
  for (const inner of [...(part.layer ?? []), ...(part.concat ?? [])]) legendsBelow(inner);
}

function mergedConfig(theme, own = {}, width) {
  const both = { ...theme };
  for (const [key, value] of Object.entries(own)) both[key] = typeof value === "object" && value && !Array.isArray(value) ? { ...value, ...theme[key] } : both[key] ?? value;
  if (width < NARROW) both.legend = { ...both.legend, orient: "bottom", columns: Math.max(1, Math.floor(width / 160)), labelLimit: 110 };
  return both;
}

// The params of a specification, wherever they stand.
function paramsOf(part) {
  return [...(part.params ?? []), ...["layer", "concat", "hconcat", "vconcat"].flatMap((name) => (part[name] ?? []).flatMap(paramsOf))];
}

const NOTHING_FROM_OUTSIDE = {
  load: async () => { throw new Error("Charts load nothing."); },
  sanitize: async () => { throw new Error("Charts load nothing."); },
};

function makeDrawing(model) {
  const send = sender(model, (isLate) => { if (isLate) say(drawing, LATE); });
  const drawing = {
    model, send, width: 0, brushes: {}, range: null, tip: tooltip(),
    bar: controlBar((name, value) => {
      drawing.brushes = {};  // what was dragged over is elsewhere in another chart
      send({ kind: "control", name, value });
    }),
    words: element("div", { class: "mt-words" }),
    legend: element("div", { class: "mt-legend", role: "list", "aria-label": "Runs" }),
    note: element("div", { class: "mt-note", role: "status" }),
    place: element("div", { class: "mt-chart" }),
  };
  const { bar, words, legend, note, place } = drawing;
  bar.root.setAttribute("data-lm-suppress-shortcuts", "true");  // keys are for the controls, not for the notebook
  drawing.root = element("div", { class: "mt-panel" }, bar.root, words, legend, note, place);
  drawing.lines = (place) => linesOfPlot(drawing, place);
  drawing.zoomTo = (range) => {
    setRange(drawing, range);
    send({ kind: "zoom", range });
  };
  return drawing;
}

// The lines of the plot at a place, found when the pointer first comes there.
function linesOfPlot(drawing, place) {
  const { data, smooth } = drawing.how.plots[place];
  const of = (name) => (drawing.data.has(name) ? linesOf(drawing.data.get(name).rows) : undefined);
  return (drawing.index[place] ??= { raw: of(data), smooth: of(smooth) });
}

// Sends messages with a serial; what the kernel has not answered for a while is said.
function sender(model, tellLate) {
  let waiting;
  const send = (message) => {
    send.serial = Math.max(send.serial, model.get("answered")) + 1;
    try { model.send({ ...message, serial: send.serial }); } catch { /* the kernel is gone: said below */ }
    clearTimeout(waiting);
    waiting = setTimeout(() => { waiting = undefined; tellLate(send.isLate()); }, 2000);
  };
  send.serial = 0;
  send.isLate = () => waiting === undefined && model.get("answered") < send.serial;
  return send;
}

function showTexts(drawing) {
  const { model, words, legend, place } = drawing;
  if (model.get("answered") >= drawing.send.serial) drawing.bar.show(model.get("controls"));  // else a hand has set them since
  const { hint } = model.get("lines");
  words.replaceChildren(model.get("words"), ...(hint ? [element("span", { class: "mt-hint" }, ` · ${hint}`)] : []));
  words.hidden = !words.textContent;
  const { runs = [], more = "" } = model.get("legend");
  const entries = runs.map((run) => element("span", { class: "mt-run", role: "listitem", title: run.title ?? "" }, swatch(run), element("bdi", {}, run.name)));
  legend.replaceChildren(...entries, ...(more ? [element("span", { class: "mt-dim", role: "listitem" }, more)] : []));
  legend.hidden = !entries.length;
  place.querySelector("canvas")?.setAttribute("aria-label", model.get("words") || "chart");
}

// Draws what is to be drawn, one thing after the other; what comes meanwhile is drawn next.
async function refresh(drawing) {
  if (drawing.ended || !drawing.width) return;
  drawing.again = true;
  if (drawing.busy) return;
  drawing.busy = true;
  while (drawing.again && !drawing.ended) {
    drawing.again = false;
    try { await drawOnce(drawing); } catch (error) { say(drawing, `The chart cannot be drawn: ${error.message}`); }
  }
  drawing.busy = false;
}

function say(drawing, text) {
  drawing.note.textContent = text;
  drawing.root.dataset.problem = text ? "true" : "";
}

async function drawOnce(drawing) {
  const { model } = drawing;
  showTexts(drawing);
  const own = model.get("spec");
  if (!Object.keys(own).length) return undraw(drawing);
  const library = await libraryOf(drawing);
  if (!library || drawing.ended) return undefined;
  const spec = fitted(structuredClone(own), drawing.width, model.get("lines"));
  spec.config = mergedConfig(vegaConfig(hostLook(drawing.root)), spec.config, drawing.width);
  const data = datasetsOf({ ...model.get("data"), ...model.get("added") }, drawing.data);
  const wanted = JSON.stringify(spec);
  drawing.how = Object.keys(model.get("lines")).length ? model.get("lines") : undefined;
  const isNew = wanted !== drawing.spec;
  if (isNew) await embed(drawing, { library, spec, data });
  if (isNew || (await changeData(drawing, data))) drawing.root.dataset.drawn = String(Number(drawing.root.dataset.drawn ?? 0) + 1);
  drawing.spec = wanted;
  takeRange(drawing);
  say(drawing, drawing.send.isLate() ? LATE : "");
  return undefined;
}

async function libraryOf(drawing) {
  const loading = setTimeout(() => say(drawing, "Loading the chart…"), 300);
  try {
    return await vegaOf(drawing.model);
  } catch (error) {
    say(drawing, `What draws charts is not in this page (${error?.message ?? error}); run the cell again.`);
    return undefined;
  } finally { clearTimeout(loading); }
}

async function embed(drawing, { library, spec, data }) {
  for (const param of paramsOf(spec)) {
    const kept = drawing.brushes[param.name];
    if (kept) param.value = kept.place ?? kept;
  }
  const fresh = element("div", { class: "mt-drawn" });
  const drawn = await library.vegaEmbed(fresh, spec, {
    mode: "vega-lite", actions: false, ast: true, renderer: "canvas", defaultStyle: false, loader: NOTHING_FROM_OUTSIDE,
    tooltip: vegaTooltip(drawing.tip),
    patch: (compiled) => withRows(compiled, data),
  });
  drawing.drawn?.finalize();
  Object.assign(drawing, { drawn, view: drawn.view, data, index: {}, canvas: fresh.querySelector("canvas") });
  drawing.place.replaceChildren(fresh);
  drawing.place.__vegaView = drawn.view;
  drawing.canvas.setAttribute("role", "img");
  drawing.canvas.setAttribute("aria-label", drawing.model.get("words") || "chart");
  if (drawing.how?.axes) followAxes(drawing);
  if (drawing.how?.plots) followPointer(drawing);
  listen(drawing, spec);
}

function withRows(compiled, data) {
  for (const source of compiled.data) if (data.has(source.name)) source.values = data.get(source.name).rows;
  return compiled;
}

async function changeData(drawing, data) {
  const { view } = drawing;
  const changed = [...data].filter(([name, { rows }]) => drawing.data.get(name)?.rows !== rows);
  Object.assign(drawing, { data, index: {} });
  for (const [name, { rows }] of changed) view.data(name, rows);
  if (changed.length) await view.runAsync();
  return changed.length > 0;
}

function undraw(drawing) {
  drawing.drawn?.finalize();
  Object.assign(drawing, { drawn: undefined, view: undefined, spec: undefined, data: undefined });
  drawing.place.replaceChildren();
  say(drawing, "");
  drawing.root.dataset.drawn = "0";
}

// What is chosen by dragging is told when the hand rests.
function listen(drawing, spec) {
  for (const { name, select } of paramsOf(spec)) {
    if (!select || !/^brush/.test(name)) continue;
    let waiting;
    drawing.view.addSignalListener(name, (_, value) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        drawing.brushes[name] = Object.keys(value ?? {}).length ? structuredClone(value) : undefined;
        drawing.send({ kind: "brush", name, ranges: drawing.brushes[name] ?? {} });
      }, 50);
    });
  }
}

function setRange(drawing, range) {
  drawing.range = range;
  if (!drawing.view) return;
  try { drawing.view.signal("range_x", range).run(); } catch { /* a chart without a range */ }
}

// The kernel's range counts unless a hand has moved since.
function takeRange(drawing) {
  const { serial, range } = drawing.model.get("range");
  if (serial !== undefined && serial >= (drawing.zoomed ?? 0)) drawing.range = range;
  if (drawing.how?.zoom) setRange(drawing, drawing.range);
}

function finish(drawing) {
  drawing.ended = true;
  drawing.drawn?.finalize();
  drawing.tip.remove();
}

// Puts a drawing into a place that has come into the page: one that has lost its own, or a new one.
function settle(el, model, drawings) {
  const every = [...drawings];
  const here = every.find(({ root }) => root.parentElement === el);
  if (here) return here;
  const kept = every.find(({ root }) => !root.isConnected) ?? makeDrawing(model);
  drawings.add(kept);
  el.append(kept.root);
  return kept;
}

const STATES = ["spec", "data", "added", "controls", "words", "legend", "lines", "range", "answered"];

export default () => {
  const drawings = new Set();
  return {
    initialize({ model }) {
      vegaOf(model).catch(() => {});  // said when something is drawn
      const refreshAll = () => drawings.forEach(refresh);
      for (const name of STATES) model.on(`change:${name}`, () => queueMicrotask(refreshAll));
      const unwatch = whenThemeChanges(() => setTimeout(refreshAll, 50));
      return () => { unwatch(); drawings.forEach(finish); };
    },
    render({ model, el }) {
      const watch = new ResizeObserver(([{ contentRect: { width } }]) => {
        if (!el.isConnected || !width) return;
        const drawing = settle(el, model, drawings);
        if (drawing.width === Math.floor(width)) return;
        drawing.width = Math.floor(width);
        refresh(drawing);
      });
      watch.observe(el);
      return () => watch.disconnect();
    },
  };
};
