// How runs are chosen in the grid, and how it is walked.
const PAGE_OF_KEYS = 10;

Object.assign(Grid.prototype, {
  clicked(event) {
    const row = this.rowOf(event.target);
    if (!row?.id) return;
    if (event.target.matches("input")) this.chooseByBox(row, event);
    else if (!event.target.closest("button") && document.getSelection().isCollapsed) this.chooseByRow(row, event);
  },

  chooseByBox(row, event) {
    if (event.shiftKey && this.anchor) this.chooseRange(row, false);
    else this.choose(row.chosen ? { drop: [row.id] } : { add: [row.id] });
    this.anchor = row.key;
  },

  chooseByRow(row, event) {
    const several = event.ctrlKey || event.metaKey;
    if (event.shiftKey && this.anchor) this.chooseRange(row, !several);
    else if (several) this.choose(row.chosen ? { drop: [row.id] } : { add: [row.id] });
    else this.choose({ add: [row.id], only: true });
    if (!event.shiftKey) this.anchor = row.key;
  },

  chooseRange(row, only) {
    const keys = [...this.rows.keys()];
    const [first, last] = [keys.indexOf(this.anchor), keys.indexOf(row.key)].sort((one, two) => one - two);
    const found = keys.slice(Math.max(first, 0), last + 1).map((key) => this.rows.get(key).row);
    this.choose({ add: found.filter(({ id }) => id).map(({ id }) => id), only });
  },

  choosePage() {
    const runs = this.state.rows.filter(({ id }) => id);
    const ids = runs.map(({ id }) => id);
    this.choose(runs.every(({ chosen }) => chosen) ? { drop: ids } : { add: ids });
  },

  // The rows are marked at once; the kernel, which may be busy, gives the colours.
  choose({ add = [], drop = [], only = false }) {
    for (const kept of this.rows.values()) {
      const { row, element } = kept;
      const chosen = add.includes(row.id) || (Boolean(row.chosen) && !only && !drop.includes(row.id));
      if (!row.id || chosen === Boolean(row.chosen)) continue;
      kept.said = null; // drawn anew with the kernel's answer, whatever it is
      row.chosen = chosen;
      element.setAttribute("aria-selected", String(chosen));
      element.querySelector(".mtt-choice input").checked = chosen;
    }
    this.drawHead(this.state);
    this.send({ kind: "select", add, drop, only });
  },

  pressed(event) {
    const { key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey) {
      if (key.toLowerCase() !== "a" || event.target.closest("thead")) return;
      this.choosePage();
    } else if (key === " ") this.pressSpace(shiftKey);
    else if (key === "Enter") this.pressEnter();
    else if (!this.walk(key)) return;
    event.preventDefault();
    event.stopPropagation();
  },

  walk(key) {
    const columns = this.state.columns.length + this.own;
    const { row, column } = this.focus;
    const steps = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, columns - 1], PageUp: [row - PAGE_OF_KEYS, column], PageDown: [row + PAGE_OF_KEYS, column],
    };
    if (!(key in steps)) return false;
    this.moveTo(...steps[key]);
    return true;
  },

  pressSpace(shiftKey) {
    const cell = this.focusedCell();
    if (this.focus.row < 0) return this.pressEnter();
    if (this.focus.column === BASELINE && this.own > BASELINE) return cell.querySelector("button")?.click();
    const row = this.rowOf(cell);
    if (!row?.id) return cell.querySelector("button")?.click();
    if (shiftKey && this.anchor) return this.chooseRange(row, false);
    this.anchor = row.key;
    return this.choose(row.chosen ? { drop: [row.id] } : { add: [row.id] });
  },

  pressEnter() {
    const cell = this.focusedCell();
    const inner = cell.querySelector("button, input");
    if (inner) inner.click();
    else if (this.focus.row < 0) cell.click();
    else cell.closest("tr").querySelector(".mtt-opener")?.click();
  },

  moveTo(row, column) {
    const columns = this.state.columns.length + this.own;
    this.focus = {
      row: Math.max(-1, Math.min(row, this.state.rows.length - 1)),
      column: Math.max(0, Math.min(column, columns - 1)),
    };
    this.placeFocus()?.focus();
  },

  focusedCell() {
    const row = this.focus.row < 0 ? this.head.rows[0] : this.body.rows[this.focus.row];
    return row?.cells[Math.min(this.focus.column, row.cells.length - 1)];
  },

  // One cell is in the tab order.
  placeFocus() {
    const cell = this.focusedCell() ?? this.head.rows[0]?.cells[0];
    for (const other of this.table.querySelectorAll("[tabindex='0']")) if (other !== cell) other.tabIndex = -1;
    if (cell) cell.tabIndex = 0;
    return cell;
  },

  noteFocus(target) {
    const cell = target.closest("td, th");
    const row = cell?.closest("tr");
    if (!row) return;
    this.focus = { row: row.parentElement === this.head ? -1 : row.sectionRowIndex, column: cell.cellIndex };
    this.placeFocus();
  },

  focusedKey() {
    return this.focus.row < 0 ? null : [...this.rows.keys()][this.focus.row];
  },

  // The focus stays at its run where the run is still there, else at its place.
  restoreFocus(key, hadFocus) {
    const place = key === null ? -1 : [...this.rows.keys()].indexOf(key);
    if (place >= 0) this.focus.row = place;
    this.focus.row = Math.min(this.focus.row, this.state.rows.length - 1);
    const cell = this.placeFocus();
    if (hadFocus && !this.table.contains(document.activeElement)) cell?.focus({ preventScroll: true });
  },
});
