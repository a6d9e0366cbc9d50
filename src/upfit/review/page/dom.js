// Elements are made from plain values alone: text is always text, never markup.

const SHOWN = ["title", "alt", "placeholder", "aria-label"];
const COMMANDS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const written = (one) => (one < "\x80" ? "\\x" + one.charCodeAt(0).toString(16).padStart(2, "0") : "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0"));

// Text with control characters written out, as on the terminal: a name must not turn around what stands beside it.
export const printable = (value) => (typeof value === "string" ? value.replace(COMMANDS, written) : value);

export function h(tag, settings = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : SHOWN.includes(name) ? printable(value) : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(printable));
  return made;
}

export const byId = (id) => document.getElementById(id);

export function count(number, one, many = one + "s") {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// A label as people read it: a class, a number, several names, or one that is sealed.
export function label(value) {
  if (value === null || value === undefined) return "sealed";
  if (Array.isArray(value)) return value.length ? value.join(", ") : "none";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
}

// A picture of a row. Few pixels are shown as pixels; a file that cannot be shown says why.
export function picture(row, column, size, alt) {
  const frame = h("span", { class: "picture" });
  const image = h("img", { alt, decoding: "async", draggable: "false" });
  image.addEventListener("load", () => image.classList.toggle("tiny", image.naturalWidth < 65 && image.naturalHeight < 65));
  image.addEventListener("error", () => frame.replaceChildren(h("span", { class: "missing" }, "this picture cannot be shown")));
  image.src = `picture/${row}/${column}/${size}`;
  frame.append(image);
  return frame;
}
