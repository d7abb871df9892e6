// The rows: an ARIA grid with one cell in the tab order, walked with the keyboard.
const BASELINE = 1;
const LARGEST_FIRST = { none: "descending", descending: "ascending", ascending: "none" };
const SMALLEST_FIRST = { none: "ascending", ascending: "descending", descending: "none" };
const OWN_COLUMNS = 2; // a box to choose the run with, and a button to make it the baseline

class Grid {
  // `send` takes a message for the kernel; `say` tells a reader of the screen; a grid of other things than runs has a
  // `noun` for them, and may have fewer `own` columns.
  constructor({ send, say, noun = "runs", own = OWN_COLUMNS }) {
    this.send = send;
    this.say = say;
    this.noun = noun;
    this.own = own;
    this.rows = new Map();
    this.anchor = null;
    this.focus = { row: -1, column: own };
    this.head = make("thead", { role: "rowgroup" });
    this.body = make("tbody", { role: "rowgroup" });
    this.table = make("table", { role: "grid", "aria-label": noun, "aria-multiselectable": "true" }, this.head, this.body);
    this.root = make("div", { class: "mtt-scroll" }, this.table);
    this.table.addEventListener("keydown", (event) => this.pressed(event));
    this.table.addEventListener("focusin", (event) => this.noteFocus(event.target));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); });
  }

  update(state) {
    this.state = { ...state, rows: state.rows.map((row) => ({ ...row })) };
    const hadFocus = this.table.contains(document.activeElement);
    const key = hadFocus ? this.focusedKey() : null;
    this.drawHead(this.state);
    this.drawBody(this.state);
    const { total, first } = state.pages;
    setAttribute(this.table, "aria-rowcount", total < 0 ? -1 : total + 1);
    setAttribute(this.table, "aria-colcount", state.columns.length + this.own);
    this.firstRow = first;
    this.restoreFocus(key, hadFocus);
  }

  drawHead(state) {
    const runs = state.rows.filter((row) => row.id);
    const chosen = runs.filter((row) => row.chosen).length;
    const said = JSON.stringify([state.columns, runs.length, chosen]);
    if (said === this.headSaid) return;
    this.headSaid = said;
    const box = make("input", { type: "checkbox", tabindex: -1, "aria-label": `Choose all ${this.noun} of this page` });
    box.checked = chosen > 0 && chosen === runs.length;
    box.indeterminate = chosen > 0 && chosen < runs.length;
    box.disabled = !runs.length;
    box.addEventListener("click", () => this.choosePage());
    const own = [
      make("th", { role: "columnheader", class: "mtt-choice" }, box),
      make("th", { role: "columnheader", class: "mtt-pin" }, make("span", { class: "mtt-hidden" }, "baseline")),
    ].slice(0, this.own);
    const columns = state.columns.map((column) => this.header(column));
    const row = make("tr", { role: "row", "aria-rowindex": 1 }, ...own, ...columns);
    [...row.children].forEach((cell, place) => placeCell(cell, place));
    this.head.replaceChildren(row);
  }

  header(column) {
    const arrow = { ascending: "↑", descending: "↓" }[column.order] ?? "";
    const classes = (column.number ? "mtt-number" : "") + (column.sortable ? " mtt-sortable" : "");
    const cell = make("th", { role: "columnheader", class: classes, title: column.hover,
      "aria-sort": column.sortable ? column.order : null },
      make("span", {}, column.title), make("span", { class: "mtt-arrow", "aria-hidden": "true" }, arrow));
    if (column.sortable) cell.addEventListener("click", () => this.sort(column));
    return cell;
  }

  sort({ key, order, number }) {
    this.send({ kind: "sort", column: key, order: (number || key === "started" ? LARGEST_FIRST : SMALLEST_FIRST)[order] });
  }

  drawBody(state) {
    const columns = JSON.stringify(state.columns.map(({ key, number }) => [key, number]));
    if (columns !== this.columnsSaid) this.rows.clear();
    this.columnsSaid = columns;
    const tree = Math.max(0, state.group ? 0 : state.columns.findIndex(({ key }) => key === "name"));
    const kept = new Map();
    state.rows.forEach((row, place) => {
      const said = JSON.stringify([row, place + state.pages.first, Boolean(state.baseline)]);
      const before = this.rows.get(row.key);
      kept.set(row.key, before?.said === said ? before : { said, row, element: this.row(row, place, tree) });
    });
    this.rows = kept;
    const elements = [...kept.values()].map(({ element }) => element);
    const same = elements.length === this.body.children.length && elements.every((each, place) => each === this.body.children[place]);
    if (!same) this.body.replaceChildren(...elements);
  }

  row(row, place, tree) {
    const { columns, pages } = this.state;
    const attributes = { role: "row", "aria-rowindex": pages.first + place + 1, "data-key": row.key, "data-level": row.level };
    if (row.note) return make("tr", attributes, placeCell(make("td", { role: "gridcell", class: "mtt-note", colspan: columns.length + this.own }, row.note), 0));
    const cells = row.cells.map((cell, index) => this.cell(row, cell, index, index === tree));
    const made = make("tr", attributes, ...[this.choice(row), this.pin(row)].slice(0, this.own), ...cells);
    if (row.id) made.setAttribute("aria-selected", String(Boolean(row.chosen)));
    if (row.baseline) made.dataset.baseline = "";
    [...made.children].forEach((each, index) => placeCell(each, index));
    return made;
  }

  cell(row, [text, title = "", moved = ""], index, isTree) {
    const column = this.state.columns[index];
    const cell = make("td", { role: "gridcell", class: column.number ? "mtt-number" : "", title: title || null });
    if (column.key === "status" && row.id) cell.append(make("span", { class: "mtt-dot", "data-status": text, "aria-hidden": "true" }, "●"), " ");
    if (isTree && row.level > 1) cell.classList.add("mtt-inner");
    if (isTree && row.level > 1 && this.state.group) cell.append(row.name);
    else if (column.key === "id" && row.id) cell.append(this.copier(row.id, text));
    else cell.append(isTree && row.open !== null ? this.opener(row, text) : text);
    if (isTree && row.attempts) cell.append(make("span", { class: "mtt-dim" }, ` ${row.attempts}`));
    if (isTree && row.baseline) cell.append(make("span", { class: "mtt-dim" }, " baseline"));
    if (this.state.baseline && column.key.startsWith("metrics.") && text) cell.append(" ", make("span", { class: "mtt-moved" }, moved));
    return cell;
  }

  copier(id, text) {
    return button(text, { class: "mtt-id", tabindex: -1, title: id, "aria-label": `Copy the id ${text}` }, async (event) => {
      event.stopPropagation();
      this.say((await copyText(id)) ? `Copied ${id}` : `The id is ${id}`);
    });
  }

  opener(row, text) {
    const mark = make("span", { class: "mtt-chevron", "aria-hidden": "true" }, "›");
    const made = button("", { class: "mtt-opener", tabindex: -1, "aria-expanded": String(row.open) }, (event) => {
      event.stopPropagation();
      this.send({ kind: "open", row: row.key, on: !row.open });
    });
    made.append(mark, text);
    return made;
  }

  choice(row) {
    const cell = make("td", { role: "gridcell", class: "mtt-choice" });
    if (!row.id) return cell;
    const box = make("input", { type: "checkbox", tabindex: -1, "aria-label": `Choose ${row.name}` });
    box.checked = Boolean(row.chosen);
    cell.append(box);
    if (row.colour) cell.append(swatch(row.colour, row.dashes));
    return cell;
  }

  pin(row) {
    const cell = make("td", { role: "gridcell", class: "mtt-pin" });
    if (!row.id) return cell;
    const words = row.baseline ? "Compare with it no more" : "Compare the others with this run";
    const made = button(row.baseline ? "◆" : "◇", { tabindex: -1, title: words, "aria-label": `${words}: ${row.name}`, "aria-pressed": String(Boolean(row.baseline)) }, (event) => {
      event.stopPropagation();
      this.send({ kind: "baseline", run: row.baseline ? "" : row.id });
    });
    cell.append(made);
    return cell;
  }

  rowOf(element) {
    return this.rows.get(element?.closest("tr")?.dataset.key)?.row;
  }
}

function placeCell(cell, place) {
  cell.setAttribute("aria-colindex", place + 1);
  cell.tabIndex = -1;
  return cell;
}
