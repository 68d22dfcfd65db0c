"use strict";
// Says on every screen what becomes of downloads, once they have really begun: one toast for all that change together.
(() => {
  const TOGETHER_MS = 700;
  const NAMES_SHOWN = 3;
  const messages = live.messages;
  let known = null; // states by id; what there was before the page was opened is no news
  let news = { started: [], ready: [], failed: [] };
  let timer = 0;

  document.addEventListener("htmx:sseOpen", () => live.on("pulls", ({ data }) => compare(data)), { once: true });

  function compare(data) {
    const pulls = data.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    const before = known;
    known = new Map(pulls.map((pull) => [pull.id, pull.state]));
    if (!before) return;
    for (const pull of pulls) {
      const kind = change(before.get(pull.id), pull.state);
      if (kind) tell(kind, pull);
    }
  }

  // A resumed download has begun already: its row says so.
  function change(was, is) {
    if (was === is) return null;
    if (is === "downloading") return was === "verifying" || was === "paused" ? null : "started";
    return is === "ready" || is === "failed" ? is : null;
  }

  function tell(kind, pull) {
    if (kind !== "started") news.started = news.started.filter(({ id }) => id !== pull.id);
    news[kind].push(pull);
    clearTimeout(timer);
    timer = setTimeout(show, TOGETHER_MS);
  }

  function show() {
    for (const kind of ["started", "ready"]) {
      if (news[kind].length) toast(messages[`js.pulls.${kind}`].replace("{names}", names(news[kind])), "good");
    }
    const [first, ...others] = news.failed;
    if (others.length) toast(messages["js.pulls.failed_many"].replace("{names}", names(news.failed)), "bad");
    else if (first) toast(messages["js.pulls.failed"].replace("{name}", first.model).replace("{reason}", first.error), "bad");
    news = { started: [], ready: [], failed: [] };
  }

  function names(pulls) {
    const shown = pulls.slice(0, NAMES_SHOWN).map(({ model }) => model);
    return shown.join(messages["js.separator"]) + (pulls.length > shown.length ? ` +${pulls.length - shown.length}` : "");
  }
})();
