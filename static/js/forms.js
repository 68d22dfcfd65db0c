"use strict";
// Forms that speak JSON to the admin's API. `data-json` gives a field's type, a dot in its name an object; fields inside `[data-item="name"]` become one
// object of the list `name`, left out when its `[data-select]` box is not checked.
(() => {
  const messages = live.messages;

  function read(form) {
    const body = {};
    for (const item of form.querySelectorAll("[data-item]")) body[item.dataset.item] = [];
    const objects = new Map();
    for (const item of form.querySelectorAll("[data-item]")) {
      if (!item.querySelector("[data-select]").checked) continue;
      const object = {};
      body[item.dataset.item].push(object);
      objects.set(item, object);
    }
    for (const field of form.elements) {
      if (!field.name) continue;
      const item = field.closest("[data-item]");
      const target = item ? objects.get(item) : body;
      if (target) put(target, field.name, value(field));
    }
    return body;
  }

  function put(target, name, content) {
    const [first, second] = name.split(".");
    if (second) (target[first] ??= {})[second] = content;
    else target[first] = content;
  }

  function value(field) {
    if (field.dataset.json === "boolean") return field.checked;
    const text = field.value.trim();
    if (field.dataset.json === "list") return text ? [text] : [];
    if (text === "") return null;
    return field.dataset.json === "integer" || field.dataset.json === "number" ? Number(text) : text;
  }

  htmx.defineExtension("json-form", {
    onEvent(name, event) {
      if (name === "htmx:configRequest") event.detail.headers["Content-Type"] = "application/json";
    },
    encodeParameters(xhr, parameters, element) {
      xhr.overrideMimeType("application/json");
      return element.dataset.body ?? JSON.stringify(read(element.closest("form"))); // a button may bring its own body
    },
  });

  // -- what is not saved yet ------------------------------------------------------------------------------------------
  const fingerprint = (form) => JSON.stringify(read(form));
  const saved = new WeakMap();

  function remember(form) {
    if (!form.hasAttribute("data-dirty")) saved.set(form, fingerprint(form));
  }

  function clean(form) {
    form.removeAttribute("data-dirty");
    live.renew();
  }

  document.addEventListener("focusin", ({ target }) => {
    const form = target.closest?.("form[data-watch]");
    if (form) remember(form);
  });
  document.addEventListener("pointerdown", ({ target }) => {
    const form = target.closest?.("form[data-watch]");
    if (form) remember(form);
  });
  document.addEventListener("input", ({ target }) => {
    const form = target.closest?.("form[data-watch]");
    if (form) form.toggleAttribute("data-dirty", fingerprint(form) !== saved.get(form));
  });
  document.addEventListener("click", ({ target }) => {
    const form = target.closest?.("[data-revert]")?.closest("form");
    if (!form) return;
    form.reset();
    clean(form);
  });
  addEventListener("beforeunload", (event) => {
    if (document.querySelector("form[data-dirty]")) event.preventDefault();
  });

  // -- what it will take ----------------------------------------------------------------------------------------------
  const { size } = live;

  function project(form) {
    const box = form.querySelector(".projection");
    if (!box) return;
    const chosen = [...form.querySelectorAll("[data-need]")].filter((item) => item.querySelector("[data-select]").checked);
    const need = chosen.reduce((sum, item) => sum + Number(item.dataset.need), 0);
    const [budget, other] = [Number(box.dataset.budget), Number(box.dataset.other)];
    box.dataset.level = need > budget ? "over" : need + other > budget * 0.9 ? "tight" : "fits";
    const words = messages[need > budget ? "js.projection_over" : "js.projection"];
    const text = chosen.length ? words.replace("{need}", size(need)).replace("{budget}", size(budget)) : "";
    const line = box.querySelector("p");
    if (line.textContent !== text) line.textContent = text;
    box.querySelector("svg").toggleAttribute("hidden", !chosen.length);
    const share = (bytes) => Math.min((100 * bytes) / budget, 100).toFixed(1);
    box.querySelector(".part-weights").setAttribute("width", share(need));
    box.querySelector(".part-other").setAttribute("x", share(need));
    box.querySelector(".part-other").setAttribute("width", share(Math.min(other, Math.max(budget - need, 0))));
  }

  const projectAll = () => document.querySelectorAll("form[data-watch]").forEach(project);
  projectAll();
  document.addEventListener("input", ({ target }) => target.closest?.("form[data-watch]") && projectAll());
  document.addEventListener("htmx:afterSettle", projectAll);

  // -- what came of it ------------------------------------------------------------------------------------------------
  // The element itself is listened to: what an update has taken off the page meanwhile is not heard of further up.
  const heard = new WeakSet();
  document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
    if (heard.has(elt)) return;
    heard.add(elt);
    elt.addEventListener("htmx:afterRequest", ({ target, detail }) => target === elt && done(elt, detail));
  });

  function done(element, detail) {
    const verb = detail.requestConfig?.verb;
    if (!verb || verb === "get") return;
    const note = element.dataset.note ? document.querySelector(element.dataset.note) : element.querySelector?.(":scope > .form-error, :scope > .assign-foot > .form-error");
    if (detail.successful) {
      if (note) note.hidden = true;
      if (element.dataset.done) toast(element.dataset.done, "good");
      if (element.dataset.answer) toast(...ANSWERS[element.dataset.answer](JSON.parse(detail.xhr.responseText), element.dataset));
      if (element.dataset.secret) tell(document.querySelector(element.dataset.secret), JSON.parse(detail.xhr.responseText));
      if (element.hasAttribute("data-reload")) location.reload();
      if (element.matches("form[data-watch]")) clean(element);
      if (element.matches("[data-clear]")) element.reset();
      return;
    }
    const problem = explain(detail.xhr);
    if (element.matches("form") && fields.point(element, param(detail.xhr), problem)) {
      if (note) note.hidden = true;
      return;
    }
    if (element.dataset.note) toast(problem, "bad");
    if (note) {
      note.textContent = problem;
      note.hidden = false;
    } else toast(problem, "bad");
  }

  // A secret is shown once; the list behind it is loaded anew when its dialog is closed.
  function tell(dialog, answer) {
    fillSecret(dialog, answer);
    dialog.addEventListener("close", () => location.reload(), { once: true });
    dialog.showModal();
  }

  // `qr`: an image that logs a phone in, where a phone could reach the server.
  window.fillSecret = (dialog, { secret, qr }) => {
    dialog.querySelector("code").textContent = secret;
    dialog.querySelector(".qr-box").hidden = !qr;
    if (qr) dialog.querySelector(".qr").src = qr;
  };

  // What an answer says, and in which tone.
  const ANSWERS = {
    loaded: (_, { model, device }) => [messages["js.loaded"].replace("{model}", shortName(model)).replace("{device}", device), "good"],
    unloaded: ({ unloaded }, { model, device }) => [
      messages[unloaded ? "js.unloaded" : "js.unloaded_none"].replace("{model}", shortName(model)).replace("{device}", device),
      unloaded ? "good" : "bad",
    ],
    verify: ({ intact, damaged }) =>
      intact ? [messages["js.verify.intact"], "good"] : [messages["js.verify.damaged"].replace("{files}", damaged.join(", ")), "bad"],
    finding: ({ level, title, detail }) => [`${title} ${detail}`, level === "ok" ? "good" : "bad"],
    update: ({ available }) => [messages[available ? "js.update.available" : "js.update.none"], "good"],
  };

  const shortName = (model) => model.slice(model.lastIndexOf("/") + 1);

  function explain(xhr) {
    if (!xhr.status) return messages["js.unreachable"];
    try {
      return JSON.parse(xhr.responseText).error.message;
    } catch {
      return messages["js.failed"].replace("{status}", xhr.status);
    }
  }

  function param(xhr) {
    try {
      return JSON.parse(xhr.responseText).error.param ?? "";
    } catch {
      return "";
    }
  }

  function toast(text, tone) {
    const box = document.createElement("p");
    box.className = "toast";
    box.dataset.tone = tone;
    box.textContent = text;
    const toasts = document.getElementById("toasts");
    toasts.append(box);
    if (toasts.matches(":popover-open")) toasts.hidePopover();
    toasts.showPopover(); // above a dialog that was opened since
    setTimeout(() => {
      box.remove();
      if (!toasts.childElementCount && toasts.matches(":popover-open")) toasts.hidePopover();
    }, tone === "bad" ? 9000 : 4000);
    return box;
  }

  // -- asking before something is destroyed ---------------------------------------------------------------------------
  let answered = false;

  document.addEventListener("htmx:confirm", async (event) => {
    const { elt, verb, path, issueRequest } = event.detail;
    const { ask, askText, askYes } = elt.dataset;
    if (!ask || answered) return;
    event.preventDefault();
    if (!(await confirmed(ask, askText, askYes))) return;
    if (elt.isConnected) return issueRequest(true);
    // An update has put another element in its place meanwhile, and htmx asks for none that has left the page.
    const source = document.querySelector(`[hx-${verb}="${CSS.escape(path)}"]`) ?? document.body;
    answered = true;
    htmx.ajax(verb, path, { source, swap: "none" });
    answered = false;
  });

  // Whether a person says yes to an element's question.
  const asked = ({ dataset: { ask, askText, askYes } }) => confirmed(ask, askText, askYes);

  function confirmed(question, text, yes) {
    const dialog = document.getElementById("confirm");
    document.getElementById("confirm-title").textContent = question;
    document.getElementById("confirm-text").textContent = text;
    document.getElementById("confirm-yes").textContent = yes;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
  }

  Object.assign(window, { toast, asked, confirmed });
})();
