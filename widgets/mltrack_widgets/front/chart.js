// A chart: Vega-Lite drawn by the library that all charts of a page share.
async function vegaOf(model) {
  const shared = (globalThis.__mltrackVega ??= {});
  const library = await model.widget_manager.get_model(model.get("library").replace("IPY_MODEL_", ""));
  return (shared[library.get("version")] ??= (async () => {
    const address = URL.createObjectURL(new Blob([library.get("source")], { type: "text/javascript" }));
    try { return await import(address); } finally { URL.revokeObjectURL(address); }
  })());
}

function rowsOf(columns) {
  const names = Object.keys(columns);
  const count = names.length ? columns[names[0]].length : 0;
  return Array.from({ length: count }, (_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

export default {
  async render({ model, el }) {
    const { vegaEmbed } = await vegaOf(model);
    const spec = structuredClone(model.get("spec"));
    spec.datasets = Object.fromEntries(Object.entries(model.get("data")).map(([name, columns]) => [name, rowsOf(columns)]));
    const drawn = await vegaEmbed(el, spec, { actions: false, ast: true, renderer: "canvas" });
    el.dataset.drawn = "true";
    return () => drawn.finalize();
  },
};
