// The conversation as it is seen: one column for each lane of the open chat.
import { TurnView } from "./turn.js";
import { clone, words } from "./words.js";

const box = document.getElementById("lanes");
const welcome = document.getElementById("welcome");
const NEAR_END = 80;

class LaneView {
  #turns = []; // TurnViews, from the top
  #stays = true; // at the end, whatever comes
  #sizes;

  constructor(number) {
    this.number = number;
    this.element = clone("lane-template");
    this.messages = this.element.querySelector(".messages");
    this.toEnd = this.element.querySelector(".to-end");
    this.messages.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#sizes = new ResizeObserver(() => this.#stays && this.scrollToEnd()); // formulas and pictures grow late
    this.toEnd.addEventListener("click", () => this.scrollToEnd());
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.messages;
    this.#stays = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.toEnd.hidden = this.#stays;
  }

  scrollToEnd() {
    this.#stays = true;
    this.messages.scrollTop = this.messages.scrollHeight;
  }

  // Turns that are shown already stay as they are: only what differs is made anew.
  show(chat, options) {
    const path = chat.path(this.number);
    let same = 0;
    while (same < path.length && this.#turns[same]?.message === path[same]) same += 1;
    for (const { element } of this.#turns.splice(same)) {
      this.#sizes.unobserve(element);
      element.remove();
    }
    for (const message of path.slice(same)) {
      const turn = new TurnView(chat, message, options);
      this.#turns.push(turn);
      this.messages.append(turn.element);
      this.#sizes.observe(turn.element);
    }
    this.#turns.forEach((turn) => turn.actions());
    const who = chat.lanes.length > 1 ? ` ${chat.lanes[this.number].model}` : "";
    this.messages.setAttribute("aria-label", words["js.play.conversation"] + who);
    this.messages.setAttribute("aria-busy", Boolean(chat.runs[this.number]));
  }

  find = (id) => this.#turns.find(({ message }) => message.id === id);

  changed(message) {
    this.find(message.id)?.changed();
  }

  finished(message) {
    this.find(message.id)?.paint();
  }
}

export class Lanes {
  #views = [];
  #chat = null;

  constructor(options) {
    this.options = options;
  }

  // The open chat, or another one; `scroll`: to its end.
  show(chat, { scroll = false } = {}) {
    if (chat !== this.#chat || this.#views.length !== chat.lanes.length) {
      this.#views = chat.lanes.map((_, number) => new LaneView(number));
      box.replaceChildren(welcome, ...this.#views.map(({ element }) => element));
      scroll = true;
    }
    this.#chat = chat;
    welcome.hidden = !chat.empty;
    box.dataset.lanes = chat.lanes.length;
    for (const view of this.#views) {
      view.element.hidden = chat.empty;
      view.show(chat, this.options);
      if (scroll) view.scrollToEnd();
    }
  }

  changed(chat, message) {
    if (chat === this.#chat) this.#views[message.lane]?.changed(message);
  }

  finished(chat, message) {
    if (chat === this.#chat) this.#views[message.lane]?.finished(message);
  }

  turnOf(element) {
    const id = element.closest("[data-message]")?.dataset.message;
    return this.#views.map((view) => view.find(id)).find(Boolean);
  }
}
