"use strict";
// The log screen: lines as they come, bounded, with follow/pause, a level filter and a search over what is shown.
(() => {
  const box = document.getElementById("log");
  if (!box) return;
  const KEPT_LINES = 3000;
  const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
  const level = document.getElementById("log-level");
  const search = document.getElementById("log-search");
  const pause = document.getElementById("log-pause");
  const count = document.getElementById("log-count");
  const empty = document.getElementById("log-empty");
  let waiting = [];
  let last = "INFO";

  document.addEventListener("htmx:sseOpen", () => live.on("log", (event) => receive(JSON.parse(event.data))), { once: true });
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", paused);
    pause.textContent = paused ? pause.dataset.on : pause.dataset.off;
    if (!paused) add(waiting.splice(0));
    tell();
  });
  level.addEventListener("change", filter);
  search.addEventListener("input", filter);

  function receive({ fresh, lines }) {
    if (fresh) {
      waiting = [];
      box.replaceChildren(empty);
    }
    if (pause.getAttribute("aria-pressed") === "true" && !fresh) {
      waiting = waiting.concat(lines).slice(-KEPT_LINES);
    } else add(lines);
    tell();
  }

  function add(lines) {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    const rows = lines.map((text) => {
      const row = document.createElement("p");
      // A line without a level of its own, such as a traceback's, belongs to the one before it.
      last = text.match(/\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b/)?.[1] ?? last;
      row.dataset.level = last;
      row.textContent = text;
      row.hidden = !matches(row);
      return row;
    });
    box.append(...rows);
    while (box.childElementCount > KEPT_LINES) box.firstElementChild.remove();
    empty.hidden = box.querySelector("p:not(#log-empty)") !== null;
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  function matches(row) {
    const lowest = LEVELS.indexOf(level.value);
    return LEVELS.indexOf(row.dataset.level) >= lowest && row.textContent.toLowerCase().includes(search.value.toLowerCase());
  }

  function filter() {
    for (const row of box.children) if (row !== empty) row.hidden = !matches(row);
    box.scrollTop = box.scrollHeight;
    tell();
  }

  function tell() {
    const rows = [...box.children].filter((row) => row !== empty);
    const words = live.messages["js.log.count"];
    const shown = words.replace("{shown}", rows.filter((row) => !row.hidden).length).replace("{total}", rows.length);
    count.textContent = waiting.length ? live.messages["js.log.waiting"].replace("{n}", waiting.length) : shown;
  }
})();
