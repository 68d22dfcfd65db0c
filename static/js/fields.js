"use strict";
// What is wrong with a field is said beside it, in the page's language: before the form is sent, and where the server refuses.
(() => {
  const messages = live.messages;

  // `param` as the server names a field: `limits.max_queue`, `models.<id>.preload_count`, `parameters.temperature`.
  function find(form, param) {
    for (const item of form.querySelectorAll("[data-item]")) {
      const prefix = `${item.dataset.item}.${item.querySelector("[data-select]").value}.`;
      if (param.startsWith(prefix)) return named(item, param.slice(prefix.length));
    }
    return named(form, param);
  }

  function named(box, name) {
    const own = (field) => [null, box].includes(field.closest("[data-item]"));
    return name && [...box.querySelectorAll("[name]")].find((field) => field.name === name && own(field));
  }

  // The sentence stands beside the field, which is brought into view; false where there is no such field.
  function point(form, param, sentence) {
    const field = find(form, param);
    if (!field) return false;
    show(field, sentence);
    reach(field);
    return true;
  }

  function reach(field) {
    for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    if (field.closest(".advanced")) document.body.dataset.view = "advanced"; // what is at fault is not hidden
    field.focus({ preventScroll: true });
    (document.getElementById(`${field.id}-error`) ?? field).scrollIntoView({ block: "center" }); // not below the bar
  }

  function show(field, sentence) {
    const id = `${field.id}-error`;
    const line = document.getElementById(id) ?? Object.assign(document.createElement("p"), { id, className: "field-error" });
    line.setAttribute("role", "alert");
    line.toggleAttribute("data-keep", true);
    line.textContent = sentence;
    if (!line.isConnected) field.after(line);
    field.setAttribute("aria-invalid", "true");
    const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== id);
    field.setAttribute("aria-describedby", [id, ...described].join(" "));
  }

  function clear(field) {
    if (!field.hasAttribute("aria-invalid")) return;
    field.removeAttribute("aria-invalid");
    document.getElementById(`${field.id}-error`)?.remove();
    const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== `${field.id}-error`);
    field.setAttribute("aria-describedby", described.join(" "));
  }

  function problem(field) {
    const { validity } = field;
    if (validity.valid) return "";
    const { min, max } = field;
    if (validity.valueMissing) return messages["js.field.missing"];
    if (validity.badInput) return messages["js.field.number"];
    if (validity.stepMismatch) return messages["js.field.whole"];
    if (validity.rangeUnderflow || validity.rangeOverflow) {
      const words = messages[min !== "" && max !== "" ? "js.field.between" : max !== "" ? "js.field.most" : "js.field.least"];
      return words.replace("{min}", Number(min).toLocaleString("en")).replace("{max}", Number(max).toLocaleString("en"));
    }
    return validity.typeMismatch ? messages["js.field.address"] : field.validationMessage;
  }

  // A model that is not chosen is not sent: its fields may hold anything.
  const counts = (field) => field.willValidate && (field.closest("[data-item]")?.querySelector("[data-select]").checked ?? true);

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[novalidate]")) return;
    const wrong = [...form.elements].filter((field) => field.name && counts(field) && problem(field));
    for (const field of form.elements) if (field.name && !wrong.includes(field)) clear(field);
    if (!wrong.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    wrong.forEach((field) => show(field, problem(field)));
    reach(wrong[0]);
  }, true);

  document.addEventListener("input", ({ target }) => {
    if (!target.hasAttribute?.("aria-invalid")) return;
    const sentence = problem(target);
    if (sentence) show(target, sentence);
    else clear(target);
  });
  document.addEventListener("reset", ({ target }) => [...target.elements].forEach(clear));

  window.fields = { point };
})();
