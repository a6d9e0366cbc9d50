// The page: what is shown, what is selected, and what keys do.
import { api, Items } from "./api.js";
import { byId, count, h, label, picture, printable } from "./dom.js";
import { Grid } from "./grid.js";
import { choose } from "./palette.js";
import { openRetraining } from "./retrain.js";
import { card, KINDS, panel, proposal } from "./views.js";

const items = new Items();
const filter = { kind: "", label: "", state: "all" };
const recent = [];
let about;
let grid;

async function start() {
  about = await api.about();
  byId("source").textContent = printable(about.source);
  document.title = printable(`Review ${about.source} – upfit`);
  for (const one of about.classes) byId("label").append(h("option", { value: one }, one));
  byId("label").parentElement.hidden = about.classes.length === 0;
  grid = new Grid(byId("gallery"), { card, known: (row) => items.get(row), fetch, select });
  shape();
  progress(about);
  addEventListener("resize", shape);
  for (const id of ["label", "state"]) byId(id).addEventListener("change", (event) => narrow({ [id]: event.target.value }));
  byId("retrain").addEventListener("click", () => openRetraining(about));
  byId("help").addEventListener("click", help);
  addEventListener("keydown", keys);
  addEventListener("focus", lookAgain);
  await narrow({});
}

function shape() {
  const narrowPage = innerWidth < 620;
  if (about.modality === "image") grid.shape(narrowPage ? 132 : 168, narrowPage ? 178 : 214);
  else grid.shape(narrowPage ? 240 : 280, 168);
}

const fetch = (rows) => items.fetch(rows).catch(failed);
const row = () => grid.rows[grid.place];

async function narrow(change) {
  Object.assign(filter, change);
  kinds();
  try {
    const { rows } = await api.rows(filter);
    const before = row();
    grid.show(rows);
    // Where one was, else where there is something to decide.
    const { rows: open } = rows.includes(before) ? { rows: [before] } : await api.rows({ ...filter, state: filter.state === "all" ? "open" : filter.state });
    await select(Math.max(0, rows.indexOf(open[0])));
    byId("gallery").classList.toggle("empty", rows.length === 0);
    byId("gallery").dataset.empty = Object.values(filter).every((one) => one === "" || one === "all") ? "Nothing to look at: no row was suspected." : "No row is like this.";
  } catch (error) {
    failed(error);
  }
}

function kinds() {
  const chip = (kind, words) => {
    const { total = 0, done = 0 } = about.counts[kind] ?? {};
    return h("button", { type: "button", class: "chip", "aria-pressed": String(filter.kind === kind), onclick: () => narrow({ kind }) }, words, h("span", {}, done ? `${done}/${total}` : String(total)));
  };
  byId("kinds").replaceChildren(chip("", "All"), ...Object.keys(KINDS).filter((kind) => about.counts[kind]).map((kind) => chip(kind, KINDS[kind])));
}

function progress(content) {
  about.counts = content.counts;
  about.decided = content.decided;
  const { total = 0, done = 0 } = about.counts[""] ?? {};
  byId("headline").textContent = total === 0 ? "Nothing to look at" : done === total ? "All decided" : `${(total - done).toLocaleString("en")} of ${count(total, "row")} to look at`;
  Object.assign(byId("progress"), { max: Math.max(1, total), value: done });
  const words = { keep: "kept", relabel: "relabelled", drop: "dropped" };
  byId("tally").replaceChildren(...Object.entries(words).map(([deed, word]) => h("li", { class: deed }, h("b", {}, String(about.decided[deed])), ` ${word}`)));
  kinds();
}

async function select(place) {
  grid.go(place);
  await detail();
}

async function detail() {
  const asked = row();
  if (asked === undefined) return byId("detail").replaceChildren();
  const [item] = (await fetch([asked])) ?? [];
  if (!item || row() !== asked) return;
  const like = (await fetch([...new Set(item.reasons.flatMap((one) => one.like))])) ?? [];
  if (row() !== asked) return;
  byId("detail").replaceChildren(...panel(items.get(asked), { about, act, enlarge, like: like.filter(Boolean) }));
  byId("detail").querySelector(".sheet").scrollTop = 0;
}

// Meanwhile another window may have decided.
async function lookAgain() {
  try {
    const answer = await api.again([...items.known.keys()]);
    items.renew(answer.items);
    progress(answer.about);
    for (const place of grid.cards.keys()) grid.refresh(place);
    await detail();
  } catch (error) {
    failed(error);
  }
}

