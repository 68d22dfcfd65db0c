"use strict";
// The charts of the activity screen: curves from /api/usage/charts, each chart also as a table.
(() => {
  const words = live.messages;
  const bar = document.getElementById("chart-bar");
  const problem = document.getElementById("chart-problem");
  const RELOAD_SECONDS = { "5m": 5, "1h": 15, "24h": 60, "30d": 300 };
  const DASHES = [[], [8, 4], [2, 4], [12, 4, 2, 4], [4, 4], [16, 4], [6, 3, 2, 3], [2, 2]];
  const WHOLE = [1, 2, 5].flatMap((digit) => [1, 10, 100, 1000].map((power) => digit * power)).sort((a, b) => a - b);
  const HEIGHT = 208;
  const language = document.documentElement.lang;
  const plots = new Map();
  let latest = null;
  let timer = 0;

  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const FORMATS = {
    tokens_per_second: (value) => number.format(value),
    requests_per_minute: (value) => number.format(value),
    first_token_seconds: (value) => `${value.toFixed(value < 10 ? 2 : 1)} s`,
    memory_bytes: (value) => (!value ? "0" : value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${(value / 1e6).toFixed(0)} MB`),
    queued: (value) => number.format(value),
  };
  const clock = (options) => new Intl.DateTimeFormat(language, { hour12: false, ...options });
  const TICKS = {
    "5m": clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    "1h": clock({ hour: "2-digit", minute: "2-digit" }),
    "24h": clock({ hour: "2-digit", minute: "2-digit" }),
    "30d": clock({ month: "numeric", day: "numeric" }),
  };
  const MOMENTS = { ...TICKS, "24h": clock({ month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" }), "30d": clock({ month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" }) };
  const shown = (name, value) => (value == null ? "–" : FORMATS[name](value));
  const moment = (seconds) => MOMENTS[latest.span].format(seconds * 1000);

  function nameOf({ device, model }) {
    if (!device) return words["js.chart.others"];
    return model ? `${device.toUpperCase()} · ${model.split("/").pop()}` : device.toUpperCase();
  }

  // -- asking ---------------------------------------------------------------------------------------------------------
  async function load() {
    clearTimeout(timer);
    const query = new URLSearchParams(new FormData(bar));
    history.replaceState(null, "", `?${query}`);
    try {
      const response = await fetch(`/api/usage/charts?${query}`);
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error.message);
      latest = answer;
      problem.hidden = true;
      answer.charts.forEach(show);
    } catch (error) {
      problem.textContent = error instanceof TypeError ? live.messages["js.unreachable"] : error.message;
      problem.hidden = false;
    }
    timer = setTimeout(() => (document.hidden ? null : load()), RELOAD_SECONDS[query.get("span")] * 1000);
  }

  // -- drawing --------------------------------------------------------------------------------------------------------
  function colour(name) {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  }

  const thin = (rgb) => rgb.replace("rgb(", "rgba(").replace(")", ", .1)");

  function show({ name, curves }) {
    const section = document.querySelector(`[data-chart="${name}"]`);
    const box = section.querySelector(".plot");
    const known = curves.some(({ values }) => values.some((value) => value != null));
    plots.get(name)?.destroy();
    plots.delete(name);
    box.replaceChildren();
    if (known) plots.set(name, plot(section, box, name, curves));
    else box.append(Object.assign(document.createElement("p"), { className: "empty", textContent: words["js.chart.none"] }));
    section.querySelector(".curves").hidden = !known;
    legend(section, name, curves, null);
    section.querySelector(`#summary-${name}`).textContent = curves.map((curve) => summary(name, curve)).join(" ");
    const details = section.querySelector("details");
    details.hidden = !known;
    if (details.open) table(section, name, curves);
    details.ontoggle = () => details.open && table(section, name, curves);
  }

  function plot(section, box, name, curves) {
    const line = colour("--line");
    const axis = { stroke: colour("--ink-2"), grid: { stroke: line, width: 1 }, ticks: { show: false }, font: `12px ${getComputedStyle(document.body).fontFamily}` };
    const series = curves.map((curve, index) => {
      const stroke = colour(`--curve-${index + 1}`);
      return { stroke, width: 2, dash: DASHES[index], fill: curves.length === 1 ? thin(stroke) : undefined, points: { size: 5, fill: stroke } };
    });
    return new uPlot({
      width: Math.max(box.clientWidth, 200),
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.12 : 1] } },
      axes: [
        { ...axis, space: 90, size: 30, values: (_, splits) => splits.map((at) => TICKS[latest.span].format(at * 1000)) },
        { ...axis, size: 68, space: 34, incrs: name === "queued" ? WHOLE : undefined, values: (_, splits) => splits.map((value) => (value == null ? "" : FORMATS[name](value))) },
      ],
      series: [{}, ...series],
      hooks: { setCursor: [({ cursor }) => legend(section, name, curves, cursor.idx ?? null)] },
    }, [latest.times, ...curves.map(({ values }) => values)], box);
  }

  // The curves' names with their values at the pointer, or else the last known ones.
  function legend(section, name, curves, index) {
    const list = section.querySelector(".curves");
    const values = curves.map(({ values }) => (index == null ? values.findLast((value) => value != null) : values[index]));
    if (list.childElementCount !== curves.length || list.dataset.names !== curves.map(nameOf).join()) {
      list.dataset.names = curves.map(nameOf).join();
      list.replaceChildren(...curves.map((curve, number) => item(curve, number)));
    }
    [...list.children].forEach((each, number) => (each.querySelector("b").textContent = shown(name, values[number])));
  }

  function item(curve, number) {
    const element = document.getElementById("curve-template").content.firstElementChild.cloneNode(true);
    const stroke = element.querySelector("line");
    stroke.setAttribute("stroke-dasharray", DASHES[number].join(" "));
    stroke.style.stroke = `var(--curve-${number + 1})`;
    element.querySelector("span").textContent = nameOf(curve);
    return element;
  }

  function summary(name, curve) {
    const values = curve.values.filter((value) => value != null);
    const [now, most] = [shown(name, values.at(-1)), shown(name, values.length ? Math.max(...values) : null)];
    return words["js.chart.summary"].replace("{name}", nameOf(curve)).replace("{now}", now).replace("{most}", most);
  }

  // -- the same as a table --------------------------------------------------------------------------------------------
  function table(section, name, curves) {
    const node = document.createElement("table");
    const head = node.createTHead().insertRow();
    for (const text of [words["js.chart.time"], ...curves.map(nameOf)]) head.append(cell("th", text, "col"));
    const body = node.createTBody();
    for (let index = latest.times.length - 1; index >= 0; index -= 1) {
      if (curves.every(({ values }) => values[index] == null)) continue;
      const row = body.insertRow();
      row.append(cell("th", moment(latest.times[index]), "row"), ...curves.map(({ values }) => cell("td", shown(name, values[index]))));
    }
    section.querySelector(".chart-table").replaceChildren(node);
  }

  function cell(tag, text, scope) {
    const node = Object.assign(document.createElement(tag), { textContent: text });
    if (scope) node.scope = scope;
    return node;
  }

  // -- beginning ------------------------------------------------------------------------------------------------------
  for (const [name, value] of new URLSearchParams(location.search)) {
    const field = bar.elements[name];
    if (field instanceof RadioNodeList) field.value = value || field.value;
    else if (field && [...field.options].some((option) => option.value === value)) field.value = value;
  }
  bar.addEventListener("change", load);
  document.addEventListener("visibilitychange", () => document.hidden || load());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => latest?.charts.forEach(show));
  new ResizeObserver(() => {
    for (const [name, each] of plots) {
      const { clientWidth } = document.querySelector(`[data-chart="${name}"] .plot`);
      if (Math.abs(clientWidth - each.width) > 1) each.setSize({ width: clientWidth, height: HEIGHT });
    }
  }).observe(document.getElementById("charts"));
  load();
})();
