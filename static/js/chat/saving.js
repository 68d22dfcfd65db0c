// Keeps chats on the server, in the order in which they change; where that is switched off, the open one in the browser tab only.
import { Chat } from "./chat.js";
import { call, words } from "./words.js";

const STORE = "playground";
const PARTIAL_MS = 3000;
export const saving = { keep: true, canKeep: true };
let complained = "";
let afterSaving = () => {};

export const onSaved = (listener) => (afterSaving = listener);

function queue(chat, task) {
  if (chat.deleted) return undefined;
  if (!saving.keep && !chat.saved) return remember(chat);
  chat.queue = (chat.queue ?? Promise.resolve()).then(task).then(
    () => {
      complained = "";
      afterSaving(chat);
    },
    (error) => {
      if (chat.deleted) return;
      remember(chat); // so that at least a reload does not lose it
      if (error.message !== complained) toast((complained = error.message), "bad");
    },
  );
  return chat.queue;
}

export const saveChat = (chat) =>
  queue(chat, async () => {
    const { id, title, lanes, options } = chat;
    if (chat.saved) return call("PATCH", `/api/chats/${id}`, { lanes, options });
    await call("PUT", `/api/chats/${id}`, { ...(title && { title }), lanes, options });
    return (chat.saved = true);
  });

const kept = ({ role, content, created, parent, lane, details }) => ({ role, content, created, parent, lane, details });

export function saveMessage(chat, message) {
  return queue(chat, () => {
    message.savedAt = performance.now();
    return call("PUT", `/api/chats/${chat.id}/messages/${message.id}`, kept(message));
  });
}

// Of an answer that is being written: now and then, so that a closed tab loses little of it.
export function savePartial(chat, message) {
  if (saving.keep && chat.saved && performance.now() - (message.savedAt ?? 0) > PARTIAL_MS) saveMessage(chat, message);
}

export async function openChat(id) {
  return new Chat({ ...(await call("GET", `/api/chats/${id}`)), saved: true });
}

// -- in the tab -------------------------------------------------------------------------------------------------------
export function remember(chat) {
  const { id, title, lanes, options, saved } = chat;
  const messages = saved ? [] : [...chat.messages.values()].map((message) => ({ id: message.id, ...kept(message) }));
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

// An answer in whose middle the page is left.
const leaving = new Set();
addEventListener("pagehide", () => leaving.forEach((save) => save()));

export function saveOnLeaving(chat, message) {
  const save = () => {
    if (!saving.keep || !chat.saved) return remember(chat);
    const body = JSON.stringify(kept(message));
    if (body.length < 60_000) fetch(`/api/chats/${chat.id}/messages/${message.id}`, { method: "PUT", keepalive: true, headers: { "Content-Type": "application/json" }, body });
  };
  leaving.add(save);
  return () => leaving.delete(save);
}

export const label = (chat) => chat.title || words["js.play.untitled"];
