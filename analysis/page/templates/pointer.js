// ---- what a trial is, under the pointer
const tip = make("div", { class: "tip", role: "tooltip" });
tip.hidden = true;
const explain = (key, x, y) => {
  const [scope, trial] = key.split("\n");
  const values = scopes[scope]?.trials[trial];
  if (!values) return;
  const list = make("dl");
  scopes[scope].fields.forEach((field, place) => {
    if (place > 0 && values[place]) list.append(make("dt", {}, field), make("dd", {}, values[place]));
  });
  tip.replaceChildren(make("b", {}, values[0]), list);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 6))}px`;
  tip.style.top = `${Math.max(4, y + 14 + box.height > innerHeight ? y - box.height - 10 : y + 14)}px`;
};
document.body.append(tip);

// The trial whose mark is nearest to the pointer, within some pixels: marks are small.
const points = new WeakMap();
const nearest = (svg, x, y) => {
  if (!points.has(svg)) {
    points.set(svg, [...svg.querySelectorAll("use[data-trial]")].map((use) => [use, +use.getAttribute("x"), +use.getAttribute("y")]));
  }
  const matrix = svg.getScreenCTM();
  if (!matrix) return null;
  const at = new DOMPoint(x, y).matrixTransform(matrix.inverse());
  let best = null;
  let reach = (12 / matrix.a) ** 2;
  for (const [use, left, top] of points.get(svg)) {
    const apart = (left - at.x) ** 2 + (top - at.y) ** 2;
    if (apart < reach && !use.classList.contains("out")) [best, reach] = [keyOf(use), apart];
  }
  for (const crowd of crowds.get(svg) ?? []) {
    crowd.places.forEach((places, place) => {
      const apart = crowd.apart(places, at.x, at.y);
      if (apart < reach && !outs.has(crowd.keys[place])) [best, reach] = [crowd.keys[place], apart];
    });
  }
  return best;
};
// The trial, and whether it is a mark of a figure.
const under = (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const svg = target?.closest("figure svg");
  const near = svg ? nearest(svg, event.clientX, event.clientY) : null;
  if (near !== null) return [near, true];
  const mark = target?.closest("[data-trial]");
  return mark ? [keyOf(mark), mark.localName !== "tr"] : [null, false];
};
document.addEventListener("pointermove", (event) => {
  const [key, inFigure] = under(event);
  light(key ?? pinned);
  if (inFigure) explain(key, event.clientX, event.clientY);
  else tip.hidden = true;
});
document.addEventListener("click", (event) => {
  const [key] = event.target.closest("button, a, summary") ? [null] : under(event);
  if (key !== null && !getSelection().toString()) pin(key);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    tip.hidden = true;
    if (pinned !== null) pin(pinned);
  }
  const row = event.target instanceof Element ? event.target.closest("tr[tabindex]") : null;
  if (!row || event.target !== row) return;
  if (event.key === "Enter" || event.key === " ") pin(keyOf(row));
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const rows = [...row.parentNode.querySelectorAll("tr[tabindex]:not(.out)")];
    const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    row.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  } else return;
  event.preventDefault();
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches("tr[data-trial]")) light(keyOf(event.target));
});
