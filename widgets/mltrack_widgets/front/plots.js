// Lines under the pointer: where the plots of a drawn chart are, what all lines have there, and a range dragged along x.
// The kernel says how to read the data, in `lines`: {plots: {place: {data, smooth}}, looks, heading, times, zoom}. The plot
// at a place draws rows of x, value and run (its place in looks: {name, colour, dashes}) of one or two datasets; heading is
// what x is called; times says that x is a moment (ms since 1970), zoom that a part of x may be dragged out.
const MOST_LINES = 12;

function plotsOf(view) {
  const frame = view.scenegraph().root.items[0];
  const padding = view.padding();
  const [left, top] = view.origin().map((place, i) => place + (i ? padding.top : padding.left));
  const groups = frame.items.filter(({ marktype, name }) => marktype === "group" && /^concat_\d+_group$/.test(name ?? ""));
  if (!groups.length) return [{ index: 0, left, top, width: view.width(), height: view.height(), x: scaleOf(view, "x"), y: scaleOf(view, "y") }];
  return groups.map(({ name, items: [group] }) => {
    const index = Number(name.split("_")[1]);
    const scale = (channel) => scaleOf(view, `concat_${index}_${channel}`) ?? scaleOf(view, channel);
    return { index, left: left + group.x, top: top + group.y, width: group.width, height: group.height, x: scale("x"), y: scale("y") };
  });
}

function scaleOf(view, name) {
  try { return view.scale(name); } catch { return undefined; }
}

// The plot at a place of the page, and the place inside it in the plot's own pixels.
function plotAt(view, canvas, { clientX, clientY }, beside = 0) {
  const box = canvas.getBoundingClientRect();
  const ratio = box.width ? canvas.offsetWidth / box.width : 1;
  const across = (clientX - box.left) * ratio;
  const down = (clientY - box.top) * ratio;
  const plot = plotsOf(view).find(({ left, top, width, height }) => across >= left - beside && across <= left + width + beside && down >= top && down <= top + height);
  return plot && { ...plot, across: across - plot.left, down: down - plot.top };
}

// The rows of each line of a dataset, by x: Map(run -> rows).
function linesOf(rows) {
  const lines = new Map();
  for (const row of rows) (lines.get(row.run) ?? lines.set(row.run, []).get(row.run)).push(row);
  return lines;
}

function nearest(rows, wanted) {
  let [low, high] = [0, rows.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].x < wanted) low = middle + 1; else high = middle;
  }
  const before = rows[low - 1];
  return before && wanted - before.x < rows[low].x - wanted ? before : rows[low];
}

// What the lines of a plot have at x: [{row, smooth, look}, …], those near the pointer when there are many, the highest first.
function linesAt({ raw, smooth }, looks, { x, y, across, down }) {
  const wanted = Number(x.invert(across));
  const reach = Math.abs(Number(x.invert(across + 8)) - wanted);
  const found = [];
  for (const [run, rows] of raw) {
    if (wanted < rows[0].x - reach || wanted > rows[rows.length - 1].x + reach) continue;
    const row = nearest(rows, wanted);
    if (!Number.isFinite(row.value)) continue;
    const mean = smooth?.has(run) ? nearest(smooth.get(run), wanted).value : row.value;
    found.push({ row, mean, look: looks[run] ?? {}, away: Math.abs(y(mean) - down) });
  }
  found.sort((one, two) => one.away - two.away);
  return { found: found.slice(0, MOST_LINES).sort((one, two) => two.mean - one.mean), more: found.length - MOST_LINES, next: found[0] };
}

function tipRows({ found, more }) {
  const value = ({ row, mean }) => (mean === row.value ? row.value : `${shownValue(mean)} (${shownValue(row.value)})`);
  const rows = found.map((each) => [each.look.name ?? "", value(each), each.look]);
  return more > 0 ? [...rows, [`and ${more} more`, ""]] : rows;
}

function shownX(value, { heading, times }) {
  return times ? new Date(value).toLocaleString() : `${heading} ${Math.abs(value) < 1e15 ? value.toLocaleString("en", { maximumSignificantDigits: Number.isInteger(value) ? 21 : 4 }) : shownValue(value)}`;
}

// Follows the pointer over a chart; `chart` has view, canvas, place, how (what the kernel says), lines of a plot, tip, zoomTo.
function followPointer(chart) {
  const cross = element("div", { class: "mt-cross", hidden: "" });
  const band = element("div", { class: "mt-band", hidden: "" });
  chart.place.firstElementChild.append(cross, band);
  let drag;
  const leave = (keepTip) => { cross.hidden = true; if (!drag) band.hidden = true; if (keepTip !== true) chart.tip.hide(); };
  const events = {
    pointermove: (event) => {
      if (!chart.how) return;
      if (drag) return stretch(chart, band, drag, event);
      const plot = plotAt(chart.view, chart.canvas, event);
      return chart.how.plots[plot?.index] && plot.x?.invert ? pointAt(chart, cross, plot, event) : leave(Boolean(plot));
    },
    pointerdown: (event) => {
      const plot = chart.how?.zoom && event.button === 0 && event.pointerType !== "touch" ? plotAt(chart.view, chart.canvas, event) : undefined;
      if (!plot?.x?.invert || !chart.how.plots[plot.index]) return;
      drag = plot;
      chart.canvas.setPointerCapture(event.pointerId);
      event.preventDefault();  // no text is marked
    },
    pointerup: (event) => {
      const [from, to] = drag ? reachOf(chart, drag, event) : [0, 0];
      const plot = drag;
      drag = undefined;
      leave();
      if (plot && to - from > 5) chart.zoomTo([Number(plot.x.invert(from)), Number(plot.x.invert(to))]);
    },
    pointercancel: () => { drag = undefined; leave(); },
    pointerleave: () => { if (!drag) leave(); },
    dblclick: () => { if (chart.how?.zoom) chart.zoomTo(null); },
  };
  for (const [name, listener] of Object.entries(events)) chart.canvas.addEventListener(name, listener);
}

function pointAt(chart, cross, plot, event) {
  const lines = chart.lines(plot.index);
  const at = lines ? linesAt(lines, chart.how.looks, plot) : { found: [] };
  if (!at.found.length) {
    cross.hidden = true;
    chart.tip.hide();
    return;
  }
  const { x } = at.next.row;
  Object.assign(cross.style, { left: `${plot.left + plot.x(x)}px`, top: `${plot.top}px`, height: `${plot.height}px` });
  cross.hidden = false;
  chart.tip.show(shownX(x, chart.how), tipRows(at), event);
}

// From where to where a drag reaches, in the plot's pixels.
function reachOf(chart, plot, { clientX }) {
  const now = Math.min(plot.width, Math.max(0, clientX - chart.canvas.getBoundingClientRect().left - plot.left));
  return [Math.min(plot.across, now), Math.max(plot.across, now)];
}

function stretch(chart, band, plot, event) {
  const [from, to] = reachOf(chart, plot, event);
  chart.tip.hide();
  band.hidden = to - from <= 5;
  Object.assign(band.style, { left: `${plot.left + from}px`, width: `${to - from}px`, top: `${plot.top}px`, height: `${plot.height}px` });
}
