// Puts what a model drew into the HTML output that names it by a class: what is saved is the HTML with its picture,
// which shows itself where there is no kernel; a saved widget would be an error message there.
const slots = (globalThis.__mltrackSlots ??= { nodes: new Map(), stood: new WeakMap(), observer: null });

function fillSlots() {
  for (const [name, node] of slots.nodes) {
    const found = document.getElementsByClassName(name);
    const slot = found[found.length - 1];
    if (!slot || node.parentNode === slot) continue;
    const before = node.parentNode;
    slots.stood.set(slot, [...slot.childNodes]);
    slot.replaceChildren(node);
    if (slots.stood.has(before)) before.replaceChildren(...slots.stood.get(before));  // an earlier output of the same
    const { focused } = slots;
    if (focused && node.contains(focused) && document.activeElement === document.body) focused.focus({ preventScroll: true });
  }
}

// An output that is drawn anew takes what stands in it out of the page: what had the focus then has it again, unless a
// hand has put it elsewhere.
function noteFocus() {
  document.addEventListener("focusin", ({ target }) => { slots.focused = target; }, true);
  document.addEventListener("focusout", ({ target }) => queueMicrotask(() => {
    if (slots.focused === target && target.isConnected && document.activeElement !== target) slots.focused = null;
  }), true);
}

// From now on, the last output on the page that has this class shows the node.
function inhabit(name, node) {
  slots.nodes.set(name, node);
  if (!slots.observer) {
    noteFocus();
    slots.observer = new MutationObserver(fillSlots);
    slots.observer.observe(document.body, { childList: true, subtree: true });
  }
  fillSlots();
}

function leave(name) {
  slots.nodes.delete(name);
}
