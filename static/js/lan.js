"use strict";
// The switch that lets other devices of the network in: it asks first, shows a new key, and waits for the server, which
// starts again.
(() => {
  const box = document.getElementById("lan-switch");
  if (!box) return;
  const form = document.getElementById("lan-form");
  const note = form.querySelector(".form-error");
  const status = document.getElementById("lan-status");
  const dialog = document.getElementById("key-dialog");
  const WAIT_MS = 700;

  box.addEventListener("change", async () => {
    const enabled = box.checked;
    box.checked = !enabled; // until it is so
    if (await asked(box)) await turn(enabled);
  });

  async function turn(enabled) {
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ enabled }) };
    const response = await fetch("/api/lan", options).catch(() => null);
    const answer = await response?.json().catch(() => null);
    note.hidden = Boolean(response?.ok);
    note.textContent = answer?.error?.message ?? live.messages["js.unreachable"];
    if (!response?.ok) return;
    box.checked = enabled;
    box.disabled = true;
    status.textContent = live.messages["js.lan.restarting"];
    const back = server();
    if (answer.secret) await shown(answer);
    await back;
    location.reload();
  }

  // Until the server has gone and come back; the page's stream tells that it has gone.
  async function server() {
    await new Promise((done) => setTimeout(done, 2 * WAIT_MS));
    for (;;) {
      if (await fetch("/health").then(({ ok }) => ok, () => false)) return;
      await new Promise((done) => setTimeout(done, WAIT_MS));
    }
  }

  function shown({ secret, qr }) {
    fillSecret(dialog, { secret, qr });
    dialog.showModal();
    return new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  }
})();
