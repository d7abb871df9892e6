"""What the browser tests run inside the page: JavaScript over JupyterLab's own `window.jupyterapp`."""

# In every page: the notebook that is open.
PANEL = """window.notebookPanel = () =>
  [...window.jupyterapp.shell.widgets('main')].find(widget => widget.hasClass('jp-NotebookPanel'));"""
CLOSE_ALL = "() => { for (const widget of [...jupyterapp.shell.widgets('main')]) widget.dispose(); }"
# Without a kernel: as for a reader who declines to start one.
OPEN = """async ([path, withKernel]) => {
  const registry = jupyterapp.docRegistry;
  const usual = registry.getKernelPreference.bind(registry);
  if (!withKernel) registry.getKernelPreference = (...given) => ({...usual(...given), shouldStart: false});
  const opened = await jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'});
  delete registry.getKernelPreference;
  await opened.context.ready;
  await opened.revealed;
  await opened.sessionContext.ready;
}"""
RUN_CELL = """async index => {
  const notebook = notebookPanel().content;
  notebook.activeCellIndex = index;
  notebook.deselectAll();
  notebook.mode = 'command';
  await jupyterapp.commands.execute('notebook:run-cell');
}"""
# The kernel says when it comes to the cell; it may be busy with a message of a widget's before.
BEGIN_CELL = f"""index => {{
  const kernel = notebookPanel().sessionContext.session.kernel;
  const heard = (_, message) => {{
    if (message.header.msg_type !== 'execute_input') return;
    kernel.iopubMessage.disconnect(heard);
    window.hasBegun = true;
  }};
  window.hasBegun = false;
  kernel.iopubMessage.connect(heard);
  ({RUN_CELL})(index);
}}"""
HAS_BEGUN = "() => window.hasBegun"
IS_RUNNING = "index => notebookPanel().content.widgets[index].model.executionState === 'running'"
# With an index: that cell has run. With -1: every cell has run, or one has failed and the rest are not going to.
IS_DONE = """index => {
  if (notebookPanel().sessionContext.session?.kernel?.status !== 'idle') return false;
  const cells = notebookPanel().content.widgets.filter(
    (cell, position) => cell.model.type === 'code' && (index < 0 || position === index)
      && cell.model.sharedModel.getSource().trim());
  if (cells.some(cell => cell.model.executionState === 'running')) return false;
  const failed = cell => cell.model.outputs.toJSON().some(output => output.output_type === 'error');
  return cells.every(cell => cell.model.executionCount !== null) || (index < 0 && cells.some(failed));
}"""
# Panels are shown as widgets first, and then for good inside of the HTML that is saved, where what is open closes.
NOT_KEPT = """() => [...notebookPanel().content.widgets.keys()].filter(index => {
  const model = notebookPanel().content.widgets[index].model;
  return model.type === 'code' && model.outputs.toJSON().some(
    output => 'application/vnd.jupyter.widget-view+json' in (output.data ?? {}));
})"""
IS_KEPT = f"index => !({NOT_KEPT})().includes(index)"
# What would be saved of a cell's outputs has a text.
SAVES = """([index, text]) => notebookPanel().content.widgets[index].model.outputs.toJSON().some(
  output => [output.data?.['text/html'] ?? ''].flat().join('').includes(text))"""
# Without a cell, so that the focus stays where it is, and without a trace in what the notebook has executed.
EXECUTE = """async code => {
  await notebookPanel().sessionContext.session.kernel.requestExecute({code, silent: true}).done;
}"""
SETTLE = "__import__('mltrack.settings', fromlist=['state']).state.settle(120)"
FAILURES = """() => notebookPanel().content.widgets.flatMap((cell, index) => cell.model.type !== 'code' ? [] :
  cell.model.outputs.toJSON().filter(output => output.output_type === 'error')
    .map(output => `cell ${index}: ${output.ename}: ${output.evalue}`))"""
