// Retrain with the corrections, and show what they earned on the same validation rows.
import { api } from "./api.js";
import { byId, count, h } from "./dom.js";

const STAGES = { before: "Training on the data as they are", after: "Training with the corrections", comparing: "Comparing" };
let timer;

export function openRetraining(about) {
  const dialog = byId("retraining");
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.onclose = () => clearTimeout(timer);
  dialog.showModal();
  follow(dialog, about);
}

async function follow(dialog, about) {
  clearTimeout(timer);
  let state;
  try {
    state = await api.retraining();
  } catch (error) {
    dialog.replaceChildren(h("h2", {}, "Retrain"), h("p", {}, error.message));
    return;
  }
  dialog.replaceChildren(...drawn(state, about, () => follow(dialog, about)));
  if (state.stage in STAGES && dialog.open) timer = setTimeout(() => follow(dialog, about), 1000);
}

function drawn(state, about, again) {
  const close = h("button", { type: "button", class: "plain", onclick: () => byId("retraining").close() }, "Close");
  const act = (words, work) => h("button", { type: "button", class: "primary", onclick: async () => {
    try { await work(); } catch (error) { state.line = error.message; }
    again();
  } }, words);
  if (state.stage in STAGES) {
    return [
      h("h2", {}, STAGES[state.stage] + "…"),
      h("p", { class: "hint" }, `${time(state.seconds)} so far. You can go on deciding; what you decide now counts next time.`),
      h("pre", {}, state.line || "…"),
      h("div", { class: "row" }, h("button", { type: "button", class: "plain", onclick: async () => { await api.stop(); again(); } }, "Stop"), close),
    ];
  }
  const parts = [h("h2", {}, state.stage === "done" ? "What the corrections earned" : "Retrain with the corrections")];
  if (state.stage === "done") parts.push(...result(state.result));
  if (state.stage === "failed") parts.push(h("p", {}, "Training failed:"), h("pre", {}, state.line));
  if (state.stage === "stopped") parts.push(h("p", {}, "Training was stopped."));
  const { relabel, drop } = about.decided;
  const budget = state.budget ? `within ${time(state.budget)}` : "as long as its recipe says";
  if (state.stage !== "done") {
    parts.push(
      h("p", {}, `${count(relabel, "relabelled row")} and ${count(drop, "dropped row")} so far. Those among the training rows are applied; validation keeps its labels, so that both models are judged alike.`),
      h("p", { class: "hint" }, state.trains_before ? `First a model of the data as they are, then one of the corrected data, each ${budget}.` : `One model, trained ${budget}, is compared with the one from before.`),
    );
  }
  const nothing = relabel + drop === 0;
  if (nothing) parts.push(h("p", { class: "hint" }, "Relabel or drop something first."));
  parts.push(h("div", { class: "row" }, !nothing && act(state.stage === "idle" ? "Start" : "Retrain again", api.retrain), close));
  return parts.filter(Boolean);
}

function result(found) {
  const scale = [found.before, found.after].flatMap((one) => [one.low, one.high]);
  const [low, high] = [Math.min(...scale), Math.max(...scale)];
  const bar = (one) => {
    const width = high - low || 1;
    const at = (value) => `${(100 * (value - low)) / width}%`;
    const range = h("span", { class: "range" }, h("i"), h("b"));
    range.firstChild.style.left = at(one.low);
    range.firstChild.style.right = `calc(100% - ${at(one.high)})`;
    range.lastChild.style.left = at(one.value);
    return range;
  };
  const line = (name, one) => h("tr", {}, h("th", {}, name), h("td", {}, h("b", {}, number(one.value))), h("td", { class: "hint" }, `${number(one.low)} to ${number(one.high)}`), h("td", {}, bar(one)));
  const mood = found.verdict > 0 ? "good" : found.verdict < 0 ? "bad" : "even";
  const sign = (value) => (value > 0 ? "+" : "") + number(value);
  return [
    h("p", { class: `verdict ${mood}` }, found.sentence),
    h("table", {}, line("before", found.before), line("after", found.after)),
    h("p", {}, "Gain ", h("b", {}, sign(found.gain.value)), ` (95 % interval, paired: ${sign(found.gain.low)} to ${sign(found.gain.high)}) in ${found.metric.replaceAll("_", " ")} on ${count(found.rows, "validation row")}.`),
    h("p", { class: "hint" }, "Run and report: ", h("code", {}, found.run)),
  ];
}

const number = (value) => (Math.abs(value) >= 100 ? value.toPrecision(4) : value.toFixed(3));

function time(seconds) {
  const whole = Math.round(seconds);
  return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}
