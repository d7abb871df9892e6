// Shows a widget in the widget output that names it, and from then on in the HTML output that stays (see slot.js): a
// notebook that is opened again, by whoever, finds HTML and a picture, and with its kernel still there the widget in it.
function pageKeepsHtml() {
  return document.querySelector(".jp-OutputArea") !== null;  // JupyterLab, Notebook 7
}

async function viewOf(model) {
  const manager = model.widget_manager;
  const child = await manager.get_model(String(model.get("child")).replace("IPY_MODEL_", ""));
  const view = await manager.create_view(child);
  // ipywidgets lays a view out once Lumino says that it is in the page; here no Lumino widget puts it there
  tell(view, ["BeforeAttach", "AfterAttach"]);
  return view;
}

function tell(view, names) {
  const widget = view.luminoWidget ?? view.pWidget;
  for (const name of names) widget?.processMessage(widget.constructor.Msg[name]);
}

export default () => {
  let shown;
  return {
    initialize({ model }) {
      shown = viewOf(model);
      shown.then(({ el }) => pageKeepsHtml() && inhabit(model.get("slot"), el));
      return () => {
        leave(model.get("slot"));
        shown.then((view) => tell(view, ["BeforeDetach", "AfterDetach"]));  // before its own model is closed
      };
    },
    async render({ model, el }) {
      el.append((await shown).el);
      if (pageKeepsHtml()) model.send({ kind: "kept" });
    },
  };
};
