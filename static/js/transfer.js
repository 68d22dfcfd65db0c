"use strict";
// A configuration file takes the place of the present configuration, after a question.
(() => {
  const field = document.getElementById("import-file");
  const note = document.getElementById("import-problem");

  field.addEventListener("change", async () => {
    const [file] = field.files;
    field.value = "";
    if (!file || !(await asked(field))) return;
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: await file.text() };
    const response = await fetch("/api/config/import", options).catch(() => null);
    const answer = await response?.json().catch(() => null);
    note.hidden = Boolean(response?.ok);
    note.textContent = answer?.error?.message ?? live.messages["js.unreachable"];
    if (!response?.ok) return;
    const words = live.messages[answer.missing.length ? "js.transfer.missing" : "js.transfer.done"];
    toast(words.replace("{models}", answer.missing.join(", ")), "good");
  });
})();
