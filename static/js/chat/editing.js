// A message as a field in its own place.
import { clone, words } from "./words.js";

// `save` is given the new text and says whether it has been taken.
export function editTurn(turn, save) {
  const { element, message, answer } = turn;
  if (element.querySelector(".edit")) return;
  const form = clone("edit-template");
  const field = form.querySelector("textarea");
  const button = form.querySelector(".primary");
  button.textContent = words[message.role === "user" ? "js.play.send" : "js.play.save"];
  field.value = message.content;
  const close = () => {
    form.remove();
    answer.hidden = !message.content;
    element.classList.remove("editing");
    element.querySelector("[data-turn=edit]")?.focus();
  };
  const submit = (event) => {
    event.preventDefault();
    if (!field.value.trim() || !save(field.value.trim())) return;
    close();
  };
  form.addEventListener("submit", submit);
  form.querySelector("[data-edit=cancel]").addEventListener("click", close);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // an IME is at work
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  });
  answer.hidden = true;
  element.classList.add("editing");
  answer.after(form);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}
