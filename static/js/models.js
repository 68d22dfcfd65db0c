"use strict";
// The models' screen: the list of what is here keeps the order, the favourites and the choice of its reader, and does not move under
// the pointer; one click shows all of a model; several models are worked on at once.
(() => {
  const messages = live.messages;
  const box = document.getElementById("local-models");
  const order = document.getElementById("local-order");
  const FAVOURITES = "favourite-models";
  const ORDER = "model-order";

  const read = (key, otherwise) => {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  };
  const favourites = new Set(read(FAVOURITES, []));
  Object.entries(read(ORDER, {})).forEach(([name, value]) => order.elements[name] && (order.elements[name].value = value));

  // -- order ----------------------------------------------------------------------------------------------------------
  const KEYS = {
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
    size: (a, b) => b.dataset.size - a.dataset.size,
    used: (a, b) => b.dataset.used - a.dataset.used,
    got: (a, b) => b.dataset.got.localeCompare(a.dataset.got),
  };

  function arrange(root) {
    const list = root.querySelector("#local-rows");
    if (!list) return;
    const { sort, show } = Object.fromEntries(new FormData(order));
    const rows = [...list.children];
    for (const row of rows) {
      const liked = favourites.has(row.dataset.model);
      row.querySelector("[data-star]").setAttribute("aria-pressed", liked);
      row.toggleAttribute("data-liked", liked);
      const fits = show === "all" || (show === "favourites" ? liked : row.dataset.show.split(" ").includes(show));
      row.toggleAttribute("data-out", !fits);
    }
    rows.sort((a, b) => b.hasAttribute("data-liked") - a.hasAttribute("data-liked") || KEYS[sort](a, b) || KEYS.name(a, b));
    if (rows.some((row, index) => list.children[index] !== row)) list.append(...rows);
  }

  order.addEventListener("input", () => {
    localStorage.setItem(ORDER, JSON.stringify(Object.fromEntries(new FormData(order))));
    arrange(box);
    tell();
  });

  // -- what comes from the server -------------------------------------------------------------------------------------
  let newest = null; // the list as it last came
  let waiting = null; // a list that would move what is under the pointer
  document.addEventListener("htmx:sseOpen", () => live.on("models", ({ data }) => receive(data)), { once: true });

  function receive(html) {
    const incoming = document.createElement("template");
    incoming.innerHTML = html;
    newest = incoming.content;
    follow();
    arrange(incoming.content);
    if (box.matches(":hover, :has(:focus-visible)") && moves(incoming.content)) {
      waiting = html;
      return;
    }
    waiting = null;
    const picked = new Set(picks().map((pick) => pick.value));
    Idiomorph.morph(box, incoming.innerHTML, { morphStyle: "innerHTML" });
    htmx.process(box);
    for (const pick of box.querySelectorAll("[data-pick]")) pick.checked = picked.has(pick.value);
    refilter();
    tell();
  }

  // What leaves was taken away on purpose; what comes in between would push the rest.
  function moves(content) {
    const now = [...box.querySelectorAll("[data-model]")].map((row) => row.dataset.model);
    const then = [...content.querySelectorAll("[data-model]")].map((row) => row.dataset.model);
    return now.length > 0 && then.some((model, index) => !now.includes(model) && index < then.length - 1);
  }

  box.addEventListener("pointerleave", () => waiting && receive(waiting));

  // -- favourites, picks ----------------------------------------------------------------------------------------------
  const bulk = document.getElementById("bulk");
  const picks = () => [...box.querySelectorAll("[data-pick]:checked")];

  function tell() {
    const chosen = picks();
    bulk.hidden = !chosen.length;
    document.getElementById("bulk-count").textContent = messages["js.bulk.count"].replace("{n}", chosen.length);
  }

  box.addEventListener("change", ({ target }) => target.matches("[data-pick]") && tell());
  document.addEventListener("click", ({ target }) => {
    const star = target.closest?.("[data-star]");
    if (star) like(star.closest("[data-model]"));
    const act = target.closest?.("[data-bulk]");
    if (act) ACTS[act.dataset.bulk](picks(), act);
    const name = target.closest?.("[data-detail]");
    if (name) detail(name.dataset.detail);
  });

  function like(row) {
    const { model } = row.dataset;
    if (!favourites.delete(model)) favourites.add(model);
    localStorage.setItem(FAVOURITES, JSON.stringify([...favourites]));
    row.querySelector("[data-star]").setAttribute("aria-pressed", favourites.has(model)); // it goes up with the next order, not under the pointer
  }

  const ask = (method, path, body) =>
    fetch(path, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) }).then(async (response) => {
      const answer = await response.json().catch(() => ({}));
      if (!response.ok) throw new Error(answer.error?.message ?? messages["js.failed"].replace("{status}", response.status));
      return answer;
    });
  const short = (model) => model.slice(model.lastIndexOf("/") + 1);
  const clear = () => {
    picks().forEach((pick) => (pick.checked = false));
    tell();
  };

  // One sentence for what worked, one for each thing that did not.
  async function each(chosen, act, done, device = "") {
    bulk.inert = true;
    const good = [];
    for (const { value } of chosen) {
      try {
        const words = await act(value);
        good.push(typeof words === "string" ? words : short(value));
      } catch (error) {
        toast(`${short(value)}: ${error.message || messages["js.unreachable"]}`, "bad");
      }
    }
    bulk.inert = false;
    clear();
    if (good.length) toast(messages[done].replace("{names}", good.join(messages["js.separator"])).replace("{device}", device), "good");
  }

  function onDevice(chosen, act, done, judge = () => {}) {
    const { value, selectedOptions } = document.getElementById("bulk-device");
    const path = `/api/devices/${value}/${act}`;
    return each(chosen, async (model) => judge(await ask("POST", path, { model })), done, selectedOptions[0].text);
  }

  const ACTS = {
    none: clear,
    assign: (chosen) => onDevice(chosen, "assign", "js.bulk.assigned"),
    load: async (chosen) => {
      const { value } = document.getElementById("bulk-device");
      // All are assigned first: that may restart the device's server. What fails fails again below, and is told there.
      for (const { value: model } of chosen) await ask("POST", `/api/devices/${value}/assign`, { model }).catch(() => {});
      return onDevice(chosen, "serve", "js.bulk.loaded");
    },
    unload: (chosen) =>
      onDevice(chosen, "unload", "js.bulk.unloaded", ({ unloaded }) => {
        if (!unloaded) throw new Error(messages["js.bulk.nothing_unloaded"]);
      }),
    verify: (chosen) =>
      each(
        chosen,
        async (model) => {
          const { damaged } = await ask("POST", `/api/verify_model/${encodeURIComponent(model)}`);
          if (damaged.length) throw new Error(messages["js.verify.damaged"].replace("{files}", damaged.join(messages["js.separator"])));
        },
        "js.bulk.intact",
      ),
    update: (chosen) =>
      each(chosen, async (model) => `${short(model)}: ${messages[(await ask("POST", `/api/check_update/${encodeURIComponent(model)}`)).available ? "js.bulk.newer" : "js.bulk.newest"]}`, "js.bulk.checked"),
    delete: async (chosen, button) => {
      const used = chosen.filter((pick) => pick.dataset.usedBy);
      const names = chosen.map((pick) => short(pick.value) + (pick.dataset.usedBy ? ` (${pick.dataset.usedBy})` : "")).join(messages["js.separator"]);
      const text = messages[used.length ? "js.bulk.delete_used" : "js.bulk.delete"].replace("{names}", names);
      if (await confirmed(button.dataset.title, text, button.dataset.yes)) await each(chosen, (model) => ask("DELETE", `/api/local_models/${encodeURIComponent(model)}?force=true`), "js.bulk.deleted");
    },
  };

  // -- one model ------------------------------------------------------------------------------------------------------
  const panel = document.getElementById("model-detail");
  let opened = "";

  async function detail(model) {
    const response = await fetch(`/models/detail?${new URLSearchParams({ model })}`).catch(() => null);
    if (!response?.ok) return toast(messages["js.unreachable"], "bad");
    opened = model;
    panel.innerHTML = await response.text();
    htmx.process(panel);
    if (!panel.open) panel.showModal();
    follow();
    const readme = panel.querySelector("[data-markdown]");
    if (readme) await render(readme);
  }

  // What can be pressed follows what runs, as its row in the list does; the rest stays as it is being read.
  function follow() {
    const row = panel.open && newest?.querySelector(`[data-model="${CSS.escape(opened)}"]`);
    if (!row) return;
    if (panel.querySelector(".detail-actions .htmx-request")) return setTimeout(follow, 200);
    for (const fresh of row.querySelector("template").content.children) {
      Idiomorph.morph(panel.querySelector(`.${fresh.className}`), fresh.cloneNode(true), { morphStyle: "outerHTML" });
    }
    htmx.process(panel);
  }

  panel.addEventListener("click", ({ target }) => target === panel && panel.close());

  let parsers = null; // loaded with the first README
  const load = (src) => new Promise((resolve, reject) => document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject })));
  const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  // HTML in a README is left out, and what it would load too.
  const WORDS_ONLY = { html: () => "", image: ({ text }) => escaped(text) };

  async function render(element) {
    const scripts = document.getElementById("models-script").dataset;
    parsers ??= Promise.all([scripts.marked, scripts.purify].map(load)).then(() => marked.use({ renderer: WORDS_ONLY }));
    await parsers;
    const clean = DOMPurify.sanitize(marked.parse(element.textContent), { FORBID_TAGS: ["img", "picture", "video", "audio", "iframe", "style", "form", "input"], FORBID_ATTR: ["style", "id", "class"] });
    element.innerHTML = clean;
    for (const link of element.querySelectorAll("a[href]")) Object.assign(link, { target: "_blank", rel: "noreferrer" });
    for (const heading of element.querySelectorAll("h1, h2, h3")) heading.replaceWith(Object.assign(document.createElement("h4"), { innerHTML: heading.innerHTML }));
    for (const wide of element.querySelectorAll("pre, table")) wide.tabIndex = 0;
    element.removeAttribute("data-markdown");
  }

  // Enter is what sends the search to the hub; typing never does.
  document.querySelector(".finder").addEventListener("submit", () => document.getElementById("hub-search").click());

  arrange(box);
  tell();
  if (location.pathname === "/get" && !location.hash) document.getElementById("get").scrollIntoView();
})();
