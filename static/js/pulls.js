"use strict";
// Says on every screen what becomes of downloads, once they have really begun: one toast for all that change together.
(() => {
  const TOGETHER_MS = 700;
  const NAMES_SHOWN = 3;
  const messages = live.messages;
  let known = null; // states by id; what there was before the page was opened is no news
  const begun = new Set();
  let news = { started: [], ready: [], failed: [] };
  const told = {}; // by kind: the toast that is on the screen, and what it tells of
  let timer = 0;

  document.addEventListener("htmx:sseOpen", () => live.on("downloads", ({ data }) => compare(JSON.parse(data))), { once: true });

  function compare(jobs) {
    const before = known;
    known = new Map(jobs.map((job) => [job.id, job.state]));
    for (const job of jobs) {
      const pull = { ...job, model: job.model.slice(job.model.lastIndexOf("/") + 1) };
      const kind = before && change(pull, before.get(pull.id));
      if (job.state === "downloading") begun.add(job.id);
      if (job.state === "failed" || job.state === "cancelled") begun.delete(job.id);
      if (kind) tell(kind, pull);
    }
  }

  // One that goes on has begun already: its row says so.
  function change({ id, state }, was) {
    if (was === state) return null;
    if (state === "downloading") return begun.has(id) || was === "paused" ? null : "started";
    return state === "ready" || state === "failed" ? state : null;
  }

  function tell(kind, pull) {
    if (kind !== "started") news.started = news.started.filter(({ id }) => id !== pull.id);
    news[kind].push(pull);
    clearTimeout(timer);
    timer = setTimeout(show, TOGETHER_MS);
  }

  function show() {
    for (const [kind, pulls] of Object.entries(news)) {
      if (!pulls.length) continue;
      const before = told[kind]?.box.isConnected ? told[kind] : null;
      const all = [...(before?.pulls ?? []).filter(({ id }) => pulls.every((pull) => pull.id !== id)), ...pulls];
      before?.box.remove();
      told[kind] = { pulls: all, box: toast(sentence(kind, all), kind === "failed" ? "bad" : "good") };
    }
    news = { started: [], ready: [], failed: [] };
  }

  function sentence(kind, pulls) {
    if (kind !== "failed" || pulls.length > 1) return messages[`js.pulls.${kind === "failed" ? "failed_many" : kind}`].replace("{names}", names(pulls));
    return messages["js.pulls.failed"].replace("{name}", pulls[0].model).replace("{reason}", pulls[0].error);
  }

  function names(pulls) {
    const shown = pulls.slice(0, NAMES_SHOWN).map(({ model }) => model);
    return shown.join(messages["js.separator"]) + (pulls.length > shown.length ? ` +${pulls.length - shown.length}` : "");
  }
})();
