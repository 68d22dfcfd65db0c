// Files of a message: pictures made small enough in the browser, the text of all others taken out by the server.
import { clone, newId, say, send, words } from "./words.js";

const LONGEST_SIDE = 1536; // more than vision models look at
const MOST_BYTES = 1_000_000; // of a picture that is taken as it is
const MOST_FILES = 20;
const $ = (id) => document.getElementById(id);

export async function readFile(file) {
  if (file.type.startsWith("image/") && file.type !== "image/svg+xml") return { kind: "image", url: await readPicture(file) };
  const answer = await send("POST", "/api/file_text", file, undefined, "application/octet-stream");
  return { kind: "text", ...(await answer.json()) };
}

async function readPicture(file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error(words["js.play.bad_image"]);
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.max(1, Math.round(picture.width * scale)), height: Math.max(1, Math.round(picture.height * scale)) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // what is transparent would come out black
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  if (file.type === "image/png" && file.size <= MOST_BYTES) return canvas.toDataURL("image/png");
  return canvas.toDataURL("image/jpeg", 0.88);
}

// A file as it is seen in a message or above the message field; with `remove` it can be taken out again.
export function fileChip(file, remove) {
  const item = clone("attached-template");
  const open = item.querySelector(".attached-open");
  item.dataset.kind = file.error ? "bad" : file.kind ?? "reading";
  if (file.kind === "image") open.append(Object.assign(document.createElement("img"), { src: file.url, alt: file.name }));
  else {
    const name = Object.assign(document.createElement("b"), { textContent: file.name });
    open.append(name, Object.assign(document.createElement("small"), { textContent: file.error ?? describe(file) }));
  }
  open.disabled = !file.kind;
  open.addEventListener("click", () => showFile(file));
  const button = item.querySelector(".attached-remove");
  if (remove) {
    button.setAttribute("aria-label", say("js.play.remove", { name: file.name }));
    button.addEventListener("click", remove);
  } else button.remove();
  return item;
}

function describe({ kind, text, pages, cut }) {
  if (!kind) return words["js.play.reading"];
  const count = say(pages ? "js.play.pages" : "js.play.characters", { n: pages ?? text.length.toLocaleString() });
  return cut ? `${count} · ${words["js.play.file_cut"]}` : count;
}

function showFile({ kind, name, url, text }) {
  const picture = kind === "image";
  $("file-title").textContent = name;
  $("file-text").hidden = picture;
  $("file-text").textContent = text ?? "";
  $("file-image").hidden = $("file-save").hidden = !picture;
  if (picture) {
    Object.assign($("file-image"), { src: url, alt: name });
    Object.assign($("file-save"), { href: url, download: name });
  }
  $("file-dialog").showModal();
}

// The files of a message that is being written.
export class Attachments {
  files = [];

  constructor(changed) {
    this.changed = changed;
  }

  get reading() {
    return this.files.some(({ kind, error }) => !kind && !error);
  }

  get good() {
    return this.files.filter(({ kind }) => kind);
  }

  add(files) {
    for (const file of files) {
      if (this.files.length >= MOST_FILES) return toast(say("js.play.most_files", { n: MOST_FILES }), "bad");
      const entry = { id: newId(), name: file.name || words["js.play.pasted"] };
      this.files.push(entry);
      readFile(file).then(
        (read) => Object.assign(entry, read),
        (error) => (entry.error = error.message),
      ).finally(() => this.changed());
    }
    return this.changed();
  }

  remove(entry) {
    this.files = this.files.filter((file) => file !== entry);
    this.changed();
  }

  // What goes with the message; the field is empty afterwards.
  take() {
    const files = this.good.map(({ id, ...file }) => file);
    this.files = [];
    this.changed();
    return files;
  }
}
