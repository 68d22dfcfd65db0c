// The message field: a draft for each chat, files by button, paste and drag, Enter that minds an IME.
import { Attachments, fileChip } from "./files.js";
import { words } from "./words.js";

const $ = (id) => document.getElementById(id);
const field = $("prompt");

export class Composer {
  #drafts = new Map(); // by the chat's ID: {text, attachments}
  #draft = null;

  // `submit` is given the text and the files and says whether it has taken them.
  constructor({ submit, editLast }) {
    this.submit = submit;
    $("composer").addEventListener("submit", () => this.#submit());
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return; // an IME is at work
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.#submit();
      }
      if (event.key === "ArrowUp" && !field.value) {
        event.preventDefault();
        editLast();
      }
    });
    field.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.attach(event.clipboardData.files);
    });
    $("image").addEventListener("change", ({ target }) => {
      this.attach(target.files);
      target.value = "";
    });
    this.#takeDrops(document.querySelector(".chat"));
  }

  #takeDrops(area) {
    let depth = 0;
    const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
    const mark = (change) => {
      depth = Math.max(depth + change, 0);
      area.classList.toggle("dropping", depth > 0);
    };
    area.addEventListener("dragenter", (event) => holdsFiles(event) && mark(1));
    area.addEventListener("dragleave", (event) => holdsFiles(event) && mark(-1));
    area.addEventListener("drop", (event) => {
      if (!holdsFiles(event)) return;
      mark(-Infinity);
      this.attach(event.dataTransfer.files);
    });
    // A file that misses would replace the page.
    for (const name of ["dragover", "drop"]) addEventListener(name, (event) => holdsFiles(event) && event.preventDefault());
  }

  attach(files) {
    this.#draft.attachments.add([...files]);
    field.focus();
  }

  // Each chat has its own draft.
  open(chat) {
    if (this.#draft) this.#draft.text = field.value;
    const draft = this.#drafts.get(chat.id) ?? { text: "", attachments: new Attachments(() => draft === this.#draft && this.#paint()) };
    this.#drafts.set(chat.id, draft);
    const typed = this.#draft === null ? field.value : "";
    this.#draft = draft;
    field.value = draft.text || typed;
    this.#paint();
  }

  forget(chat) {
    this.#drafts.delete(chat.id);
  }

  insert(text) {
    const before = field.value && !/\s$/.test(field.value) ? `${field.value} ` : field.value;
    field.value = before + text;
    field.focus();
  }

  focus() {
    if (matchMedia("(hover: hover)").matches) field.focus(); // on a phone the keyboard would cover the answer
  }

  ready(on) {
    field.disabled = !on;
    $("send").disabled = !on;
  }

  #paint() {
    const { attachments } = this.#draft;
    $("images").replaceChildren(...attachments.files.map((file) => fileChip(file, () => {
      attachments.remove(file);
      field.focus();
    })));
  }

  #submit() {
    const { attachments } = this.#draft;
    if (attachments.reading) return toast(words["js.play.still_reading"], "bad");
    if (!field.value.trim() && !attachments.good.length) return undefined;
    if (!this.submit(field.value.trim(), () => attachments.take())) return undefined;
    field.value = this.#draft.text = "";
    return undefined;
  }
}
