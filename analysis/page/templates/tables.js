// ---- sort: by the number that a cell begins with, else by its text; cells without a value come last
const SIZES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const worth = (text) => {
  const words = text.trim().replaceAll("−", "-");
  if (words === "" || words === "–") return null;
  const found = /^([+-]?(?:∞|[\d,]*\.?\d+(?:e[+-]?\d+)?))(?:\s?([kMGT])(?![a-z]))?/.exec(words);
  if (!found) return words;
  if (found[1].endsWith("∞")) return found[1].startsWith("-") ? -Infinity : Infinity;
  return Number(found[1].replaceAll(",", "")) * (SIZES[found[2]] ?? 1);
};
const words = new Intl.Collator("en", { numeric: true });
const order = (one, other) =>
  typeof one === "number" && typeof other === "number" ? one - other : words.compare(String(one), String(other));

// ---- a table: its rows in order; where it holds more than it shows, page by page
class List {
  constructor(table) {
    Object.assign(this, { table, body: table.tBodies[0], from: 0 });
    this.rows = [...this.body.rows].map((row) => ({
      key: row.dataset.trial ? keyOf(row) : null, row, cells: [...row.cells].map((cell) => cell.textContent),
    }));
    this.size = this.rows.length;
    const rest = table.parentNode.nextElementSibling?.matches("script.rest") ? table.parentNode.nextElementSibling : null;
    if (rest) this.page(rest);
  }
  page(rest) {
    const [cells, trials] = JSON.parse(rest.textContent);
    const scope = scopeOf(this.table);
    cells.forEach((texts, place) => {
      this.rows.push({ key: trials[place] ? `${scope}\n${trials[place]}` : null, row: null, cells: texts });
    });
    this.label = make("output");
    this.turns = [["‹ previous", -1], ["next ›", 1]].map(([name, way]) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", () => this.show(this.from + way * this.size));
      return button;
    });
    rest.after(make("div", { class: "pages" }, this.turns[0], this.label, this.turns[1]));
    // Nothing is missing any more.
    rest.closest("section").querySelectorAll(".remark .more").forEach((more) => {
      if (rest.nextElementSibling.nextElementSibling === more.parentNode) more.remove();
    });
    this.show(0);
  }
  row(item) {
    if (item.row) return item.row;
    const heads = this.table.tHead.rows[0].cells;
    item.row = make("tr", {}, ...item.cells.map((text, place) => {
      const number = heads[place].classList.contains("number");
      const first = place === 0 && text.length < 60 ? " first" : "";
      const short = text.length < 30 && !number ? " short" : "";
      const wordy = text.length > 45 ? " wordy" : "";
      const long = text.split(/\s+/).some((word) => word.length > 24) ? " long" : "";
      return make("td", { class: `${number ? "number" : "text"}${first}${short}${wordy}${long}` }, text);
    }));
    if (item.key !== null) {
      item.row.dataset.trial = item.key.split("\n")[1];
      item.row.tabIndex = -1;
      item.row.classList.toggle("pinned", item.key === pinned);
      note(item.row, item.key);
    }
    return item.row;
  }
  get kept() {
    return this.rows.filter(({ key }) => !outs.has(key));
  }
  show(from) {
    if (!this.turns) {
      this.body.append(...this.rows.map(({ row }) => row));
      return;
    }
    const kept = this.kept;
    this.from = Math.max(0, from < kept.length ? from : 0);
    const shown = kept.slice(this.from, this.from + this.size).map((item) => this.row(item));
    this.body.replaceChildren(...shown);
    shown.filter((row) => row.dataset.trial).forEach((row, place) => (row.tabIndex = place ? -1 : 0));
    const count = (number) => number.toLocaleString("en");
    const part = `${count(this.from + 1)} to ${count(this.from + shown.length)} of `;
    this.label.textContent = `${shown.length < kept.length ? part : ""}${count(kept.length)} rows`;
    this.turns[0].disabled = this.from === 0;
    this.turns[1].disabled = this.from + this.size >= kept.length;
  }
  turnTo(key) {
    const place = this.turns ? this.kept.findIndex((item) => item.key === key) : -1;
    if (place >= 0) this.show(place - (place % this.size));
  }
  sort(place) {
    const head = this.table.tHead.rows[0].cells[place];
    const values = this.rows.map((item) => [worth(item.cells[place]), item]);
    const falling = head.hasAttribute("aria-sort")
      ? head.getAttribute("aria-sort") === "ascending"
      : values.some(([value]) => typeof value === "number");
    for (const cell of this.table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    values.sort(([one], [other]) => {
      if (one === null || other === null) return (one === null) - (other === null);
      return falling ? order(other, one) : order(one, other);
    });
    this.rows = values.map(([, item]) => item);
    this.show(0);
  }
}
const lists = [...document.querySelectorAll("table")].map((table) => new List(table));
for (const list of lists) {
  const ofTrials = list.rows.filter(({ key, row }) => key !== null && row);
  for (const { row } of ofTrials) row.tabIndex = row === ofTrials[0].row ? 0 : -1;
  if (list.rows.length < 2) continue;
  [...list.table.tHead.rows[0].cells].forEach((cell, place) => {
    const name = cell.textContent || (ofTrials.length && place === 0 ? "trial" : "");
    if (!name) return;
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => list.sort(place));
    cell.replaceChildren(button);
  });
}

// ---- filter: rows and marks of trials that do not match are not shown
const text = make("input", { type: "search", placeholder: "a value, another value" });
const state = make("select", {}, make("option", { value: "" }, "all"));
const shown = make("output");
const all = [];
for (const [scope, { fields, trials }] of Object.entries(scopes)) {
  for (const [trial, values] of Object.entries(trials)) {
    const said = fields.map((field, place) => `${field} ${values[place]}`).join("\n").toLowerCase();
    all.push({ key: `${scope}\n${trial}`, state: values[1], said });
  }
}
for (const name of [...new Set(all.map((trial) => trial.state))].sort()) state.append(make("option", { value: name }, name));
const filter = () => {
  const asked = text.value.toLowerCase().split(",").map((word) => word.trim()).filter(Boolean);
  outs.clear();
  for (const trial of all) {
    const out = Boolean(state.value && trial.state !== state.value) || !asked.every((word) => trial.said.includes(word));
    if (out) outs.add(trial.key);
    for (const mark of marks.get(trial.key) ?? []) mark.classList.toggle("out", out);
  }
  shown.textContent = `${(all.length - outs.size).toLocaleString("en")} of ${all.length.toLocaleString("en")} trials`;
  thin();
  for (const list of lists) if (list.turns) list.show(0);
  lit = undefined;
  light(pinned);
};
text.addEventListener("input", filter);
state.addEventListener("change", filter);
if (all.length > 1) {
  const controls = make("div", { class: "controls", role: "search", "aria-label": "Trials" });
  controls.append(make("label", {}, "Trials", text), make("label", {}, "Outcome", state), shown, release);
  document.querySelector("header").after(controls);
  filter();
}

// ---- of alternatives, one at a time
for (const group of document.querySelectorAll(".alternatives")) {
  const choices = [...group.children];
  if (choices.length < 2) continue;
  const select = make("select", {}, ...choices.map((choice) => make("option", {}, choice.dataset.label)));
  const choose = () => choices.forEach((choice, place) => (choice.hidden = place !== select.selectedIndex));
  select.addEventListener("change", choose);
  group.prepend(make("div", { class: "picker" }, make("label", {}, group.dataset.title, select)));
  choose();
}

// ---- on paper everything is there
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
