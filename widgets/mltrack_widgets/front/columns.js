// Data from the kernel: columns side by side, each a list, {kind, bytes} of numbers (see columns.py; NaN where there is
// none), or {texts, codes} of texts that come again and again. A dataset may take rows of another: {of, rows, add}.
const NUMBERS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

function numbersOf({ kind, bytes }) {
  const start = bytes.byteOffset;  // a copy, since the bytes of a message begin anywhere
  return new NUMBERS[kind](bytes.buffer.slice(start, start + bytes.byteLength));
}

function valuesOf(column) {
  if (Array.isArray(column)) return column;
  if (column.texts) return Array.from(numbersOf(column.codes), (code) => column.texts[code]);
  return numbersOf(column);
}

function rowsOf(columns) {
  const names = Object.keys(columns);
  const values = names.map((name) => valuesOf(columns[name]));
  return Array.from({ length: values[0]?.length ?? 0 }, (_, i) => Object.fromEntries(names.map((name, j) => [name, values[j][i]])));
}

// All datasets as rows. What has not changed since `before` is not made again.
function datasetsOf(data, before) {
  const made = new Map();
  for (const [name, columns] of Object.entries(data)) {
    if (columns.of) continue;
    const old = before?.get(name);
    made.set(name, old?.columns === columns ? old : { columns, rows: rowsOf(columns) });
  }
  for (const [name, columns] of Object.entries(data)) {
    if (!columns.of) continue;
    const old = before?.get(name);
    const from = made.get(columns.of).rows;
    made.set(name, old?.columns === columns && old.from === from ? old : { columns, from, rows: someOf(from, columns) });
  }
  return made;
}

function someOf(rows, { rows: places, add }) {
  const added = rowsOf(add ?? {});
  return Array.from(valuesOf(places), (place, i) => ({ ...rows[place], ...added[i] }));
}
