// Settings beside the conversation, presets of them, and what of them is active where one cannot overlook it.
import { call, newId, say, words } from "./words.js";
import { ask } from "./naming.js";

const $ = (id) => document.getElementById(id);
const panel = $("options");
const fields = [...document.querySelectorAll("[data-option]")];
const labels = { system: "play-system", temperature: "play-temperature", top_p: "play-top-p", max_tokens: "play-max", seed: "play-seed", tools: "play-tools", size: "draw-size", steps: "draw-steps", guidance_scale: "draw-guidance", draw_seed: "draw-seed", negative_prompt: "draw-negative" };
const CLOSED = "options-closed";
const WIDE = 1700; // pixels from which the panel has a place of its own

export class Options {
  #presets = [];
  #kind = "chats";

  constructor(changed) {
    this.changed = changed;
    for (const field of fields) field.addEventListener("input", () => this.#changed());
    $("show-options").addEventListener("click", () => this.toggle(panel.hidden));
    $("hide-options").addEventListener("click", () => this.toggle(false));
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.toggle(false);
    });
    $("preset").addEventListener("change", () => this.#usePreset());
    $("save-preset").addEventListener("click", () => this.#savePreset());
    $("delete-preset").addEventListener("click", () => this.#deletePreset());
    if (innerWidth >= WIDE && !localStorage.getItem(CLOSED)) this.#open(true);
    this.#loadPresets();
  }

  toggle(open) {
    if (open) localStorage.removeItem(CLOSED);
    else localStorage.setItem(CLOSED, "1");
    this.#open(open);
    (open ? $("preset") : $("show-options")).focus();
  }

  #open(open) {
    panel.hidden = !open;
    $("play").toggleAttribute("data-options", open);
    $("show-options").setAttribute("aria-expanded", open);
  }

  get values() {
    const chosen = {};
    for (const field of fields) {
      const text = field.value.trim();
      if (text) chosen[field.dataset.option] = field.type === "number" ? Number(text) : text;
    }
    return chosen;
  }

  fill(values) {
    for (const field of fields) field.value = values[field.dataset.option] ?? "";
    $("preset").value = "";
    this.#paint();
  }

  // What a model of this kind takes: `chats` or `draws`.
  suit(kind) {
    this.#kind = kind;
    for (const part of panel.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== kind;
    this.#paint();
  }

  // Whether all that is set can be sent; says what cannot.
  check() {
    const problem = this.#toolsProblem();
    $("play-tools-error").hidden = !problem;
    $("play-tools-error").textContent = problem;
    const wrong = fields.find((field) => !field.checkValidity() && !field.closest("[data-for]")?.hidden);
    if (!problem && !wrong) return true;
    this.#open(true);
    if (problem) {
      $("tools-fold").open = true;
      $("play-tools").focus();
    } else wrong.reportValidity();
    return false;
  }

  #toolsProblem() {
    if (this.#kind !== "chats") return "";
    try {
      return Array.isArray(JSON.parse($("play-tools").value.trim() || "[]")) ? "" : words["js.play.tools_list"];
    } catch (error) {
      return `${words["js.play.tools_list"]} (${error.message})`;
    }
  }

  #changed() {
    $("preset").value = "";
    this.#paint();
    this.changed();
  }

  #paint() {
    const { tools } = this.values;
    let count = 0;
    try {
      count = JSON.parse(tools ?? "[]").length ?? 0;
    } catch {} // not complete yet
    $("tools-count").hidden = !count;
    $("tools-count").textContent = say("js.play.tools_active", { n: count });
    if (count) $("tools-fold").open = true;
    $("delete-preset").hidden = !this.#own($("preset").value);
    $("active-options").replaceChildren(...this.#active(count).map((text) => this.#chip(text)));
  }

  // Each setting that differs from the model's own, in a few words.
  #active(tools) {
    return fields
      .filter((field) => field.value.trim() && !field.closest("[data-for]")?.hidden)
      .map((field) => {
        const name = field.dataset.option;
        const label = document.querySelector(`label[for="${labels[name]}"]`).textContent;
        if (name === "tools") return tools ? say("js.play.tools_active", { n: tools }) : label;
        return name === "system" || name === "negative_prompt" ? label : `${label} ${field.value}`;
      });
  }

  #chip(text) {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "badge", textContent: text });
    button.addEventListener("click", () => this.toggle(true));
    item.append(button);
    return item;
  }

  // -- presets --------------------------------------------------------------------------------------------------------
  #own = (value) => this.#presets.find(({ id }) => `own:${id}` === value);

  async #loadPresets(chosen = "") {
    this.#presets = (await call("GET", "/api/chat_presets").catch(() => ({ presets: [] }))).presets;
    $("own-presets").hidden = !this.#presets.length;
    $("own-presets").replaceChildren(...this.#presets.map(({ id, name }) => new Option(name, `own:${id}`)));
    $("preset").value = chosen;
    $("delete-preset").hidden = !this.#own(chosen);
  }

  #usePreset() {
    const { value, selectedOptions } = $("preset");
    const own = this.#own(value);
    const system = selectedOptions[0].dataset.system;
    if (own) this.fill(own.options);
    else if (system) {
      $("play-system").value = system;
    } else this.fill({});
    $("preset").value = value;
    this.#paint();
    this.changed();
  }

  async #savePreset() {
    const known = this.#own($("preset").value);
    const name = await ask(words["js.play.preset_name"], known?.name ?? "");
    if (!name) return;
    const same = this.#presets.find((preset) => preset.name === name);
    const id = same?.id ?? newId();
    try {
      await call("PUT", `/api/chat_presets/${id}`, { name, options: this.values });
      await this.#loadPresets(`own:${id}`);
      toast(words["js.play.preset_saved"], "good");
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  async #deletePreset() {
    const preset = this.#own($("preset").value);
    try {
      await call("DELETE", `/api/chat_presets/${preset.id}`);
    } catch (error) {
      toast(error.message, "bad");
    }
    await this.#loadPresets();
    $("preset").focus();
  }
}
