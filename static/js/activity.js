"use strict";
// The activity screen: requests that have ended come on top of the list as they end; one click shows all of one.
(() => {
  const KEPT_ROWS = 300;
  const rows = document.getElementById("activity-rows");
  const running = document.getElementById("running-rows");
  const pause = document.getElementById("activity-pause");
  const count = document.getElementById("activity-count");
  const none = document.getElementById("activity-none");
  const dialog = document.getElementById("request-dialog");
  let waiting = []; // what came while paused, oldest first

  document.addEventListener("htmx:sseOpen", () => {
    live.on("activity", ({ data }) => receive(JSON.parse(data)));
    live.on("running", tell);
  }, { once: true });

  function receive({ fresh, html }) {
    if (fresh) {
      waiting = [];
      rows.replaceChildren();
    }
    if (pause.getAttribute("aria-pressed") === "true" && !fresh) waiting = [...waiting, html].slice(-KEPT_ROWS);
    else add(html);
    tell();
  }

  function add(html) {
    rows.insertAdjacentHTML("afterbegin", html);
    while (rows.childElementCount > KEPT_ROWS) rows.lastElementChild.remove();
    refilter();
  }

  function tell() {
    const shown = rows.querySelectorAll("tr:not([hidden])").length;
    const words = live.messages[waiting.length ? "js.activity.waiting" : "js.activity.count"];
    count.textContent = words.replace("{shown}", shown).replace("{total}", rows.childElementCount);
    none.hidden = rows.childElementCount + running.childElementCount > 0;
  }

  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", paused);
    pause.textContent = paused ? pause.dataset.on : pause.dataset.off;
    if (!paused) waiting.splice(0).forEach(add);
    tell();
  });
  document.querySelector("form[data-filter]").addEventListener("input", tell);

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-details]") ?? target.closest?.("[data-row]")?.querySelector("[data-details]");
    if (!button || getSelection().toString()) return; // a row whose text is being selected stays closed
    const response = await fetch(button.dataset.details).catch(() => null);
    if (!response?.ok) return toast(live.messages[response ? "js.activity.gone" : "js.unreachable"], "bad");
    document.getElementById("request-box").innerHTML = await response.text();
    dialog.showModal();
  });
})();
