// Shows a widget in the widget output that names it, and from then on in the HTML output that stays (see slot.js): a
// notebook that is opened again, by whoever, finds HTML and a picture, and with its kernel still there the widget in it.
function pageKeepsHtml() {
  return document.querySelector(".jp-OutputArea") !== null;  // JupyterLab, Notebook 7
}

async function nodeOf(model) {
  const manager = model.widget_manager;
  const child = await manager.get_model(String(model.get("child")).replace("IPY_MODEL_", ""));
  const view = await manager.create_view(child);
  // ipywidgets lays a view out once Lumino says that it is in the page; here no Lumino widget puts it there
  const widget = view.luminoWidget ?? view.pWidget;
  for (const name of ["BeforeAttach", "AfterAttach"]) widget?.processMessage(widget.constructor.Msg[name]);
  return view.el;
}

export default () => {
  let node;
  return {
    initialize({ model }) {
      node = nodeOf(model);
      node.then((made) => pageKeepsHtml() && inhabit(model.get("slot"), made));
      return () => leave(model.get("slot"));
    },
    async render({ model, el }) {
      el.append(await node);
      if (pageKeepsHtml()) model.send({ kind: "kept" });
    },
  };
};
