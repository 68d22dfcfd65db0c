// Questions in dialogs: for a name, and whether something is really to be done.
const $ = (id) => document.getElementById(id);

// The name, trimmed, or "" where the dialog was left.
export function ask(title, value) {
  const dialog = $("name-dialog");
  const field = $("name-field");
  $("name-title").textContent = title;
  field.value = value;
  dialog.showModal();
  field.select();
  return new Promise((resolve) => {
    const form = dialog.querySelector("form");
    let name = "";
    const submit = () => (name = field.value.trim());
    const cancel = () => dialog.close();
    form.addEventListener("submit", submit, { once: true });
    dialog.querySelector("[data-close]").addEventListener("click", cancel, { once: true });
    dialog.addEventListener("close", () => {
      form.removeEventListener("submit", submit);
      resolve(name);
    }, { once: true });
  });
}

// The page's own question, as htmx-driven buttons ask it too.
export function confirmed(title, text, yes) {
  const dialog = $("confirm");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
