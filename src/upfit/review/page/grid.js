// A gallery of any number of rows, of which only those in sight are elements.
import { h } from "./dom.js";

const GAP = 12;
const BEYOND = 2; // lines of cards made above and below the visible ones

export class Grid {
  // card(item, row): an element's content; fetch(rows): a promise of items; select(place): told of a click.
  constructor(root, { card, fetch, known, select }) {
    Object.assign(this, { root, card, fetch, known, select });
    this.rows = [];
    this.place = 0;
    this.cards = new Map();
    this.sizer = h("div", { class: "sizer", role: "presentation" });
    root.append(this.sizer);
    root.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(root);
  }

  shape(width, height) {
    Object.assign(this, { width, height });
    this.measure();
  }

  show(rows, place = 0) {
    this.rows = rows;
    this.clear();
    this.measure();
    this.go(place);
  }

  clear() {
    for (const node of this.cards.values()) node.remove();
    this.cards.clear();
  }

  measure() {
    const inside = this.root.clientWidth - 2 * GAP;
    const columns = Math.max(1, Math.floor((inside + GAP) / (this.width + GAP)));
    const wide = Math.floor((inside - (columns - 1) * GAP) / columns);
    if (columns !== this.columns || wide !== this.wide) this.clear();
    Object.assign(this, { columns, wide });
    this.sizer.style.height = `${Math.ceil(this.rows.length / columns) * (this.height + GAP) + GAP}px`;
    this.draw();
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.draw();
    });
  }

  range() {
    const line = this.height + GAP;
    const first = Math.max(0, Math.floor(this.root.scrollTop / line) - BEYOND);
    const last = Math.ceil((this.root.scrollTop + this.root.clientHeight) / line) + BEYOND;
    return [first * this.columns, Math.min(this.rows.length, last * this.columns)];
  }

  draw() {
    const [first, last] = this.range();
    for (const [place, node] of this.cards) {
      if (place < first || place >= last) {
        node.remove();
        this.cards.delete(place);
      }
    }
    const missing = [];
    for (let place = first; place < last; place++) {
      if (!this.cards.has(place)) this.add(place);
      if (!this.known(this.rows[place])) missing.push(place);
    }
    if (missing.length) this.load(missing);
  }

  // One request at a time; what has scrolled out of sight meanwhile is not asked for.
  async load(places) {
    if (this.loading) return;
    this.loading = true;
    try {
      await this.fetch(places.map((place) => this.rows[place]));
    } finally {
      this.loading = false;
    }
    for (const place of places) this.refresh(place);
    this.later();
  }

  add(place) {
    const node = h("div", { class: "card", role: "option", id: `card-${place}` });
    node.addEventListener("click", () => this.select(place));
    node.style.transform = `translate(${GAP + (place % this.columns) * (this.wide + GAP)}px, ${GAP + Math.floor(place / this.columns) * (this.height + GAP)}px)`;
    node.style.width = `${this.wide}px`;
    node.style.height = `${this.height}px`;
    this.cards.set(place, node);
    this.refresh(place);
    this.sizer.append(node);
  }

  refresh(place) {
    const node = this.cards.get(place);
    if (!node) return;
    const item = this.known(this.rows[place]);
    node.dataset.row = this.rows[place];
    node.dataset.decision = item?.decision?.do ?? "";
    node.setAttribute("aria-selected", String(place === this.place));
    node.setAttribute("aria-posinset", place + 1);
    node.setAttribute("aria-setsize", this.rows.length);
    node.classList.toggle("waiting", !item);
    node.replaceChildren(...(item ? this.card(item) : []));
  }

  go(place) {
    const before = this.place;
    this.place = Math.max(0, Math.min(this.rows.length - 1, place));
    for (const one of [before, this.place]) this.cards.get(one)?.setAttribute("aria-selected", String(one === this.place));
    this.root.setAttribute("aria-activedescendant", `card-${this.place}`);
    const line = this.height + GAP;
    const top = Math.floor(this.place / this.columns) * line;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + line + GAP > this.root.scrollTop + this.root.clientHeight) {
      this.root.scrollTop = top + line + GAP - this.root.clientHeight;
    }
    this.draw();
  }

  get lines() {
    return Math.max(1, Math.floor(this.root.clientHeight / (this.height + GAP)));
  }
}
