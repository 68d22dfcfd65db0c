"use strict";
// Small parts: running clocks, copy buttons, list filters, selects that submit.
(() => {
  const messages = live.messages;
  let ahead = 0; // milliseconds by which the server's clock is ahead of the browser's
  const clocks = new Set();

  // The text lives in a shadow root, so that a morph of the page around it cannot make it flicker.
  class ElapsedTime extends HTMLElement {
    static observedAttributes = ["since"];
    #text = this.attachShadow({ mode: "open" }).appendChild(document.createTextNode(""));

    connectedCallback() {
      clocks.add(this);
      this.show();
    }

    disconnectedCallback() {
      clocks.delete(this);
    }

    attributeChangedCallback() {
      this.show();
    }

    show() {
      const since = Number(this.getAttribute("since"));
      this.#text.data = since ? spell(Math.max(0, Math.floor((Date.now() + ahead) / 1000 - since))) : "";
    }
  }

  function spell(seconds) {
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
    const key = h ? "hours_minutes" : m ? "minutes_seconds" : "seconds";
    return messages[`js.time.${key}`].replace("{h}", h).replace("{m}", m).replace("{s}", s);
  }

  customElements.define("elapsed-time", ElapsedTime);
  setInterval(() => clocks.forEach((clock) => clock.show()), 1000);
  document.addEventListener("htmx:sseOpen", () => {
    live.on("tick", (event) => (ahead = Number(event.data) * 1000 - Date.now()));
  }, { once: true });

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      toast(messages["js.copied"], "good");
    } catch {
      // Without a secure origin there is no clipboard: select the text, so that Ctrl-C does it.
      getSelection().selectAllChildren(source);
      toast(messages["js.copy_by_hand"], "good");
    }
  });

  // A choice that stands for two fields of its form.
  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("select[data-pair]")) return;
    for (const name of target.dataset.pair.split(" ")) target.form.elements[name].value = target.selectedOptions[0].dataset[name];
  });

  document.addEventListener("change", ({ target }) => {
    if (target.matches?.("select[data-submit]")) target.form.requestSubmit();
  });

  document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // A filter form above a list: words to find in a row's `data-text`, and choices that a row's data has to contain.
  for (const form of document.querySelectorAll("form[data-filter]")) {
    form.addEventListener("input", () => filter(form));
  }
  window.refilter = () => document.querySelectorAll("form[data-filter]").forEach(filter);
  document.addEventListener("htmx:afterSettle", refilter);

  // A search field inside a form that is about something else: hides the rows that do not hold its words.
  document.addEventListener("input", ({ target }) => target.matches?.("[data-find]") && find(target));
  document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("[data-find]").forEach(find));

  function find(field) {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelector(field.dataset.find).children) {
      const name = row.querySelector("label").textContent.toLowerCase();
      row.hidden = !words.every((word) => name.includes(word));
    }
  }

  function filter(form) {
    const list = document.querySelector(form.dataset.filter);
    if (!list) return;
    const { text, ...choices } = Object.fromEntries(new FormData(form));
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of list.children) {
      const chosen = Object.entries(choices).every(([name, value]) => !value || row.dataset[name].split(" ").includes(value));
      row.hidden = !chosen || !words.every((word) => row.dataset.text.includes(word));
      if (!row.hidden) shown += 1;
    }
    const none = list.parentElement.querySelector("[data-filter-none]");
    if (none) none.hidden = shown > 0;
  }
})();
