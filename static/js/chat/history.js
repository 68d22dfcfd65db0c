// The list of chats: searched, opened, renamed, saved as a file, deleted; and whether chats are kept at all.
import { markdownOf } from "./export.js";
import { ask, confirmed } from "./naming.js";
import { openChat, saving } from "./saving.js";
import { call, clone, language, say, words } from "./words.js";

const $ = (id) => document.getElementById(id);
const TYPING_MS = 200;
const NARROW = matchMedia("(max-width: 75rem)");
const DAY = 86_400_000;

export class History {
  #chats = [];
  #more = false;
  #open = null;
  #timer = 0;
  #asked = 0;

  // `open`, `renamed`, `deleted` are told which chat; `running` says whether one writes an answer.
  constructor({ open, fresh, renamed, deleted, running }) {
    Object.assign(this, { open, renamed, deleted, running });
    $("search-chats").addEventListener("input", () => this.refresh(TYPING_MS));
    $("chat-list").addEventListener("click", (event) => this.#click(event));
    $("new-chat").addEventListener("click", () => {
      this.fold();
      fresh();
    });
    $("show-history").addEventListener("click", () => this.#unfold());
    $("hide-history").addEventListener("click", () => this.fold(true));
    $("history").addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !$("play").hasAttribute("data-history")) return;
      event.stopPropagation();
      this.fold(true);
    });
    $("keep-chats").addEventListener("change", ({ target }) => this.#switch(target.checked));
    $("delete-all").addEventListener("click", () => this.#deleteAll());
    NARROW.addEventListener("change", () => this.fold());
    this.fold();
  }

  // On a narrow screen the list lies over the chat and is hidden until asked for.
  fold(focus = false) {
    $("play").removeAttribute("data-history");
    $("history").hidden = NARROW.matches;
    $("show-history").setAttribute("aria-expanded", "false");
    if (focus) $("show-history").focus();
  }

  #unfold() {
    $("play").setAttribute("data-history", "");
    $("history").hidden = false;
    $("show-history").setAttribute("aria-expanded", "true");
    $("search-chats").focus();
  }

  refresh(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), wait);
  }

  // The list from its beginning, or what comes after `before`.
  async load(before) {
    const asked = ++this.#asked;
    const search = $("search-chats").value.trim();
    const query = new URLSearchParams({ ...(search && { search }), ...(before && { before }) });
    try {
      const found = await call("GET", `/api/chats?${query}`);
      if (asked !== this.#asked) return; // an older answer than the last question
      this.#chats = before ? [...this.#chats, ...found.chats] : found.chats;
      this.#more = found.more;
      Object.assign(saving, { keep: found.keep, canKeep: found.can_keep });
      $("keep-chats").checked = found.keep;
      $("keep-chats").disabled = !found.can_keep;
      $("keep-help").textContent = words[found.can_keep ? (found.keep ? "js.play.kept" : "js.play.not_kept") : "js.play.cannot_keep"];
      $("welcome-text").textContent = words[found.keep ? "js.play.welcome_kept" : "js.play.welcome_not_kept"];
    } catch {
      return; // the side rail says that the server is gone
    }
    this.paint();
  }

  show(chat) {
    this.#open = chat;
    this.paint();
  }

  paint() {
    const search = $("search-chats").value.trim();
    $("no-chats").hidden = this.#chats.length > 0;
    $("no-chats").textContent = words[search ? "js.play.none_found" : "js.play.no_chats"];
    const focused = document.activeElement?.closest?.(".chat-item")?.dataset.id;
    const action = document.activeElement?.dataset.chat;
    const groups = grouped(this.#chats);
    const parts = [...groups].flatMap(([age, chats]) => {
      const heading = Object.assign(document.createElement("h3"), { textContent: age });
      const list = document.createElement("ul");
      list.append(...chats.map((chat) => this.#item(chat, search)));
      return [heading, list];
    });
    if (this.#more) {
      const more = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: words["js.play.more_chats"] });
      more.addEventListener("click", () => this.load(this.#chats.at(-1).changed));
      parts.push(more);
    }
    $("chat-list").replaceChildren(...parts);
    if (focused) $("chat-list").querySelector(`[data-id="${focused}"] ${action ? `[data-chat=${action}]` : "a"}`)?.focus();
  }

  #item({ id, title, excerpt }, search) {
    const item = clone("chat-item-template");
    item.dataset.id = id;
    const link = item.querySelector("a");
    const name = title || words["js.play.untitled"];
    link.href = `/playground?chat=${id}`;
    link.title = name;
    link.querySelector(".chat-name").textContent = name;
    link.querySelector("small").textContent = search && excerpt ? excerpt : "";
    if (id === this.#open?.id) link.setAttribute("aria-current", "page");
    item.toggleAttribute("data-running", this.running(id));
    for (const button of item.querySelectorAll("[data-chat]")) button.setAttribute("aria-label", `${button.title}: ${name}`);
    return item;
  }

  #click(event) {
    const item = event.target.closest(".chat-item");
    if (!item) return undefined;
    const chat = this.#chats.find(({ id }) => id === item.dataset.id);
    const action = event.target.closest("[data-chat]")?.dataset.chat;
    if (action === "rename") return this.#rename(chat);
    if (action === "save") return this.#save(chat);
    if (action === "delete") return this.#delete(chat);
    if (!event.target.closest("a") || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
    event.preventDefault();
    this.fold();
    return this.open(chat.id);
  }

  async #rename(chat) {
    const title = await ask(words["js.play.rename"], chat.title);
    if (title && title !== chat.title) await this.#act(() => call("PATCH", `/api/chats/${chat.id}`, { title }), () => this.renamed(chat.id, title));
  }

  async #save(chat) {
    await this.#act(async () => {
      const text = markdownOf(await openChat(chat.id));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
      link.download = `${(chat.title || words["js.play.untitled"]).replace(/[\\/:*?"<>|\n]/g, " ").trim().slice(0, 60)}.md`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

  async #delete(chat) {
    const yes = await confirmed(words["js.play.delete_title"], say("js.play.delete_text", { name: chat.title || words["js.play.untitled"] }), words["js.play.delete"]);
    if (yes) await this.#act(() => call("DELETE", `/api/chats/${chat.id}`), () => this.deleted(chat.id));
  }

  async #deleteAll() {
    if (!(await confirmed(words["js.play.delete_all_title"], words["js.play.delete_all_text"], words["js.play.delete"]))) return;
    await this.#act(() => call("DELETE", "/api/chats"), () => this.deleted(null));
  }

  async #switch(keep) {
    await this.#act(() => call("POST", "/api/keep_chats", { keep }));
  }

  async #act(act, done = () => {}) {
    try {
      await act();
      done();
    } catch (error) {
      toast(error.message, "bad");
    }
    await this.load();
  }
}

// Under which heading a chat stands.
function ageOf({ changed }) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const then = changed * 1000;
  if (then >= midnight) return words["js.play.today"];
  if (then >= midnight - DAY) return words["js.play.yesterday"];
  if (then >= midnight - 7 * DAY) return words["js.play.week"];
  return new Intl.DateTimeFormat(language, { year: "numeric", month: "long" }).format(then);
}

function grouped(chats) {
  const groups = new Map();
  for (const chat of chats) groups.set(ageOf(chat), [...(groups.get(ageOf(chat)) ?? []), chat]);
  return groups;
}
