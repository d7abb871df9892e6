// Parallel coordinates: dragging along an axis keeps a part of it (places from 0, bottom, to 1), a click there gives it up.
const NEAR = 24;  // pixels beside an axis that belong to it

function axisAt(chart, event) {
  const plot = plotAt(chart.view, chart.canvas, event, NEAR);
  if (!plot) return undefined;
  const gap = plot.width / (chart.how.axes - 1);
  const index = Math.round(plot.across / gap);
  return Math.abs(plot.across - index * gap) <= NEAR ? { plot, index, x: plot.left + index * gap, at: placeOn(plot, plot.down) } : undefined;
}

function placeOn({ height }, down) {
  return Math.min(1, Math.max(0, 1 - down / height));
}

function followAxes(chart) {
  let drag;
  const events = {
    pointermove: (event) => {
      if (drag) showBand(chart, drag, [drag.at, downAt(chart, drag, event)]);
      else chart.canvas.style.cursor = axisAt(chart, event) ? "ns-resize" : "";
    },
    pointerdown: (event) => {
      drag = event.button === 0 && event.pointerType !== "touch" ? axisAt(chart, event) : undefined;
      if (!drag) return;
      chart.canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    },
    pointerup: (event) => {
      if (!drag) return;
      const ends = [drag.at, downAt(chart, drag, event)];
      keepPart(chart, drag, Math.abs(ends[0] - ends[1]) * drag.plot.height > 4 ? [Math.min(...ends), Math.max(...ends)] : undefined);
      drag = undefined;
    },
    pointercancel: () => { drag = undefined; },
  };
  for (const [name, listener] of Object.entries(events)) chart.canvas.addEventListener(name, listener);
  for (const [name, { place }] of Object.entries(chart.brushes).filter(([, kept]) => kept?.place)) {
    const [plot] = plotsOf(chart.view);
    const index = Number(name.split("_")[1]);
    showBand(chart, { plot, index, x: plot.left + (index * plot.width) / (chart.how.axes - 1) }, place);
  }
}

function downAt(chart, { plot }, { clientY }) {
  return placeOn(plot, clientY - chart.canvas.getBoundingClientRect().top - plot.top);
}

function bandOf(chart, index) {
  const found = chart.place.querySelector(`.mt-band[data-axis="${index}"]`);
  if (found) return found;
  const made = element("div", { class: "mt-band", "data-axis": index });
  chart.place.firstElementChild.append(made);
  return made;
}

function showBand(chart, { plot, index, x }, ends) {
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const style = { left: `${x - 8}px`, width: "16px", top: `${plot.top + (1 - high) * plot.height}px`, height: `${(high - low) * plot.height}px` };
  Object.assign(bandOf(chart, index).style, style);
}

function keepPart(chart, axis, part) {
  const name = `axis_${axis.index}`;
  chart.brushes[name] = part && { place: part };
  if (part) showBand(chart, axis, part); else bandOf(chart, axis.index).remove();
  chart.view.signal(name, part ?? null).run();
  chart.send({ kind: "brush", name, ranges: part ? { place: part } : {} });
}
