// The playground: chats with served models over the admin's own address.
import { drawPicture, writeAnswer } from "./chat/answer.js";
import { Chat } from "./chat/chat.js";
import { wireCode } from "./chat/code.js";
import { Composer } from "./chat/composer.js";
import { copyText } from "./chat/dressing.js";
import { editTurn } from "./chat/editing.js";
import { History } from "./chat/history.js";
import { Lanes } from "./chat/lanes.js";
import { chosen, optionOf, otherModel, sees, showModels, wireModels } from "./chat/models.js";
import { Options } from "./chat/options.js";
import { onSaved, openChat, remember, remembered, save, saveOnLeaving, savePartial, saving } from "./chat/saving.js";
import { canSpeak, Microphone, Reader } from "./chat/voice.js";
import { words } from "./chat/words.js";

const $ = (id) => document.getElementById(id);
const atWork = new Map(); // chats that write an answer, by ID
let chat = new Chat();

// -- answers ----------------------------------------------------------------------------------------------------------
// Writes into a new answer below the head of a lane, or goes on with `message`.
async function answer(chat, lane, message) {
  const option = optionOf(lane);
  const continued = Boolean(message);
  const path = chat.path(lane);
  const last = path.at(-1);
  message ??= chat.add({ role: "assistant", parent: chat.lanes[lane].head, lane, details: { model: option.value } });
  const run = (chat.runs[lane] = new AbortController());
  atWork.set(chat.id, chat);
  const stay = saveOnLeaving(chat, message);
  show(chat);
  const job = {
    message,
    path,
    model: option.value,
    device: option.dataset.device,
    options: chat.options,
    images: sees(lane),
    continued,
    signal: run.signal,
    changed: () => {
      lanes.changed(chat, message);
      savePartial(chat, message);
    },
  };
  if (option.dataset.kind === "draws") await drawPicture({ ...job, prompt: last.content });
  else await writeAnswer(job);
  stay();
  chat.runs[lane] = null;
  if (!chat.running) atWork.delete(chat.id);
  save(chat, message);
  lanes.finished(chat, message);
  show(chat);
}

const isOpen = (other) => other === chat;

function show(changed) {
  if (!isOpen(changed)) return history.paint();
  lanes.show(chat);
  $("send").hidden = chat.running;
  $("stop").hidden = !chat.running;
  return history.paint();
}

function stop() {
  chat.runs.forEach((run) => run?.abort());
}

// Whether a model can be asked now.
function ready() {
  if (chat.running || !options.check()) return false;
  if (chat.lanes.every((_, lane) => chosen(lane))) return true;
  toast(words["js.play.no_model"], "bad");
  return false;
}

// -- what a person does -----------------------------------------------------------------------------------------------
function say(text, takeFiles = () => []) {
  if (!ready()) return false;
  const files = takeFiles();
  keepChoices();
  const asked = chat.lanes.map(({ head }, lane) => {
    const unseen = files.some(({ kind }) => kind === "image") && !sees(lane);
    return chat.add({ role: "user", content: text, parent: head, lane, details: { ...(files.length && { files }), ...(unseen && { unseen }) } });
  });
  if (!chat.title) chat.nameAfter(asked[0]);
  history.show(chat);
  putAddress();
  save(chat, ...asked);
  lanes.show(chat, { scroll: true });
  chat.lanes.forEach((_, lane) => answer(chat, lane));
  return true;
}

// Ask again, in another branch, below the same question.
function again(message) {
  if (!ready()) return;
  keepChoices();
  chat.lanes[message.lane].head = message.parent;
  answer(chat, message.lane);
}

function edit(turn) {
  const { message } = turn;
  editTurn(turn, (text) => {
    const question = message.role === "user";
    if (question && !ready()) return false;
    const { files, model, finish } = message.details;
    const unseen = files?.some(({ kind }) => kind === "image") && !sees(message.lane);
    const details = question ? { ...(files && { files }), ...(unseen && { unseen }) } : { model, finish: finish ?? "stop" };
    const edited = chat.add({ role: message.role, content: text, parent: message.parent, lane: message.lane, details });
    keepChoices();
    save(chat, edited);
    if (question) answer(chat, message.lane);
    else show(chat);
    return true;
  });
}

function sendResults(turn) {
  if (!ready()) return;
  const { lane, details } = turn.message;
  for (const [index, content] of turn.results.entries()) {
    const result = { role: "tool", content, parent: chat.lanes[lane].head, lane, details: { call: details.calls[index].id, name: details.calls[index].name } };
    save(chat, chat.add(result));
  }
  answer(chat, lane);
}

function turnBranch(message, by) {
  const siblings = chat.siblings(message);
  chat.turnTo(siblings[siblings.indexOf(message) + by]);
  save(chat);
  show(chat);
  document.querySelector(`[data-message="${siblings[siblings.indexOf(message) + by].id}"] [data-turn=${by < 0 ? "previous" : "next"}]`)?.focus();
}

