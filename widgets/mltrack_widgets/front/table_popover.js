// A list over the page that opens from a button: what may be a column, or a group, with a box that searches it.
class Popover {
  // `entry` makes the element of a field; `foot` are elements below the list; `onOpen` asks for the fields.
  constructor({ label, entry, foot = [], onOpen }) {
    this.entry = entry;
    this.fields = [];
    this.chosen = "";
    this.search = make("input", { type: "search", placeholder: "Search", "aria-label": `Search ${label.toLowerCase()}` });
    this.list = make("div", { class: "mtt-list", role: "group", "aria-label": label });
    this.panel = make("div", { class: "mtt-popover", popover: "auto", role: "dialog", "aria-label": label },
      this.search, this.list, ...foot);
    this.opener = button(label, { class: "mtt-button", "aria-haspopup": "dialog", "aria-expanded": "false" }, () => {});
    this.opener.popoverTargetElement = this.panel;
    this.search.addEventListener("input", () => this.draw());
    this.panel.addEventListener("toggle", (event) => this.toggled(event.newState === "open", onOpen));
    this.follow = (event) => { if (!this.panel.contains(event.target)) this.place(); };
  }

  toggled(isOpen, onOpen) {
    this.opener.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      document.removeEventListener("scroll", this.follow, true);
      if (this.panel.contains(document.activeElement) || document.activeElement === document.body) this.opener.focus();
      return;
    }
    this.search.value = "";
    this.place();
    this.draw();
    onOpen();
    this.search.focus({ preventScroll: true });
    document.addEventListener("scroll", this.follow, true);
  }

  place() {
    const box = this.opener.getBoundingClientRect();
    const below = window.innerHeight - box.bottom - 8;
    const isAbove = below < 200 && box.top > below;
    const { style } = this.panel;
    style.left = `${Math.max(8, box.right - this.panel.offsetWidth)}px`;
    style.top = isAbove ? "auto" : `${box.bottom + 2}px`;
    style.bottom = isAbove ? `${window.innerHeight - box.top + 2}px` : "auto";
    style.maxHeight = `${Math.min(360, isAbove ? box.top - 8 : below)}px`;
  }

  show(fields, chosen) {
    const said = JSON.stringify([fields, chosen]);
    if (said === this.said) return;
    this.said = said;
    this.fields = fields;
    this.chosen = chosen;
    if (this.panel.matches(":popover-open")) this.draw();
  }

  draw() {
    const sought = this.search.value.trim().toLowerCase();
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const found = this.fields.filter(({ key }) => key.toLowerCase().includes(sought));
    const parts = [];
    for (const field of found) {
      if (parts.at(-1)?.kind !== field.kind) parts.push({ kind: field.kind, entries: [] });
      parts.at(-1).entries.push(this.entry(field, this.chosen));
    }
    const sections = parts.map(({ kind, entries }) =>
      make("div", { role: "group", "aria-label": kind }, make("div", { class: "mtt-kind", "aria-hidden": "true" }, kind), ...entries));
    this.list.replaceChildren(...(sections.length ? sections : [make("div", { class: "mtt-dim" }, this.fields.length ? "None is named so." : "…")]));
    if (focused !== null) [...this.list.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused)?.focus();
  }
}

// A field with a box that is ticked while it is a column.
function columnEntry(onChange) {
  return (field, shown) => {
    const box = make("input", { type: "checkbox", "data-key": field.key });
    box.checked = shown.includes(field.key);
    box.addEventListener("change", () => onChange(field.key, box.checked));
    return make("label", { class: "mtt-entry", title: field.key }, box, make("span", {}, field.title));
  };
}

// A field to group by; the present one is marked.
function groupEntry(onChoose) {
  return (field, group) =>
    button(field.title, { class: "mtt-entry", title: field.key, "data-key": field.key, "aria-pressed": String(field.key === group) },
      () => onChoose(field.key === group ? "" : field.key));
}
