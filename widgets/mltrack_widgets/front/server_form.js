// The form that tries a model: a field for each column and param, or the body of a request as JSON.
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?))?$/;
const SENDING_AFTER = 300;

class ServerForm {
  constructor(send) {
    this.send = send;
    this.fields = new Map();
    this.asJson = false;
    this.columns = part("div", "mt-server-fields");
    this.paramsTitle = part("div", "mt-server-dim", {}, "params");
    this.params = part("div", "mt-server-fields");
    this.json = part("textarea", "mt-server-json", { rows: "6", spellcheck: "false", "aria-label": "Body of the request, as JSON" });
    this.jsonError = part("div", "mt-server-wrong", { id: uniqueId() });
    this.json.setAttribute("aria-describedby", this.jsonError.id);
    this.inputs = part("div", "", {}, this.columns, this.paramsTitle, this.params);
    this.whole = part("div", "", {}, this.json, this.jsonError);
    this.sendButton = pressed("Send", () => this.submit());
    this.mode = pressed("As JSON", () => this.change(!this.asJson), { "aria-pressed": "false" });
    this.status = part("span", "mt-server-answered", { role: "status" });
    this.answer = textBox("Answer");
    const buttons = part("div", "mt-server-row", {}, this.sendButton, this.mode, this.status);
    this.root = part("form", "", { "aria-label": "Try it" }, this.inputs, this.whole, buttons, this.answer);
    this.root.addEventListener("submit", (event) => event.preventDefault());
    this.root.addEventListener("keydown", (event) => {  // in a text of several lines Enter begins a new one
      if (event.key !== "Enter" || !event.target.matches(event.ctrlKey || event.metaKey ? "input, textarea" : "input")) return;
      event.preventDefault();
      this.sendButton.click();
    });
    this.answer.hidden = true;
  }

  // Another model has other fields; what was typed for the same ones stays.
  show({ columns = [], params = [], json = "" }) {
    this.fields.clear();
    this.columns.replaceChildren(...columns.map((each) => this.field(each)));
    this.params.replaceChildren(...params.map((each) => this.field(each)));
    this.paramsTitle.hidden = !params.length;
    this.hasFields = columns.length > 0;
    this.json.value = json;
    this.json.placeholder = '{"inputs": …}';
    this.mode.hidden = !this.hasFields;
    this.change(!this.hasFields);
  }

  change(asJson) {
    this.asJson = asJson;
    this.inputs.hidden = asJson;
    this.whole.hidden = !asJson;
    this.mode.setAttribute("aria-pressed", String(asJson));
  }

  field({ key, label, kind, words, value }) {
    const id = uniqueId();
    const input = inputOf(kind, value);
    input.id = id;
    input.title = words;
    const wrong = part("div", "mt-server-wrong", { id: `${id}-wrong` });
    input.setAttribute("aria-describedby", wrong.id);
    this.fields.set(key, { input, wrong, valueOf: () => (kind === "box" ? input.checked : input.value) });
    const name = part("label", "mt-server-label", { for: id, title: `${label}: ${words}` }, part("bdi", "", {}, label));
    return part("div", kind === "json" ? "mt-server-field mt-server-wide" : "mt-server-field", {}, name, input, wrong);
  }

  submit() {
    const values = Object.fromEntries([...this.fields].map(([key, { valueOf }]) => [key, valueOf()]));
    this.blame("", "");
    enable(this.sendButton, false);
    this.isWaiting = true;
    this.status.textContent = "";
    this.sending = setTimeout(() => { this.status.textContent = "Sending…"; }, SENDING_AFTER);
    this.send(this.asJson ? { json: this.json.value } : { values });
  }

  // A field at fault says why beside it; what names no field stands below the form.
  take({ words, text, key, is_error: isError }) {
    clearTimeout(this.sending);
    this.isWaiting = false;
    enable(this.sendButton, this.canSend);
    this.status.textContent = words;
    this.status.toggleAttribute("data-wrong", isError);
    const isBeside = isError && this.blame(key, text);
    this.answer.textContent = isBeside ? "" : text;
    this.answer.hidden = !this.answer.textContent;
  }

  blame(key, text) {
    for (const { input, wrong } of this.fields.values()) {
      input.removeAttribute("aria-invalid");
      wrong.textContent = "";
    }
    this.jsonError.textContent = "";
    const field = this.asJson ? undefined : this.fields.get(key);
    if (field) {
      field.input.setAttribute("aria-invalid", "true");
      field.wrong.textContent = text;
      field.wrong.scrollIntoView({ block: "nearest" });
    } else if (this.asJson && key === "json") {
      this.jsonError.textContent = text;
    }
    return Boolean(field) || (this.asJson && key === "json");
  }

  allow(canSend) {
    this.canSend = canSend;
    enable(this.sendButton, canSend && !this.isWaiting);
  }
}

function inputOf(kind, value) {
  if (kind === "box") {
    const box = part("input", "", { type: "checkbox" });
    box.checked = value === true;
    return box;
  }
  if (kind === "json") {
    const area = part("textarea", "mt-server-json", { rows: "2", spellcheck: "false" });
    area.value = value;
    return area;
  }
  if (kind === "choice") {
    const options = [["", "–"], ["true", "true"], ["false", "false"]].map(([each, text]) => part("option", "", { value: each }, text));
    const select = part("select", "mt-server-input", {}, ...options);
    select.value = value;
    return select;
  }
  const input = part("input", "mt-server-input", { autocomplete: "off", spellcheck: "false" });
  for (const [name, each] of Object.entries(attributesOf(kind, value))) input.setAttribute(name, each);
  input.value = kind === "moment" && input.type !== "text" ? value.trim().replace(" ", "T") : value;
  return input;
}

function attributesOf(kind, value) {
  if (kind === "whole") return { type: "text", inputmode: "numeric" };
  if (kind === "number") return { type: "text", inputmode: "decimal" };
  if (kind !== "moment") return { type: "text" };
  const [matches, , time] = value ? MOMENT.exec(value.trim()) ?? [] : ["", "", "00:00"];
  if (matches === undefined) return { type: "text" };  // with a zone, or finer than a browser's own field takes
  return time ? { type: "datetime-local", step: "any" } : { type: "date" };
}
