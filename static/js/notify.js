"use strict";
// Tells of downloads that have ended, as a notification of the system while the page is in the background. Asked for
// once, with a button; browsers offer it on this machine and over TLS.
(() => {
  const box = document.getElementById("notify");
  let before = null; // the state of each download at the last look

  document.addEventListener("htmx:sseOpen", () => live.on("downloads", ({ data }) => compare(JSON.parse(data))), { once: true });

  function compare(jobs) {
    const known = before;
    before = new Map(jobs.map(({ id, state }) => [id, state]));
    for (const { id, state, model } of known ? jobs : []) {
      const ended = state === "ready" || state === "failed";
      if (ended && known.has(id) && known.get(id) !== state) tell(live.messages[`js.notify.${state}`].replace("{model}", model), id);
    }
  }

  function tell(text, id) {
    if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
    try {
      // The tag makes several open pages one notification.
      const note = new Notification(document.querySelector(".brand strong").textContent, { body: text, tag: `download-${id}` });
      note.onclick = () => {
        window.focus();
        note.close();
      };
    } catch {} // browsers on phones have the class and no way to use it from a page
  }

  if (!box || !("Notification" in window)) return;
  const button = document.getElementById("notify-on");
  const state = document.getElementById("notify-state");
  box.hidden = !isSecureContext;
  const show = () => {
    button.hidden = Notification.permission === "granted";
    state.textContent = { granted: live.messages["js.notify.on"], denied: live.messages["js.notify.blocked"] }[Notification.permission] ?? "";
  };
  button.addEventListener("click", () => Notification.requestPermission().then(show));
  show();
})();
