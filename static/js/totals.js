"use strict";
// What each model was asked under each key: a table below the charts.
(() => {
  const words = live.messages;
  const days = document.getElementById("totals-days");
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const FIGURES = ["requests", "failed", "prompt_tokens", "generated_tokens"];
  const labels = [...document.querySelectorAll(".totals thead th")].map((head) => head.textContent);

  async function load() {
    const response = await fetch(`/api/usage/totals?days=${days.value}`).catch(() => null);
    if (!response?.ok) return;
    const { totals } = await response.json();
    document.getElementById("totals-none").hidden = totals.length > 0;
    document.getElementById("totals-box").hidden = totals.length === 0;
    document.getElementById("totals-rows").replaceChildren(...totals.map(row));
    const sums = FIGURES.map((name) => totals.reduce((sum, each) => sum + each[name], 0));
    const foot = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row", colSpan: 2, textContent: words["js.chart.sum"] });
    foot.append(head, ...sums.map(figure));
    document.getElementById("totals-sum").replaceChildren(foot);
  }

  function row(total) {
    const element = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row" });
    head.append(bold(total.model.split("/").pop() || words["js.chart.unknown_model"]), " ", Object.assign(document.createElement("span"), { className: "badge", textContent: total.device.toUpperCase() }));
    const key = Object.assign(document.createElement("td"), { textContent: keyName(total) });
    key.dataset.label = labels[1];
    element.append(head, key, ...FIGURES.map((name, index) => figure(total[name], index)));
    return element;
  }

  function keyName({ key, key_name: name }) {
    if (!key) return words["js.chart.no_key"];
    return name ?? words["js.chart.revoked_key"].replace("{id}", key);
  }

  function figure(value, index) {
    const cell = Object.assign(document.createElement("td"), { className: "num", textContent: number.format(value) });
    cell.dataset.label = labels[index + 2];
    return cell;
  }

  const bold = (text) => Object.assign(document.createElement("b"), { textContent: text });
  days.addEventListener("change", load);
  document.addEventListener("visibilitychange", () => document.hidden || load());
  setInterval(() => document.hidden || load(), 30_000);
  load();
})();
