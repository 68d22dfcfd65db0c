"use strict";
// The playground: a conversation with a served model over the admin's own address. It is kept for the browser tab only.
(() => {
  const words = live.messages;
  const $ = (id) => document.getElementById(id);
  const box = $("messages-box");
  const model = $("play-model");
  const prompt = $("prompt");
  const STORE = "playground";
  const PAINT_MS = 80;

  let turns = []; // {role, content, images?, reasoning?, tools?, figures?, error?}
  let running = null; // the AbortController of the answer that is being written
  let images = [];

  // -- the request --------------------------------------------------------------------------------------------------
  function options() {
    const chosen = {};
    for (const field of document.querySelectorAll("[data-option]")) {
      const text = field.value.trim();
      if (text) chosen[field.dataset.option] = field.type === "number" ? Number(text) : text;
    }
    return chosen;
  }

  function request(history) {
    const { system, tools, ...sampling } = options();
    if (tools) sampling.tools = JSON.parse(tools);
    const messages = history.filter((turn) => !turn.error || turn.content).map(message);
    if (system) messages.unshift({ role: "system", content: system });
    return { model: model.value, messages, ...sampling, stream: true };
  }

  function message({ role, content, images: pictures }) {
    if (!pictures?.length) return { role, content };
    return { role, content: [{ type: "text", text: content }, ...pictures.map((url) => ({ type: "image_url", image_url: { url } }))] };
  }

  async function ask() {
    const { device } = model.selectedOptions[0].dataset;
    const body = { ...request(turns), stream_options: { include_usage: true } };
    const turn = { role: "assistant", content: "", reasoning: "", tools: [] };
    turns.push(turn);
    const view = show(turn);
    const clock = { start: performance.now(), first: 0, usage: null, rate: null, pieces: 0 };
    running = new AbortController();
    state();
    let painted = 0;
    const waiting = setInterval(() => view.figures(waitingFor(clock)), 500);
    try {
      for await (const chunk of stream(`/api/playground/${device}`, body, running.signal)) {
        take(turn, chunk, clock);
        if (performance.now() - painted > PAINT_MS) {
          view.paint(turn);
          painted = performance.now();
        }
      }
      turn.figures = figures(clock);
    } catch (error) {
      if (error.name === "AbortError") turn.figures = `${figures(clock)} · ${words["js.play.stopped"]}`;
      else turn.error = error.message;
    }
    clearInterval(waiting);
    running = null;
    view.paint(turn);
    save();
    state();
    prompt.focus();
  }

  // The JSON documents of a stream of server-sent events.
  async function* stream(url, body, signal) {
    let response;
    try {
      response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Error(words["js.unreachable"]);
    }
    if (!response.ok) {
      const problem = await response.json().catch(() => null);
      throw new Error(problem?.error?.message ?? words["js.failed"].replace("{status}", response.status));
    }
    let pending = "";
    let ended = false;
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (pending + text).split("\n");
      pending = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        if (data === "[DONE]") ended = true;
        else yield JSON.parse(data);
      }
    }
    if (!ended) throw new Error(words["js.play.cut"]);
  }

  function take(turn, chunk, clock) {
    if (chunk.error) throw new Error(chunk.error.message);
    if (chunk.usage) clock.usage = chunk.usage;
    if (chunk.timings) clock.rate = chunk.timings.predicted_per_second;
    const delta = chunk.choices?.[0]?.delta ?? {};
    for (const call of delta.tool_calls ?? []) {
      const known = (turn.tools[call.index ?? 0] ??= { name: "", arguments: "" });
      known.name += call.function?.name ?? "";
      known.arguments += call.function?.arguments ?? "";
    }
    turn.reasoning += delta.reasoning_content ?? "";
    turn.content += delta.content ?? "";
    if (!delta.content && !delta.reasoning_content && !delta.tool_calls) return;
    clock.first ||= performance.now();
    clock.pieces += 1;
  }

  const seconds = (milliseconds) => (milliseconds / 1000).toFixed(2);

  function waitingFor(clock) {
    return clock.first ? "" : words["js.play.waiting"].replace("{s}", Math.floor((performance.now() - clock.start) / 1000));
  }

  // The rate is the server's, so that it is the same number everywhere; an answer that was stopped has none.
  function figures({ start, first, usage, pieces, rate }) {
    if (!first) return "";
    const tokens = usage?.completion_tokens ?? pieces;
    const shown = rate == null ? "–" : rate.toFixed(1);
    return words["js.play.figures"].replace("{ttft}", seconds(first - start)).replace("{rate}", shown).replace("{tokens}", tokens);
  }

  // -- what is seen -------------------------------------------------------------------------------------------------
  function show(turn) {
    $("welcome").hidden = true;
    const node = $("turn-template").content.firstElementChild.cloneNode(true);
    const answer = node.querySelector(".answer");
    const thinking = node.querySelector(".thinking");
    node.dataset.role = turn.role;
    node.querySelector("h3").textContent = words[`js.play.${turn.role}`];
    box.append(node);
    const view = {
      figures: (text) => text && (node.querySelector(".figures").textContent = text),
      paint(turn) {
        const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
        if (turn.role === "user") plain(answer, turn);
        else renderMarkdown(answer, turn.content + (turn.tools ?? []).map(toolText).join(""));
        thinking.hidden = !turn.reasoning;
        if (turn.reasoning) renderMarkdown(thinking.querySelector("div"), turn.reasoning);
        node.querySelector(".turn-error").hidden = !turn.error;
        node.querySelector(".turn-error").textContent = turn.error ?? "";
        node.querySelector(".figures").textContent = turn.figures ?? "";
        if (atEnd) box.scrollTop = box.scrollHeight;
      },
    };
    view.paint(turn);
    box.scrollTop = box.scrollHeight;
    return view;
  }

  function plain(element, { content, images: pictures }) {
    element.textContent = content;
    for (const url of pictures ?? []) element.append(Object.assign(document.createElement("img"), { src: url, alt: words["js.play.image"] }));
  }

  function toolText({ name, arguments: text }) {
    let shown = text;
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {} // not complete yet
    return `\n\n**${words["js.play.tool"]}: ${name}**\n\n\`\`\`json\n${shown}\n\`\`\`\n`;
  }

  function state() {
    $("send").hidden = Boolean(running);
    $("stop").hidden = !running;
    box.setAttribute("aria-busy", Boolean(running));
    const last = box.querySelector(".turn:last-child");
    for (const button of box.querySelectorAll("[data-turn=again]")) {
      button.hidden = Boolean(running) || !last?.contains(button) || last.dataset.role !== "assistant";
    }
    $("image-button").hidden = !model.selectedOptions[0]?.hasAttribute("data-vision");
  }

  // A list in JSON, or nothing.
  function toolsAreFine() {
    let problem = "";
    try {
      if (!Array.isArray(JSON.parse(options().tools ?? "[]"))) problem = words["js.play.tools_list"];
    } catch (error) {
      problem = `${words["js.play.tools_list"]} (${error.message})`;
    }
    $("play-tools-error").hidden = !problem;
    $("play-tools-error").textContent = problem;
    return !problem;
  }

  // -- what a person does -------------------------------------------------------------------------------------------
  function say(text) {
    if (running || !text.trim() || !toolsAreFine()) return;
    if (!model.value) return toast(words["js.play.no_model"], "bad");
    const turn = { role: "user", content: text.trim(), images: images.splice(0) };
    turns.push(turn);
    show(turn);
    prompt.value = "";
    $("images").replaceChildren();
    save();
    ask();
  }

  $("composer").addEventListener("submit", () => say(prompt.value));
  prompt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // 229: an IME is at work
    event.preventDefault();
    say(prompt.value);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && running?.abort());
  $("stop").addEventListener("click", () => running?.abort());
  $("new-chat").addEventListener("click", () => {
    running?.abort();
    turns = [];
    box.replaceChildren($("welcome"));
    $("welcome").hidden = false;
    save();
    prompt.focus();
  });
  box.addEventListener("click", ({ target }) => {
    if (target.closest("[data-starter]")) return say(target.textContent);
    const action = target.closest("[data-turn]");
    if (!action) return undefined;
    const node = action.closest(".turn");
    const index = [...box.querySelectorAll(".turn")].indexOf(node);
    if (action.dataset.turn === "copy") return navigator.clipboard?.writeText(turns[index].content).then(() => toast(words["js.copied"], "good"));
    if (!toolsAreFine()) return undefined;
    turns.splice(index);
    node.remove();
    return ask();
  });
  $("image").addEventListener("change", ({ target }) => {
    for (const file of target.files) {
      const reader = new FileReader();
      reader.addEventListener("load", () => {
        images.push(reader.result);
        const item = document.createElement("li");
        item.append(Object.assign(document.createElement("img"), { src: reader.result, alt: file.name }));
        $("images").append(item);
      });
      reader.readAsDataURL(file);
    }
    target.value = "";
  });
  model.addEventListener("change", () => {
    save();
    state();
  });
  for (const field of document.querySelectorAll("[data-option]")) field.addEventListener("change", save);

  // -- the code -----------------------------------------------------------------------------------------------------
  function code(kind) {
    const base = `${location.protocol}//${location.hostname}:${model.selectedOptions[0]?.dataset.port ?? ""}/v1`;
    const history = turns.length ? turns.slice(0, turns.findLastIndex((turn) => turn.role === "user") + 1) : [];
    const body = request(history.length ? history : [{ role: "user", content: prompt.value || words["js.play.example"] }]);
    $("code-text").textContent = snippets[kind](base, body);
    for (const tab of document.querySelectorAll("[data-code]")) tab.setAttribute("aria-pressed", tab.dataset.code === kind);
  }

  $("show-code").addEventListener("click", () => {
    if (!toolsAreFine()) return;
    code("curl");
    $("code-dialog").showModal();
  });
  for (const tab of document.querySelectorAll("[data-code]")) tab.addEventListener("click", () => code(tab.dataset.code));

  // -- over a reload ------------------------------------------------------------------------------------------------
  function save() {
    try {
      sessionStorage.setItem(STORE, JSON.stringify({ turns, options: options(), model: model.value }));
    } catch {} // images may be more than the store takes; the conversation then lasts until the reload
  }

  const kept = JSON.parse(sessionStorage.getItem(STORE) ?? "{}");
  turns = kept.turns ?? [];
  turns.forEach(show);
  for (const field of document.querySelectorAll("[data-option]")) field.value ||= kept.options?.[field.dataset.option] ?? "";
  if (kept.model && [...model.options].some((option) => option.value === kept.model)) model.value = kept.model;
  state();
  prompt.disabled = $("send").disabled = false; // until here nothing would have heard a question
  document.addEventListener("htmx:sseMessage", state);
})();
