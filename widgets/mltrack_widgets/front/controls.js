// What stands above a chart or table: choices, switches and sliders, described by the kernel as
// {name, label, kind: "choice" | "switch" | "range" | "text", value, options: [[value, text], …], low, high, by}.
// Each change is sent as {kind: "control", name, value}. All texts are set as text.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
