// A chat: one lane for each model that is asked, each a tree of messages of which one branch is shown.
import { newId } from "./words.js";

export class Chat {
  constructor({ id = newId(), title = "", lanes = [{ model: "", head: null }], options = {}, messages = [], saved = false } = {}) {
    Object.assign(this, { id, title, lanes, options, saved });
    this.messages = new Map(messages.map((message) => [message.id, message]));
    this.runs = []; // by lane: the AbortController of the answer that is being written
  }

  get running() {
    return this.runs.some(Boolean);
  }

  get empty() {
    return this.messages.size === 0;
  }

  add({ role, content = "", parent, lane, details = {} }) {
    const message = { id: newId(), role, content, parent, lane, details, created: Date.now() / 1000 };
    this.messages.set(message.id, message);
    this.lanes[lane].head = message.id;
    return message;
  }

  // The branch that is shown, the first message first.
  path(lane, end = this.lanes[lane].head) {
    const path = [];
    const newest = [...this.messages.values()].findLast((message) => message.lane === lane); // where its head was not saved
    for (let message = this.messages.get(end) ?? (end ? newest : undefined); message; message = this.messages.get(message.parent)) path.unshift(message);
    return path;
  }

  siblings({ parent, lane, role }) {
    return [...this.messages.values()].filter((other) => other.parent === parent && other.lane === lane && (other.role === "user") === (role === "user"));
  }

  // Show the branch of a message: down to the latest of all that followed it.
  turnTo(message) {
    let head = message;
    for (;;) {
      const next = [...this.messages.values()].filter((other) => other.parent === head.id).pop();
      if (!next) break;
      head = next;
    }
    this.lanes[message.lane].head = head.id;
  }

  // A second lane that begins with what has been said in the first one.
  split(model) {
    this.lanes.push({ model, head: null });
    for (const { role, content, details } of this.path(0)) this.add({ role, content, details: structuredClone(details), parent: this.lanes[1].head, lane: 1 });
  }

  // What the user said first, short enough for a list.
  nameAfter({ content, details }) {
    const line = content.trim().split("\n")[0] || details.files?.[0]?.name || "";
    this.title = [...line].length > 60 ? `${[...line].slice(0, 59).join("")}…` : line;
  }
}
