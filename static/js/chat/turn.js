// One message as it is seen.
import { noteOf } from "./answer.js";
import { Prose } from "./markdown.js";
import { clone, say, words } from "./words.js";
import { fileChip } from "./files.js";

const PAINT_MS = 80;

export class TurnView {
  #painted = 0;
  #later = 0;
  #calls = "";

  constructor(chat, message, { speaks }) {
    Object.assign(this, { chat, message, speaks });
    this.element = clone("turn-template");
    this.element.dataset.role = message.role;
    this.element.dataset.message = message.id;
    const find = (selector) => this.element.querySelector(selector);
    this.answer = find(".answer");
    this.prose = message.role === "assistant" ? new Prose(this.answer) : null;
    this.thinking = find(".thinking");
    this.thoughts = new Prose(this.thinking.querySelector("div"));
    this.parts = { who: find(".turn-who"), files: find(".attached"), note: find(".turn-note"), error: find(".turn-error"), figures: find(".figures"), branches: find(".branches"), calls: find(".calls"), progress: find(".picture-progress") };
    this.paint();
  }

  get running() {
    return Boolean(this.chat.runs[this.message.lane]) && this.chat.lanes[this.message.lane].head === this.message.id;
  }

  // As often as the eye needs it, and once more after the last change.
  changed() {
    const wait = this.#painted + PAINT_MS - performance.now();
    if (wait <= 0) this.paint();
    else this.#later ||= setTimeout(() => this.paint(), wait);
  }

  paint() {
    clearTimeout(this.#later);
    this.#later = 0;
    this.#painted = performance.now();
    const { message, parts, running } = this;
    const { content, details, role } = message;
    parts.who.textContent = role === "assistant" ? details.model || words["js.play.assistant"] : words[`js.play.role.${role}`];
    if (this.prose) this.prose.show(content, { done: !running });
    else this.answer.textContent = content;
    this.answer.hidden = !content && (role === "user" || !running || Boolean(details.reasoning || message.drawing));
    this.answer.classList.toggle("writing", running && !message.drawing);
    this.#showFiles(details.files ?? []);
    this.#showThoughts(details, running);
    this.#showCalls(details.calls ?? []);
    parts.error.hidden = !details.error;
    parts.error.textContent = details.error ?? "";
    const note = role === "assistant" && !running ? noteOf(message) : details.unseen ? words["js.play.unseen"] : "";
    parts.note.hidden = !note;
    parts.note.textContent = note;
    parts.figures.textContent = message.waiting ?? details.figures ?? "";
    const drawing = message.drawing;
    parts.progress.hidden = !drawing;
    if (drawing) {
      const bar = parts.progress.querySelector("progress");
      if (drawing.steps) bar.value = drawing.step / drawing.steps;
      else bar.removeAttribute("value");
      parts.progress.querySelector("span").textContent = drawing.steps ? say("js.play.step", drawing) : words["js.play.drawing"];
    }
    this.actions();
  }

  // Which buttons there are depends on the other messages too.
  actions() {
    const { message, running, chat } = this;
    const { role, content, details } = message;
    const busy = Boolean(chat.runs[message.lane]);
    const siblings = chat.siblings(message);
    const last = chat.lanes[message.lane].head === message.id;
    const show = (name, shown) => (this.element.querySelector(`[data-turn=${name}]`).hidden = !shown);
    const { branches } = this.parts;
    branches.hidden = siblings.length < 2;
    branches.querySelector("span").textContent = `${siblings.indexOf(message) + 1}/${siblings.length}`;
    branches.querySelector("[data-turn=previous]").disabled = busy || siblings[0] === message;
    branches.querySelector("[data-turn=next]").disabled = busy || siblings.at(-1) === message;
    show("copy", content && !running);
    show("edit", role !== "tool" && !busy && (content || role === "user"));
    show("again", role === "assistant" && !busy);
    show("continue", role === "assistant" && last && !busy && content && !details.calls?.length);
    show("speak", role === "assistant" && content && !running && this.speaks());
    this.element.querySelector(".calls")?.classList.toggle("answered", !last);
    const send = this.element.querySelector("[data-turn=results]");
    if (send) send.hidden = !last || busy;
    this.element.querySelectorAll(".call .field").forEach((field) => (field.hidden = !last || busy));
  }

  #showFiles(files) {
    const key = files.map(({ name, url }) => `${name}${url?.length}`).join("|");
    if (this.parts.files.dataset.files === key) return;
    this.parts.files.dataset.files = key;
    this.parts.files.hidden = !files.length;
    this.parts.files.replaceChildren(...files.map((file) => fileChip(file)));
  }

  #showThoughts({ reasoning, thought }, running) {
    this.thinking.hidden = !reasoning;
    if (!reasoning) return;
    const open = running && !this.message.content;
    const text = open ? words["js.play.thinking"] : thought >= 1000 ? say("js.play.thought", { s: Math.round(thought / 1000) }) : words["js.play.reasoning"];
    this.thinking.querySelector("summary").textContent = text;
    this.thinking.classList.toggle("writing", open);
    this.thoughts.show(reasoning, { done: !running });
  }

  #showCalls(calls) {
    this.parts.calls.hidden = !calls.length;
    const key = JSON.stringify(calls);
    if (!calls.length || key === this.#calls) return;
    this.#calls = key;
    const shown = calls.map((call, index) => {
      const part = clone("call-template");
      const id = `call-${this.message.id}-${index}`;
      part.querySelector("h4 code").textContent = call.name;
      part.querySelector("pre code").textContent = pretty(call.arguments);
      part.querySelector("label").htmlFor = part.querySelector("textarea").id = id;
      return part;
    });
    const send = Object.assign(document.createElement("button"), { type: "button", className: "button small primary", textContent: words["js.play.send_results"] });
    send.dataset.turn = "results";
    this.parts.calls.replaceChildren(...shown, send);
  }

  get results() {
    return [...this.parts.calls.querySelectorAll("textarea")].map(({ value }) => value);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // not complete yet
  }
}