SOURCES = "() => notebookPanel().content.widgets.map(cell => cell.model.sharedModel.getSource())"
# Without its margin (the 0): JupyterLab 4.4, which draws only what is in sight, stops that much before the last cells.
# A scroll that somebody else asks for meanwhile, as a cell that begins, refuses this one: then it is asked for again.
# A cell that was out of sight is drawn, and has its texts, a frame or two later.
SCROLL = """async index => {
  const notebook = notebookPanel().content;
  const cell = notebook.widgets[index];
  const latest = performance.now() + 60000;
  const nextFrame = async () => {
    await new Promise(requestAnimationFrame);
    if (performance.now() > latest) throw new Error(`cell ${index} was not drawn`);
  };
  const isShown = (output, at) => {
    const node = cell.outputArea.widgets[at]?.node;
    return node?.isConnected && (![output.text ?? ''].flat().join('').trim() || node.textContent.trim());
  };
  const isDrawn = () => !cell.isPlaceholder() && cell.node.isConnected
    && (cell.model.type !== 'code' || cell.model.outputs.toJSON().every(isShown));
  while (!(await notebook.scrollToItem(index, 'start', 0).then(() => true, () => false))) await nextFrame();
  for (let frame = 0; frame < 3 || !isDrawn(); frame++) await nextFrame();
}"""
# Nothing in an element has changed for so many milliseconds.
STILL = """(element, quiet) => new Promise(resolve => {
  const done = () => { watch.disconnect(); resolve(); };
  let waiting = setTimeout(done, quiet);
  const watch = new MutationObserver(() => { clearTimeout(waiting); waiting = setTimeout(done, quiet); });
  watch.observe(element, {subtree: true, childList: true, attributes: true, characterData: true});
})"""
KERNEL_IDLE = "() => notebookPanel().sessionContext.session?.kernel?.status === 'idle'"
# A kernel that has subshells may hear of a button while a cell runs; here it is as with those that have none.
WITHOUT_SUBSHELLS = "() => { notebookPanel().sessionContext.session.kernel.commsOverSubshells = 'disabled'; }"
KERNEL_GONE = "() => !notebookPanel().sessionContext.session?.kernel"
RESTART = "async () => { await notebookPanel().sessionContext.session.kernel.restart(); }"
# Each line of text is a box, less what its elements cut off; boxes that share over a pixel each way lie on each other.
OVERLAPS = """root => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const boxes = [];
  const cut = (one, two) => ({left: Math.max(one.left, two.left), right: Math.min(one.right, two.right),
    top: Math.max(one.top, two.top), bottom: Math.min(one.bottom, two.bottom)});
  const seen = box => box.right - box.left > 1 && box.bottom - box.top > 1;
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const parent = walker.currentNode.parentElement;
    if (!text || !parent.checkVisibility({visibilityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (let box of range.getClientRects()) {
      for (let element = parent; root.contains(element); element = element.parentElement)
        if (getComputedStyle(element).overflowX !== 'visible') box = cut(box, element.getBoundingClientRect());
      if (seen(box)) boxes.push({text, box});
    }
  }
  return boxes.flatMap((one, index) => boxes.slice(index + 1)
    .filter(other => seen(cut(one.box, other.box))).map(other => `${one.text} / ${other.text}`));
}"""
EDIT = "([index, source]) => notebookPanel().content.widgets[index].model.sharedModel.setSource(source)"
# JupyterLab's own layout follows the window.
HAS_SIZE = """([width, height]) => {
  const box = document.getElementById('jp-main-content-panel')?.getBoundingClientRect();
  return innerWidth === width && innerHeight === height
    && (!box || (box.right === width && box.bottom <= height && box.bottom > height - 60));
}"""
# A picture is as wide as this once it was read.
WIDTH = "image => image.decode().then(() => image.naturalWidth)"
# From now on until something is true, however shortly it is: window.wasSeen says whether it was.
WATCH = """([element, argument]) => {
  const isTrue = %s;
  window.watch?.disconnect();
  window.wasSeen = false;
  const look = () => { window.wasSeen ||= Boolean(isTrue(element, argument)); };
  window.watch = new MutationObserver(look);
  window.watch.observe(element, {subtree: true, childList: true, attributes: true, characterData: true});
}"""
