// What the page asks the server. Decisions go one after the other, in the order in which they were made.

class Refused extends Error {}

async function ask(path, settings) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...settings });
  } catch {
    throw new Error("The server has stopped. What was decided up to here is saved: start upfit review again, and open the address that it prints.");
  }
  if (answer.status === 403) throw new Error("The server was started anew: open the address that it printed.");
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(content.error ?? content.detail ?? `The server answered ${answer.status}.`);
  return content;
}

const post = (path, content = {}) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) });

let queue = Promise.resolve();
const inTurn = (work) => (queue = queue.catch(() => {}).then(work));

async function all(rows) {
  const found = [];
  for (let start = 0; start < rows.length; start += 100) found.push(...(await api.items(rows.slice(start, start + 100))).items);
  return found;
}

export const api = {
  about: () => ask("api/about"),
  rows: (filter) => ask(`api/rows?${new URLSearchParams(filter)}`),
  items: (rows) => ask(`api/items?rows=${rows.join(",")}`),
  decide: (row, deed, to) => inTurn(() => post("api/decide", { row, do: deed, to })),
  // In turn too: decisions that are on their way are in the answer, and later ones come after it.
  again: (rows) => inTurn(async () => ({ items: await all(rows), about: await api.about() })),
  undo: () => inTurn(() => post("api/undo")),
  retraining: () => ask("api/retrain"),
  retrain: () => post("api/retrain"),
  stop: () => post("api/retrain/stop"),
};

// Rows that were fetched, the latest two thousand of them.
export class Items {
  constructor(most = 2000) {
    this.most = most;
    this.known = new Map();
  }

  get(row) {
    return this.known.get(row);
  }

  // What rows have become, in place: keys find every row at every moment.
  renew(items) {
    for (const item of items) if (this.known.has(item.row)) Object.assign(this.known.get(item.row), item);
  }

  async fetch(rows) {
    for (const item of await all([...new Set(rows)].filter((row) => !this.known.has(row)))) this.known.set(item.row, item);
    while (this.known.size > this.most) this.known.delete(this.known.keys().next().value);
    return rows.map((row) => this.known.get(row));
  }
}
