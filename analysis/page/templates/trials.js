// What the page can do beside being read: it hovers, filters, sorts, marks one trial everywhere, chooses axes.
// It asks nobody for anything, and every text reaches the page as text. The other parts stand in this one's scope.
const scopes = JSON.parse(document.getElementById("trials").textContent);
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const drawn = (svg, name, attributes) => {
  const element = document.createElementNS(svg.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  svg.append(element);
};
const scopeOf = (element) => element.closest("[data-scope]")?.dataset.scope ?? "";
const keyOf = (element) => `${scopeOf(element)}\n${element.dataset.trial}`;
const nameOf = (key) => {
  const [scope, trial] = key.split("\n");
  return scopes[scope]?.trials[trial]?.[0] ?? `trial ${trial}`;
};

// Every row and every mark of a trial; those of trials in `outs` the filter leaves out.
const marks = new Map();
const outs = new Set();
const note = (element, key) => {
  if (!marks.has(key)) marks.set(key, []);
  marks.get(key).push(element);
};
for (const element of document.querySelectorAll("[data-trial]")) note(element, keyOf(element));

// ---- marks that are painted as one picture: where each of them is
class Crowd {
  constructor(svg, scope, [lines, trials, places]) {
    Object.assign(this, { svg, lines, places, keys: trials.map((trial) => `${scope}\n${trial}`), found: null });
  }
  of(key) {
    if (!this.found) {
      this.found = new Map();
      this.keys.forEach((own, place) => this.found.set(own, [...(this.found.get(own) ?? []), this.places[place]]));
    }
    return this.found.get(key) ?? [];
  }
  path(places) {
    if (!this.lines) return `M${places[0]} ${places[1]}h0`;
    let text = "";
    let next = "M";
    for (let place = 0; place < places.length; place += 2) {
      if (places[place + 1] === null) next = "M";
      else {
        text += `${next}${places[place]} ${places[place + 1]}`;
        next = "L";
      }
    }
    return text;
  }
  // Square of the distance from a mark to a place.
  apart(at, x, y) {
    if (!this.lines) return (at[0] - x) ** 2 + (at[1] - y) ** 2;
    let least = Infinity;
    for (let place = 0; place + 3 < at.length; place += 2) {
      const [left, up, right, down] = at.slice(place, place + 4);
      if (up === null || down === null) continue;
      const [wide, tall] = [right - left, down - up];
      const share = Math.max(0, Math.min(1, ((x - left) * wide + (y - up) * tall) / (wide ** 2 + tall ** 2 || 1)));
      least = Math.min(least, (left + share * wide - x) ** 2 + (up + share * tall - y) ** 2);
    }
    return least;
  }
}
const crowds = new Map();
for (const data of document.querySelectorAll("figure script.crowds")) {
  const svg = data.closest("figure").querySelector("svg");
  crowds.set(svg, JSON.parse(data.textContent).map((crowd) => new Crowd(svg, scopeOf(svg), crowd)));
}
// While some trials are left out, the picture fades and those that are kept are drawn over it.
const thin = () => {
  for (const [svg, inside] of crowds) {
    for (const old of svg.querySelectorAll(".kept")) old.remove();
    svg.classList.toggle("thinned", outs.size > 0);
    for (const crowd of outs.size ? inside : []) {
      const d = crowd.places.map((at, place) => (outs.has(crowd.keys[place]) ? "" : crowd.path(at))).join("");
      if (d) drawn(svg, "path", { d, class: crowd.lines ? "kept lines" : "kept" });
    }
  }
};

// ---- one trial highlighted everywhere
let lit = null;
let pinned = null;
const ring = (svg, x, y) => drawn(svg, "circle", { cx: x, cy: y, r: "6.5", class: "ring" });
const light = (key) => {
  if (lit === key) return;
  for (const old of document.querySelectorAll(".ring")) old.remove();
  for (const old of document.querySelectorAll(".lit")) old.classList.remove("lit");
  lit = key;
  for (const mark of marks.get(key) ?? []) {
    if (mark.localName !== "use") mark.classList.add("lit");
    else if (!mark.classList.contains("out")) ring(mark.parentNode, mark.getAttribute("x"), mark.getAttribute("y"));
  }
  if (outs.has(key)) return;
  for (const crowd of [...crowds.values()].flat()) {
    for (const at of crowd.of(key)) {
      if (crowd.lines) drawn(crowd.svg, "path", { d: crowd.path(at), class: "ring" });
      else ring(crowd.svg, at[0], at[1]);
    }
  }
};
const release = make("button", { type: "button" });
release.hidden = true;
const pin = (key) => {
  pinned = pinned === key ? null : key;
  for (const old of document.querySelectorAll("tr.pinned")) old.classList.remove("pinned");
  release.hidden = pinned === null;
  if (pinned !== null) {
    release.textContent = `Release ${nameOf(pinned)}`;
    for (const list of lists) list.turnTo(pinned);
    for (const mark of marks.get(pinned) ?? []) if (mark.localName === "tr") mark.classList.add("pinned");
  }
  lit = undefined;
  light(pinned);
};
release.addEventListener("click", () => pin(pinned));
