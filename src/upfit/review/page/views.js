// A row as a card of the gallery, and as the panel beside it.
import { h, label, picture } from "./dom.js";

export const KINDS = {
  label: "Label errors",
  error: "Worst errors",
  conflict: "Conflicts",
  leak: "Leaks",
  duplicate: "Duplicates",
  outlier: "Outliers",
  other: "Not suspected",
};
const ONE = {
  label: "label error",
  error: "model error",
  conflict: "conflict",
  leak: "leak",
  duplicate: "duplicate",
  outlier: "outlier",
  other: "not suspected",
};

export const proposal = (item) => item.reasons.find((one) => one.to !== null)?.to ?? null;

export function stamp(item) {
  const made = item.decision;
  if (!made) return null;
  const words = { keep: "kept", drop: "dropped", relabel: `→ ${label(made.to)}` };
  return h("span", { class: `stamp ${made.do}` }, words[made.do]);
}

const tags = (item) => [...new Set(item.reasons.map((one) => one.kind))].map((kind) => h("span", { class: `tag ${kind}` }, ONE[kind]));

function labels(item) {
  const to = proposal(item);
  const differs = to !== null && to !== item.label;
  return h(
    "p",
    { class: "labels" },
    h("b", { title: label(item.label) }, label(item.label)),
    differs && [h("span", { class: "arrow", "aria-label": "perhaps" }, "→"), h("i", { title: to }, to)],
  );
}

// In a card: the pictures, or the beginning of the text, or the cells.
function inside(item) {
  if (item.images.length) return item.images.slice(0, 2).map((at) => picture(item.row, at, "small", ""));
  const texts = item.fields.filter((one) => one.kind === "text" && one.value);
  if (texts.length) return [h("p", { class: "words" }, texts.map((one) => one.value.slice(0, 400)).join(" · "))];
  return [cells(item.fields.slice(0, 6))];
}

const cells = (fields) =>
  h("dl", { class: "cells" }, fields.map((one) => [h("dt", {}, one.name), h("dd", { class: one.value === null ? "gap" : "" }, one.value ?? "missing")]));

export function card(item) {
  return [
    h("div", { class: item.images.length ? "look pictures" : "look" }, inside(item)),
    h("div", { class: "caption" }, labels(item), h("p", { class: "tags" }, tags(item))),
    stamp(item),
  ].filter(Boolean);
}

export function panel(item, { about, act, enlarge, like }) {
  const to = proposal(item);
  const accepts = about.relabels === "class" && to !== null && to !== item.label && about.classes.includes(to);
  return [
    h("div", { class: "actions" },
      button("keep", "Keep", "K", () => act("keep")),
      accepts && button("accept", `→ ${to}`, "A", () => act("accept")),
      button("relabel", accepts ? "Other…" : "Relabel…", "R", () => act("relabel")),
      button("drop", "Drop", "D", () => act("drop")),
      button("undo", "Undo", "U", () => act("undo")),
    ),
    h("div", { class: "sheet" },
      h("div", { class: "facts" },
        h("p", { class: "given" }, h("span", {}, about.target.join(", ")), h("b", { title: label(item.label) }, label(item.label))),
        stamp(item),
        h("p", { class: "name" }, item.name, item.part && ` · ${item.part}`),
      ),
      item.images.length > 0 && h("div", { class: "looks" }, item.images.map((at) => {
        const shown = picture(item.row, at, "large", item.name);
        shown.addEventListener("click", () => enlarge(item.row, at));
        return shown;
      })),
      h("ul", { class: "reasons" }, item.reasons.map((one) => h("li", {}, h("span", { class: `tag ${one.kind}` }, ONE[one.kind]), " ", one.note))),
      item.fields.filter((one) => one.kind === "text").map((one) => h("div", { class: "text" }, h("h3", {}, one.name), h("p", { class: one.value ? "" : "gap" }, one.value || "missing"))),
      item.fields.some((one) => one.kind !== "text") && cells(item.fields.filter((one) => one.kind !== "text")),
      like.length > 0 && h("div", { class: "like" }, h("h3", {}, "Beside it"), like.map((one) =>
        h("figure", {}, one.images.length ? picture(one.row, one.images[0], "small", one.name) : h("p", { class: "words" }, one.fields.map((field) => field.value).filter(Boolean).join(" · ").slice(0, 400)),
          h("figcaption", {}, h("b", {}, label(one.label)), ` ${one.name}`, one.part && ` · ${one.part}`, " ", stamp(one))))),
    ),
  ];
}

const button = (kind, words, key, act) => h("button", { type: "button", class: kind, onclick: act }, h("span", {}, words), h("kbd", {}, key));