async function act(deed) {
  if (deed === "undo") return undo();
  const item = items.get(row());
  if (!item) return;
  if (deed === "accept") {
    const to = proposal(item);
    return to === null || to === item.label || about.relabels !== "class" ? say("nothing is proposed for this row") : decide(item, "relabel", to);
  }
  if (deed === "relabel") {
    const proposed = item.reasons.map((one) => one.to).filter((one) => one !== null);
    const to = await choose({ about, item, recent, proposed });
    return to === null ? undefined : decide(item, "relabel", to);
  }
  return decide(item, deed);
}

// The next row is shown at once; a decision that could not be written brings this one back.
async function decide(item, deed, to) {
  const before = item.decision;
  item.decision = { do: deed, to: to ?? null, by: about.by };
  if (deed === "relabel" && about.relabels === "class") {
    if (recent.includes(to)) recent.splice(recent.indexOf(to), 1);
    recent.unshift(to);
  }
  const place = grid.place;
  grid.refresh(place);
  select(following(place));
  try {
    const answer = await api.decide(item.row, deed, to);
    item.decision = answer.decision;
    progress(answer);
    say(`${item.name} ${deed === "relabel" ? `is now ${label(to)}` : deed === "drop" ? "is dropped" : "is kept"}`);
  } catch (error) {
    item.decision = before;
    failed(error);
    select(place);
  }
  grid.refresh(grid.rows.indexOf(item.row));
}

// The next undecided row; the next one where all that follow are decided.
function following(place) {
  for (let at = place + 1; at < grid.rows.length; at++) {
    const item = items.get(grid.rows[at]);
    if (!item?.decision) return at;
  }
  return Math.min(place + 1, grid.rows.length - 1);
}

async function undo() {
  try {
    const answer = await api.undo();
    if (answer.row === null) return say("there is nothing to undo");
    const item = items.get(answer.row);
    if (item) item.decision = answer.decision;
    progress(answer);
    const place = grid.rows.indexOf(answer.row);
    if (place >= 0) {
      grid.refresh(place);
      await select(place);
    }
    say(answer.decision ? "undone: the decision before stands again" : "undone");
  } catch (error) {
    failed(error);
  }
}

function enlarge(of, column = 0) {
  const dialog = byId("large");
  dialog.replaceChildren(picture(of, column, "large", ""));
  dialog.onclick = () => dialog.close();
  dialog.showModal();
}

function help() {
  const dialog = byId("keys");
  const line = (key, words) => [h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, words)];
  dialog.replaceChildren(
    h("h2", {}, "Keys"),
    h("dl", {}, line("K", "keep it as it is"), line("A", "accept the proposed label"), line("R", "relabel"), line("D", "drop it"), line("U", "undo"), line("← → ↑ ↓", "move"), line("N", "next undecided row"), line("Space", "enlarge the picture"), line("?", "this list")),
    h("p", { class: "hint" }, "Every decision is written at once to ", h("code", {}, about.file)),
    h("div", { class: "row" }, h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Close")),
  );
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.showModal();
}

function keys(event) {
  const dialog = document.querySelector("dialog[open]");
  if (dialog) {
    if (dialog.id === "large" && event.key === " ") {
      event.preventDefault();
      dialog.close();
    }
    return;
  }
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.preventDefault();
    return undo();
  }
  if (!plain || event.target.matches("select, input")) return;
  const page = grid.columns * grid.lines;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -grid.columns, ArrowDown: grid.columns, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
  const deeds = { k: "keep", a: "accept", r: "relabel", d: "drop", u: "undo" };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key in steps) select(Math.max(0, Math.min(grid.rows.length - 1, grid.place + steps[key])));
  else if (key in deeds && !event.repeat) act(deeds[key]);
  else if (key === "n") select(following(grid.place));
  else if (key === "?") help();
  else if (key === " " && !event.target.matches("button")) {
    const item = items.get(row());
    if (item?.images.length) enlarge(item.row, item.images[0]);
  } else return;
  event.preventDefault();
}

let fading;
function say(words) {
  byId("said").textContent = printable(words);
  byId("said").classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => byId("said").classList.remove("shown"), 1800);
}

function failed(error) {
  byId("banner").textContent = printable(error.message);
  byId("banner").hidden = false;
}

start().catch(failed);
