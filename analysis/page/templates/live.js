"use strict";
// Of a served page only: asks its own server whether there is a later page, and loads it where the reader is.
(() => {
  const EVERY_MS = 2000;
  const KEPT = "acgkd-live";
  const status = document.querySelector(".live");
  const mine = Number(status.dataset.version);
  const folded = () => [...document.querySelectorAll("details")];
  const fields = () => [...document.querySelectorAll(".controls input, .controls select, .picker select")];

  history.scrollRestoration = "manual";
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  if (kept) {
    folded().forEach((element, place) => (element.open = Boolean(kept.open[place])));
    fields().forEach((field, place) => {
      if (kept.fields[place] === undefined || kept.fields[place] === field.value) return;
      field.value = kept.fields[place];
      field.dispatchEvent(new Event(field.localName === "select" ? "change" : "input"));
    });
    scrollTo({ top: kept.top, behavior: "instant" });
  }

  const say = (text) => {
    status.textContent = text;
    status.hidden = text === "";
  };
  const busy = () => document.activeElement?.matches("input, select") || getSelection().toString() !== "";
  const ask = async () => {
    try {
      const answer = await fetch("version", { cache: "no-store" });
      const { version, problem } = await answer.json();
      say(problem ? `The sweep cannot be read for now: ${problem}` : "");
      if (version === mine) return;
      if (busy()) {
        say("There is a later page; it is loaded when nothing is typed or selected here.");
        return;
      }
      const open = folded().map((element) => element.open);
      sessionStorage.setItem(KEPT, JSON.stringify({ top: scrollY, open, fields: fields().map((field) => field.value) }));
      location.reload();
    } catch {
      say("The server has ended: this page stays as it is.");
    }
  };
  setInterval(ask, EVERY_MS);
})();
