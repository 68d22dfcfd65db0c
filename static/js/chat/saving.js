// Keeps chats on the server, in the order in which they change; where that is switched off, the open one in the browser tab only.
import { Chat } from "./chat.js";
import { call, words } from "./words.js";

const STORE = "playground";
const PARTIAL_MS = 3000;
const MOST_ON_LEAVING = 60_000; // characters; browsers then take 64 KiB
export const saving = { keep: true, canKeep: true };
const unsaved = new Map(); // the messages of each chat that the server does not have yet
const atWork = new Map(); // those it is being sent
const growing = new Set(); // [chat, message] of answers that are being written
let complained = "";
let afterSaving = () => {};

export const onSaved = (listener) => (afterSaving = listener);

// Keep a chat and what is new of its messages.
export function save(chat, ...messages) {
  if (chat.deleted) return;
  if (!saving.keep && !chat.saved) return remember(chat);
  unsaved.set(chat, new Set([...(unsaved.get(chat) ?? []), ...messages]));
  for (const message of messages) message.savedAt = performance.now();
  if (!atWork.has(chat)) write(chat);
}

async function write(chat) {
  atWork.set(chat, new Set());
  await null; // what changes in the same moment goes together
  while (unsaved.has(chat) && !chat.deleted) {
    const messages = unsaved.get(chat);
    unsaved.delete(chat);
    atWork.set(chat, messages);
    try {
      await call(...request(chat, messages));
      if (!chat.saved) {
        chat.saved = true;
        remember(chat);
      }
      complained = "";
      afterSaving(chat);
    } catch (error) {
      if (chat.deleted) break;
      unsaved.set(chat, new Set([...messages, ...(unsaved.get(chat) ?? [])])); // with the next change
      remember(chat); // so that at least a reload does not lose it
      if (error.message !== complained) toast((complained = error.message), "bad");
      break;
    }
  }
  atWork.delete(chat);
}

function request(chat, messages) {
  const { id, title, lanes, options, saved } = chat;
  const all = saved ? messages : chat.messages.values();
  return [saved ? "PATCH" : "PUT", `/api/chats/${id}`, { ...(!saved && title && { title }), lanes, options, messages: [...all].map(kept) }];
}

const kept = ({ id, role, content, created, parent, lane, details }) => ({ id, role, content, created, parent, lane, details });

// Of an answer that is being written: now and then, so that a closed tab loses little of it.
export function savePartial(chat, message) {
  if (saving.keep && chat.saved && performance.now() - (message.savedAt ?? 0) > PARTIAL_MS) save(chat, message);
}

// An answer that is being written is saved also when the page is left; the result ends that.
export function saveOnLeaving(chat, message) {
  const entry = [chat, message];
  growing.add(entry);
  return () => growing.delete(entry);
}

addEventListener("pagehide", () => {
  const leaving = new Map([...unsaved, ...atWork].map(([chat]) => [chat, new Set([...(atWork.get(chat) ?? []), ...(unsaved.get(chat) ?? [])])]));
  for (const [chat, message] of growing) leaving.set(chat, new Set([...(leaving.get(chat) ?? []), message]));
  for (const [chat, messages] of leaving) {
    if (chat.deleted) continue;
    if (!saving.keep && !chat.saved) {
      remember(chat);
      continue;
    }
    const [method, url, body] = request(chat, messages);
    const text = JSON.stringify(body);
    if (text.length < MOST_ON_LEAVING) fetch(url, { method, keepalive: true, headers: { "Content-Type": "application/json" }, body: text });
  }
});

export async function openChat(id) {
  return new Chat({ ...(await call("GET", `/api/chats/${id}`)), saved: true });
}

// -- in the tab -------------------------------------------------------------------------------------------------------
export function remember(chat) {
  const { id, title, lanes, options, saved } = chat;
  const messages = saved ? [] : [...chat.messages.values()].map(kept);
  try {
    sessionStorage.setItem(STORE, JSON.stringify({ id, title, lanes, options, saved, messages }));
  } catch {} // images may be more than the store takes; the chat then lasts until the page is left
}

export function remembered() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
    return kept?.lanes ? kept : null;
  } catch {
    return null;
  }
}

export const label = (chat) => chat.title || words["js.play.untitled"];
