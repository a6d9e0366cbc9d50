// Choose a new label: a list of classes to type in, several of them, or a number.
import { byId, h } from "./dom.js";

const SHOWN = 60;

// Resolves to the label, or null where none was chosen.
export function choose({ about, item, recent, proposed }) {
  const dialog = byId("palette");
  return new Promise((resolve) => {
    const done = (value) => {
      dialog.onclose = null;
      dialog.close();
      resolve(value);
    };
    dialog.onclose = () => resolve(null);
    dialog.onclick = (event) => event.target === dialog && done(null);
    const makers = { number: () => forNumber(item, done), several: () => forSeveral({ about, item, done }), class: () => forClass({ about, item, recent, proposed, done }) };
    dialog.replaceChildren(makers[about.relabels]());
    dialog.showModal();
    dialog.querySelector("input").focus();
  });
}

function forNumber(item, done) {
  const input = h("input", { type: "number", step: "any", "aria-label": "The new value", placeholder: String(item.label) });
  const form = h("form", { method: "dialog" }, h("p", { class: "hint" }, "The new value; Enter writes it down"), input);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value !== "" && Number.isFinite(input.valueAsNumber)) done(input.valueAsNumber);
  });
  return form;
}

// Typing narrows the list, Enter puts a class on or off, Ctrl-Enter writes all of them down.
function forSeveral({ about, item, done }) {
  const chosen = new Set(item.decision?.do === "relabel" ? item.decision.to : item.label ?? []);
  const order = [...about.classes].sort((a, b) => Number(chosen.has(b)) - Number(chosen.has(a)));
  let found = order;
  let place = 0;
  const list = h("ul", { role: "listbox", id: "classes", "aria-multiselectable": "true" });
  const input = h("input", { type: "text", role: "combobox", "aria-controls": "classes", "aria-expanded": "true", "aria-label": "The new labels", placeholder: "Type a part of a label", autocomplete: "off", spellcheck: "false" });
  const finish = () => done(about.classes.filter((one) => chosen.has(one)));
  const toggle = (one) => {
    if (!chosen.delete(one)) chosen.add(one);
    input.value = "";
    search();
  };
  const draw = () => {
    list.replaceChildren(...found.slice(0, SHOWN).map((one, at) =>
      h("li", { role: "option", "aria-selected": String(at === place), "aria-checked": String(chosen.has(one)), onclick: () => toggle(one) },
        h("kbd", {}, chosen.has(one) ? "✓" : ""), h("span", {}, one))));
    list.children[place]?.scrollIntoView({ block: "nearest" });
  };
  const search = () => {
    const words = input.value.trim().toLowerCase();
    const before = found[place];
    found = words ? order.filter((one) => one.toLowerCase().includes(words)) : order;
    place = Math.max(0, words ? 0 : found.indexOf(before));
    draw();
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    const shown = Math.max(1, Math.min(found.length, SHOWN));
    if (event.key === "ArrowDown") place = (place + 1) % shown;
    else if (event.key === "ArrowUp") place = (place + shown - 1) % shown;
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return finish();
    else if (event.key === "Enter") return event.preventDefault(), found[place] !== undefined && toggle(found[place]);
    else return;
    event.preventDefault();
    draw();
  });
  draw();
  return h("div", { class: "palette" }, input, list,
    h("p", { class: "hint" }, "Enter puts a label on or off · Ctrl-Enter writes them down · Esc leaves"),
    h("button", { type: "button", class: "primary", onclick: finish }, "Done"));
}

function forClass({ about, item, recent, proposed, done }) {
  const order = [...new Set([...proposed, ...recent, ...about.classes])].filter((one) => about.classes.includes(one) && one !== item.label);
  const numbered = !startsWithDigit(about.classes);
  let found = order;
  let place = 0;
  const list = h("ul", { role: "listbox", id: "classes" });
  const more = h("p", { class: "hint" });
  const input = h("input", { type: "text", role: "combobox", "aria-controls": "classes", "aria-expanded": "true", "aria-label": "The new label", placeholder: "Type a part of the new label", autocomplete: "off", spellcheck: "false" });

  const draw = () => {
    list.replaceChildren(...found.slice(0, SHOWN).map((one, at) =>
      h("li", { role: "option", "aria-selected": String(at === place), onclick: () => done(one) },
        h("kbd", {}, numbered && at < 9 ? String(at + 1) : ""), h("span", {}, one), proposed.includes(one) && h("em", {}, "proposed"))));
    more.textContent = found.length > SHOWN ? `and ${found.length - SHOWN} more: type a part of the name` : found.length ? `${numbered ? "1–9 or Enter choose" : "Enter chooses"} · Esc leaves` : "no class has this in its name";
    list.children[place]?.scrollIntoView({ block: "nearest" });
  };
  const search = () => {
    const words = input.value.trim().toLowerCase();
    found = words ? order.filter((one) => one.toLowerCase().includes(words)) : order;
    found.sort((a, b) => Number(b.toLowerCase().startsWith(words)) - Number(a.toLowerCase().startsWith(words)));
    place = 0;
    draw();
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    const shown = Math.min(found.length, SHOWN);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      place = (place + (event.key === "ArrowDown" ? 1 : shown - 1)) % Math.max(1, shown);
      draw();
    } else if (event.key === "Enter") {
      if (found[place] !== undefined) done(found[place]);
    } else if (input.value === "" && event.key >= "1" && event.key <= "9" && numbered) {
      if (found[Number(event.key) - 1] !== undefined) done(found[Number(event.key) - 1]);
    } else return;
    event.preventDefault();
  });
  draw();
  return h("div", { class: "palette" }, input, list, more);
}

// Where classes are numbers themselves, digits are typed to find them.
const startsWithDigit = (classes) => classes.some((one) => /^[0-9]/.test(one));