function act(target) {
  if (target.closest("[data-starter]")) return say(target.textContent);
  const turn = lanes.turnOf(target);
  const action = target.closest("[data-turn]")?.dataset.turn;
  if (!turn || !action) return undefined;
  const { message, answer: shown } = turn;
  if (action === "copy") return copyText(shown, message.content);
  if (action === "edit") return edit(turn);
  if (action === "again") return again(message);
  if (action === "continue") return ready() && answer(chat, message.lane, message);
  if (action === "results") return sendResults(turn);
  if (action === "speak") return reader.toggle(target.closest("button"), shown);
  return turnBranch(message, action === "next" ? 1 : -1);
}

function compare() {
  if (chat.running) return;
  keepChoices();
  if (chat.lanes.length > 1) chat.lanes.pop();
  else chat.split(otherModel());
  if (!chat.empty) save(chat, ...(chat.lanes.length > 1 ? chat.path(1) : []));
  showModels(chat.lanes);
  show(chat);
}

// -- which chat is open -----------------------------------------------------------------------------------------------
function keepChoices() {
  chat.options = options.values;
  chat.lanes.forEach((lane, number) => (lane.model = chosen(number)));
}

function putAddress() {
  const address = saving.keep && !chat.empty ? `/playground?chat=${chat.id}` : "/playground";
  if (location.pathname + location.search !== address) window.history.pushState(null, "", address);
}

function open(next, { address = true } = {}) {
  chat = next;
  showModels(chat.lanes);
  options.fill(chat.options);
  suit();
  composer.open(chat);
  history.show(chat);
  lanes.show(chat, { scroll: true });
  if (address) putAddress();
  show(chat);
  if (!chat.running) remember(chat);
  composer.focus();
}

async function openById(id, how) {
  try {
    open(atWork.get(id) ?? (id === chat.id && !chat.empty ? chat : await openChat(id)), how);
  } catch (error) {
    toast(error.message, "bad");
    if (chat.empty) window.history.replaceState(null, "", "/playground");
  }
}

// The settings and models of the open one hold for the next; what was attached stays with the old one.
function fresh() {
  keepChoices();
  open(new Chat({ lanes: chat.lanes.map(({ model }) => ({ model, head: null })), options: chat.options }));
}

function suit() {
  options.suit(optionOf(0)?.dataset.kind ?? "chats");
  microphone.suit();
  reader.suit();
}

const lanes = new Lanes({ speaks: canSpeak });
const options = new Options(() => {
  keepChoices();
  if (!chat.empty) save(chat);
  else remember(chat);
});
const composer = new Composer({
  submit: say,
  editLast: () => {
    const last = chat.path(0).filter(({ role }) => role === "user").at(-1);
    if (last) edit(lanes.turnOf(document.querySelector(`[data-message="${last.id}"]`)));
  },
});
const microphone = new Microphone((text) => composer.insert(text));
const reader = new Reader();
const history = new History({
  open: openById,
  fresh,
  renamed: (id, title) => [chat, atWork.get(id)].forEach((each) => each?.id === id && (each.title = title)),
  deleted: (id) => {
    for (const other of new Set([chat, ...atWork.values()])) {
      if (id && other.id !== id) continue;
      other.deleted = true;
      other.runs.forEach((run) => run?.abort());
    }
    if (!id || id === chat.id) fresh();
  },
  running: (id) => atWork.has(id),
});

onSaved(() => history.refresh(300));
wireModels(() => {
  keepChoices();
  suit();
  if (!chat.empty) save(chat);
  else remember(chat);
});
wireCode(() => options.check(), () => {
  const path = chat.path(0);
  const end = path.findLastIndex(({ role }) => role === "user") + 1;
  const text = $("prompt").value || words["js.play.example"];
  const shown = end ? path.slice(0, end) : [{ role: "user", content: text, details: {} }];
  return { option: optionOf(0), path: shown, prompt: shown.at(-1).content, options: options.values, images: sees(0) };
});
$("lanes").addEventListener("click", ({ target }) => act(target));
$("stop").addEventListener("click", stop);
$("compare").addEventListener("click", compare);
addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && !event.defaultPrevented && !document.querySelector("dialog[open]") && stop());
addEventListener("popstate", () => {
  const id = new URLSearchParams(location.search).get("chat");
  if (id) openById(id, { address: false });
  else open(new Chat({ options: chat.options, lanes: [{ model: chosen(0), head: null }] }), { address: false });
});
document.addEventListener("htmx:sseMessage", () => {
  showModels(chat.lanes);
  suit();
});

// -- the start --------------------------------------------------------------------------------------------------------
async function start() {
  const kept = remembered();
  const typed = options.values; // before this script had come
  await history.load();
  const asked = new URLSearchParams(location.search);
  const id = asked.get("chat");
  // One that is kept in the tab alone, or the settings and models of the last for a new one.
  const first = new Chat(kept?.messages.length && !kept.saved ? kept : { options: kept?.options, lanes: kept?.lanes.map(({ model }) => ({ model, head: null })) });
  Object.assign(first.options, typed);
  if (asked.get("model")) first.lanes[0].model = asked.get("model");
  open(first, { address: false });
  if (id) await openById(id);
  composer.ready(true); // until here nothing would have heard a question
  composer.focus();
}

start();
