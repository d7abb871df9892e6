// The grids of the models' panel: registered models, of which one is open, and versions, chosen as runs are.
const DESCENDING_FIRST = ["changed", "version", "created"];

function turned({ key, order }) {
  const first = DESCENDING_FIRST.includes(key) ? "descending" : "ascending";
  return { kind: "sort", column: key, descending: (order === first) !== (first === "descending") };
}

class ModelGrid extends Grid {
  constructor(given) {
    super({ ...given, noun: "registered models", own: 0 });
    this.table.removeAttribute("aria-multiselectable");
  }

  sort(column) {
    this.send({ ...turned(column), of: "models" });
  }

  choose({ add = [], drop = [] }) {
    const [name] = [...add, ...drop].slice(-1);
    if (name !== undefined) this.send({ kind: "show", name });
  }

  choosePage() {}

  pressEnter() {
    const row = this.focus.row < 0 ? null : this.rowOf(this.focusedCell());
    if (row) this.choose({ add: [row.id] });
    else super.pressEnter();
  }
}

class VersionGrid extends Grid {
  constructor(given) {
    super({ ...given, noun: "versions", own: 1 });
  }

  sort(column) {
    this.send({ ...turned(column), of: "versions" });
  }

  cell(row, [text, title = "", moved = ""], index) {
    const { key, number, moves } = this.state.columns[index];
    const cell = make("td", { role: "gridcell", class: number ? "mtt-number" : "", title: title || null });
    if (key === "aliases") cell.append(...row.aliases.map((alias) => make("span", { class: "mtm-chip" }, alias)));
    else cell.append(key === "run" && row.run ? this.comparer(row, text) : text);
    if (moves) cell.append(" ", make("span", { class: "mtt-moved" }, moved));
    return cell;
  }

  comparer(row, text) {
    const words = `Compare the run of ${row.name}`;
    return button(text, { class: "mtt-link", tabindex: -1, title: words, "aria-label": `${text}: ${words}` }, (event) => {
      event.stopPropagation();
      this.send({ kind: "compare", version: row.id });
    });
  }
}
