"use strict";
// Ctrl+K: every screen and setting by a few letters of its name. And the keyboard's shortcuts, with a sheet that lists
// them; those that are a plain letter can be switched off, as voice control and some keyboards ask for.
(() => {
  const palette = document.getElementById("palette");
  const text = document.getElementById("palette-text");
  const list = document.getElementById("palette-list");
  const none = document.getElementById("palette-none");
  const sheet = document.getElementById("shortcuts");
  const letters = document.getElementById("shortcuts-on");
  const PAUSE_MS = 1500;
  const OFF = "shortcuts-off";
  let waiting = 0; // until when a letter after G counts

  // -- the palette ----------------------------------------------------------------------------------------------------
  const entries = () => [...list.children].filter((each) => !each.hidden);
  const chosen = () => list.querySelector("[aria-selected=true]");

  function open() {
    if (document.querySelector("dialog[open]")) return;
    text.value = "";
    choose(null);
    filter();
    palette.showModal();
    models();
  }

  // The models that are served lead to how they are reached.
  async function models() {
    if (list.querySelector("[data-model]")) return;
    const status = await fetch("/api/status").then((response) => response.json(), () => null);
    for (const device of status?.devices ?? []) {
      for (const model of device.models.filter((each) => each.assignment)) {
        const entry = list.children[0].cloneNode(true);
        entry.id = `model-entry-${list.childElementCount}`;
        entry.dataset.model = "";
        entry.dataset.href = `/connect?model=${encodeURIComponent(model.public_id)}`;
        entry.querySelector("span").textContent = model.public_id;
        entry.querySelector("svg").replaceWith(document.querySelector("#go-connect svg").cloneNode(true));
        list.append(entry);
      }
    }
    filter();
  }

  // What is chosen stays so while it is shown: models that come late do not move it.
  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const entry of list.children) entry.hidden = !words.every((word) => entry.textContent.toLowerCase().includes(word));
    const shown = entries();
    choose(shown.includes(chosen()) ? chosen() : shown[0]);
    none.hidden = shown.length > 0;
  }

  function choose(entry) {
    for (const each of list.children) each.setAttribute("aria-selected", each === entry);
    if (entry) text.setAttribute("aria-activedescendant", entry.id);
    else text.removeAttribute("aria-activedescendant");
    entry?.scrollIntoView({ block: "nearest" });
  }

  function take(entry) {
    if (!entry) return;
    palette.close();
    const { href, set, value } = entry.dataset;
    if (set) {
      const form = document.querySelector("form.preferences");
      form.elements[set].value = value;
      form.requestSubmit();
    } else if (href) location.assign(href);
    else sheet.showModal();
  }

  text.addEventListener("input", () => {
    choose(null); // typing starts again at the best one
    filter();
  });
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const all = entries();
      choose(all.at((all.indexOf(chosen()) + step) % all.length));
    } else if (event.key === "Enter") take(chosen());
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", ({ target }) => take(target.closest("[role=option]")));
  palette.addEventListener("click", ({ target }) => target === palette && palette.close()); // beside it
  document.addEventListener("click", ({ target }) => target.closest?.("[data-palette]") && open());

  // -- the shortcuts --------------------------------------------------------------------------------------------------
  letters.checked = localStorage.getItem(OFF) === null;
  letters.addEventListener("change", () => (letters.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "")));

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.code === "KeyK") {
      event.preventDefault();
      if (palette.open) palette.close();
      else open();
      return;
    }
    const writing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.ctrlKey || event.metaKey || writing || !letters.checked || document.querySelector("dialog[open]")) return;
    if (letter(event)) event.preventDefault();
  });

  // Whether the key means something. By its place on the keyboard, which an input method does not change.
  function letter({ key, code }) {
    const second = Date.now() < waiting;
    waiting = 0;
    if (second) {
      const go = sheet.querySelector(`[data-go="${code.replace("Key", "").toLowerCase()}"]`);
      if (go) location.assign(document.getElementById(go.dataset.target).dataset.href);
      return Boolean(go);
    }
    if (key === "?") sheet.showModal();
    else if (code === "KeyG") waiting = Date.now() + PAUSE_MS;
    else if (key === "/") return focusSearch();
    else return false;
    return true;
  }

  function focusSearch() {
    const field = document.querySelector("main input[type=search]");
    field?.focus();
    return Boolean(field);
  }
})();
