"use strict";
// Models that are brought in: a folder of the server is picked, an address is dropped, and folders or GGUF files of the browser's computer
// are sent in pieces.
(() => {
  const messages = live.messages;
  const box = document.getElementById("import");
  const folders = document.getElementById("folder-dialog");
  const path = document.getElementById("import-path");

  // -- a folder of the server -----------------------------------------------------------------------------------------
  document.getElementById("import-browse").addEventListener("click", () => folders.showModal());
  document.addEventListener("click", ({ target }) => {
    const place = target.closest?.("[data-path]");
    if (place) take(place.dataset.path);
  });

  function take(chosen) {
    path.value = chosen;
    folders.close();
    box.open = true;
    path.focus();
  }

  // -- what is dropped ------------------------------------------------------------------------------------------------
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    if (event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
    const address = (event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain")).split("\n")[0].trim();
    if (items.length) for (const item of items) upload(item.name, await filesOf(item));
    else if (address.startsWith("file://")) take(decodeURIComponent(new URL(address).pathname).replace(/^\/([A-Za-z]:)/, "$1"));
    else if (address) find(address);
  });

  function find(text) {
    const field = document.getElementById("finder");
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  // All files at or below an entry, by their paths below it; of a file its name.
  async function filesOf(entry, prefix = "") {
    if (entry instanceof File) return new Map([[entry.name, entry]]);
    if (entry.isFile) return new Map([[prefix + entry.name, await new Promise((resolve, reject) => entry.file(resolve, reject))]]);
    const files = new Map();
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most a hundred at once
      if (!some.length) return files;
      for (const inner of some) for (const [name, file] of await filesOf(inner, inner.isFile ? prefix : `${prefix}${inner.name}/`)) files.set(name, file);
    }
  }

  for (const picker of box.querySelectorAll("input[type=file]")) {
    picker.addEventListener("change", () => {
      const files = [...picker.files];
      if (picker.webkitdirectory) {
        const [folder] = files[0]?.webkitRelativePath.split("/") ?? [];
        if (folder) upload(folder, new Map(files.map((file) => [file.webkitRelativePath.slice(folder.length + 1), file])));
      } else for (const file of files) upload(file.name, new Map([[file.name, file]]));
      picker.value = "";
    });
  }
  for (const button of box.querySelectorAll("[data-pick-files]")) button.addEventListener("click", () => document.getElementById(button.dataset.pickFiles).click());

  // -- what is sent ---------------------------------------------------------------------------------------------------
  const PIECE = 500_000; // bytes that the server takes of any content
  const RETRIES = 6;
  const wanted = (name) => !name.endsWith(".part") && !name.split("/").some((part) => part.startsWith(".")); // as an import copies
  const active = new Set();
  addEventListener("beforeunload", (event) => active.size && event.preventDefault());
  const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { size } = live;

  async function upload(name, all) {
    const files = [...all].filter(([path]) => wanted(path));
    const row = newRow(name);
    const stop = new AbortController();
    row.querySelector("button").addEventListener("click", () => stop.abort());
    active.add(row);
    let begun = "";
    try {
      const body = { name, files: files.map(([path, { size }]) => ({ path, size })), model_id: document.getElementById("import-id").value.trim() || null };
      if (!files.length) throw new Error(messages["js.upload.empty"].replace("{name}", name));
      const { upload, model_id } = await send("POST", "/api/uploads", JSON.stringify(body), stop.signal);
      begun = upload;
      await sendFiles(`/api/uploads/${upload}`, files, row, stop.signal);
      begun = ""; // the server clears up after what it refuses now
      await send("POST", `/api/uploads/${upload}`, undefined, stop.signal);
      toast(messages["js.upload.done"].replace("{model}", model_id), "good");
    } catch (error) {
      if (begun) fetch(`/api/uploads/${begun}`, { method: "DELETE" }).catch(() => {});
      if (!stop.signal.aborted) toast(error.message, "bad");
    }
    active.delete(row);
    row.remove();
  }

  async function sendFiles(address, files, row, signal) {
    const total = files.reduce((sum, [, file]) => sum + file.size, 0);
    let sent = 0;
    for (const [path, file] of files) {
      for (let offset = 0; offset < file.size; offset += PIECE) {
        const piece = file.slice(offset, offset + PIECE);
        await send("PUT", `${address}?${new URLSearchParams({ path, offset })}`, piece, signal);
        sent += piece.size;
        row.querySelector("progress").value = sent / total;
        row.querySelector("[data-sent]").textContent = `${size(sent)} / ${size(total)}`;
      }
    }
  }

  // A connection that is cut, and a server that is busy, are tried again: a piece may come twice.
  async function send(method, address, body, signal) {
    for (let tries = 0; ; tries++) {
      const headers = { "Content-Type": method === "PUT" ? "application/octet-stream" : "application/json" };
      const response = await fetch(address, { method, headers, body, signal }).catch((error) => error);
      signal.throwIfAborted();
      if (response.ok) return response.json();
      const busy = response instanceof Error || response.status === 429;
      if (!busy || tries === RETRIES) {
        if (response instanceof Error) throw new Error(messages["js.unreachable"]);
        const answer = await response.json().catch(() => ({}));
        throw new Error(answer.error?.message ?? messages["js.failed"].replace("{status}", response.status));
      }
      await pause(Number(response.headers?.get("Retry-After")) || 2 ** tries / 2);
    }
  }

  function newRow(name) {
    const row = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
    row.querySelector("b").textContent = name;
    for (const part of row.querySelectorAll("[aria-label]")) part.setAttribute("aria-label", part.getAttribute("aria-label").replace("{name}", name));
    document.getElementById("uploads").append(row);
    box.open = true;
    return row;
  }
})();
