"use strict";
// The page's one event stream: an EventSource that is opened again after an error or a silence, with a growing pause
// between attempts, and the words in the side rail that say how it stands.
(() => {
  const messages = JSON.parse(document.getElementById("messages").textContent);
  const SILENCE_MS = 3000; // the server ticks every second
  const FIRST_PAUSE_MS = 500;
  const LONGEST_PAUSE_MS = 5000;

  class SteadySource extends EventTarget {
    #url;
    #source = null;
    #names = new Map();
    #pause = FIRST_PAUSE_MS;
    #retry = 0;
    #watchdog = 0;
    readyState = EventSource.CONNECTING; // never CLOSED: the htmx extension must not open a second one
    onopen = null;
    onerror = null;

    constructor(url) {
      super();
      this.#url = url;
      this.#open();
    }

    addEventListener(name, listener, options) {
      super.addEventListener(name, listener, options);
      if (!this.#names.has(name)) {
        this.#names.set(name, (event) => this.#pass(name, event));
        this.#source?.addEventListener(name, this.#names.get(name));
      }
    }

    close() {
      clearTimeout(this.#retry);
      clearTimeout(this.#watchdog);
      this.#source?.close();
      this.#source = null;
    }

    // Open anew at once: the server then sends every fragment again.
    renew() {
      this.close();
      this.#open();
    }

    #open() {
      const source = (this.#source = new EventSource(this.#url));
      this.#names.forEach((listener, name) => source.addEventListener(name, listener));
      source.onopen = (event) => {
        this.readyState = EventSource.OPEN;
        this.#watch();
        this.onopen?.(event);
      };
      source.addEventListener("tick", () => {
        this.#pause = FIRST_PAUSE_MS;
        show("live");
        this.#watch();
      });
      source.onerror = () => this.#lost();
      this.#watch();
    }

    #pass(name, event) {
      this.#watch();
      this.dispatchEvent(new MessageEvent(name, { data: event.data }));
    }

    #watch() {
      clearTimeout(this.#watchdog);
      this.#watchdog = setTimeout(() => this.#lost(), SILENCE_MS);
    }

    #lost() {
      this.close();
      this.readyState = EventSource.CONNECTING;
      show("lost");
      this.#retry = setTimeout(() => this.#open(), this.#pause);
      this.#pause = Math.min(this.#pause * 1.7, LONGEST_PAUSE_MS);
      fetch("/api/keys").then(({ status }) => status === 401 && location.reload(), () => {}); // the session has ended
    }
  }

  function show(state) {
    const link = document.getElementById("link");
    if (link.dataset.link === state) return;
    link.dataset.link = state;
    document.body.dataset.link = state;
    document.getElementById("link-text").textContent = messages[`js.link.${state}`];
  }

  let source = null;
  htmx.createEventSource = (url) => (source = new SteadySource(url));
  const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

  window.live = {
    size,
    messages,
    renew: () => source?.renew(),
    on: (name, listener) => source?.addEventListener(name, listener),
  };
  document.addEventListener("htmx:sseOpen", () => {
    source.addEventListener("layout", ({ data }) => data !== document.body.dataset.layout && location.reload());
  }, { once: true });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && source?.renew());

  // What a person is in the middle of survives a morph: unsaved fields, opened details, a button at work.
  Idiomorph.defaults.callbacks.beforeNodeRemoved = (node) => !(node instanceof Element && node.matches(".field-error"));
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) => !(node instanceof Element && node.matches("[data-keep]"));
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => {
    if (name === "data-dirty") return false;
    if (name === "data-all" || name === "data-filtered") return false;
    if (name === "checked" && node.matches("[data-pick]")) return false;
    if (name === "aria-pressed" && node.matches("[data-star]")) return false;
    if (name === "aria-invalid" || (name === "aria-describedby" && node.hasAttribute("aria-invalid"))) return false;
    if (name === "open" && node.matches("details")) return false;
    if ((name === "checked" || name === "value" || name === "selected") && node.closest("form[data-dirty]")) return false;
    if (name === "selected" && node.closest("[data-hold]")) return false;
    if (node.matches(".htmx-request, .htmx-request *") && name === "disabled") return false;
    return true;
  };
})();
