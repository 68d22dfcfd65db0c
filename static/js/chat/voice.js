// The microphone, whose recording a model transcribes, and answers that a model reads aloud.
import { call, language, say, send, words } from "./words.js";

const $ = (id) => document.getElementById(id);
const RATE = 24_000; // samples a second of the format pcm
const LONGEST_TEXT = 3500; // of the 4096 characters that one request may have
const MOST_SECONDS = 600;
const VOICE = "voice";

const modelFor = (task) => $("audio-models").querySelector(`[data-audio=${task}]`);
export const canSpeak = () => Boolean(modelFor("speech"));

// -- the microphone ---------------------------------------------------------------------------------------------------
export class Microphone {
  #recorder = null;
  #timer = 0;

  constructor(heard) {
    this.heard = heard;
    $("record").addEventListener("click", () => (this.#recorder ? this.#recorder.stop() : this.#record()));
  }

  suit() {
    $("record").hidden = !modelFor("transcription") && !this.#recorder;
  }

  async #record() {
    // Browsers give the microphone to pages of this machine or over TLS only.
    if (!navigator.mediaDevices) return toast(words["js.play.no_microphone_here"], "bad");
    let source;
    try {
      source = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      return toast(words["js.play.no_microphone"], "bad");
    }
    const pieces = [];
    const recorder = (this.#recorder = new MediaRecorder(source));
    recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
    recorder.addEventListener("stop", () => {
      source.getTracks().forEach((track) => track.stop());
      this.#recorder = null;
      clearInterval(this.#timer);
      this.#transcribe(new Blob(pieces, { type: recorder.mimeType }));
    });
    recorder.start();
    const start = performance.now();
    const tick = () => {
      const seconds = Math.floor((performance.now() - start) / 1000);
      this.#show(say("js.play.recording", { s: seconds }));
      if (seconds >= MOST_SECONDS) recorder.stop();
    };
    this.#timer = setInterval(tick, 500);
    tick();
    $("record").setAttribute("aria-pressed", "true");
    return undefined;
  }

  async #transcribe(recording) {
    $("record").setAttribute("aria-pressed", "false");
    $("record").disabled = true;
    this.#show(words["js.play.transcribing"]);
    try {
      const text = (await this.#ask(recording)).trim();
      if (text) this.heard(text);
      else toast(words["js.play.nothing_heard"], "bad");
    } catch (error) {
      toast(error.message, "bad");
    }
    this.#show("");
    $("record").disabled = false;
    this.suit();
  }

  async #ask(recording, spoken) {
    const model = modelFor("transcription");
    if (!model) throw new Error(words["js.play.no_transcription"]);
    const form = new FormData();
    form.append("file", recording, `speech.${/ogg|mp4/.exec(recording.type)?.[0] ?? "webm"}`);
    form.append("model", model.getAttribute("value"));
    if (spoken) form.append("language", spoken);
    try {
      return (await (await send("POST", `/api/playground/${model.dataset.device}/transcriptions`, form)).json()).text;
    } catch (error) {
      // An NPU cannot tell languages apart: then it is the page's.
      if (error.param !== "language" || spoken) throw error;
      return this.#ask(recording, language.slice(0, 2));
    }
  }

  #show(text) {
    $("recording").textContent = text;
    $("recording").hidden = !text;
  }
}

// -- reading aloud ----------------------------------------------------------------------------------------------------
export class Reader {
  #stop = null;
  #button = null;
  #model = ""; // whose voices are offered

  constructor() {
    $("play-voice").addEventListener("change", ({ target }) => localStorage.setItem(VOICE, target.value));
  }

  // Offer the voices of the model that speaks, where it has more than one.
  async suit() {
    const model = modelFor("speech");
    const id = model?.getAttribute("value") ?? "";
    if (id === this.#model) return;
    this.#model = id;
    const answer = id && (await call("GET", `/api/playground/${model.dataset.device}/voices?${new URLSearchParams({ model: id })}`).catch(() => null));
    const names = (answer?.voices ?? []).map((voice) => voice.id);
    $("play-voice").replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(localStorage.getItem(VOICE))) $("play-voice").value = localStorage.getItem(VOICE);
    $("voice-field").hidden = names.length < 2;
  }

  // Read the text of an element; a second press of its button ends that.
  async toggle(button, element) {
    const same = button === this.#button;
    this.#stop?.abort();
    if (same) return;
    const stop = (this.#stop = new AbortController());
    this.#button = button;
    button.setAttribute("aria-pressed", "true");
    const player = new Player();
    stop.signal.addEventListener("abort", () => player.close());
    try {
      for (const text of portions(spokenText(element))) await player.take(await this.#ask(text, stop.signal), stop.signal);
      await player.end(stop.signal);
    } catch (error) {
      if (error.name !== "AbortError") toast(error.message, "bad");
    }
    player.close();
    button.setAttribute("aria-pressed", "false");
    if (this.#button === button) this.#button = this.#stop = null;
  }

  async #ask(text, signal) {
    const model = modelFor("speech");
    if (!model) throw new Error(words["js.play.no_speech"]);
    const body = { model: model.getAttribute("value"), input: text, response_format: "pcm", stream_format: "audio", voice: $("play-voice").value || "alloy" }; // which every model takes for its own
    return (await send("POST", `/api/playground/${model.dataset.device}/speech`, JSON.stringify(body), signal)).body;
  }
}

// What is said of an answer: its text without code and formulas.
function spokenText(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll(".code-block, [data-math]").forEach((part) => part.remove());
  for (const part of copy.querySelectorAll("p, li, h1, h2, h3, h4, tr")) part.append(". ");
  return copy.textContent.replace(/([.。!！?？:：])\s*\. /g, "$1 ").replace(/\s+/g, " ").trim();
}

function* portions(text) {
  while (text.length > LONGEST_TEXT) {
    const end = Math.max(...["。", ". ", "！", "？", "! ", "? "].map((mark) => text.lastIndexOf(mark, LONGEST_TEXT))) + 1 || LONGEST_TEXT;
    yield text.slice(0, end);
    text = text.slice(end);
  }
  if (text.trim()) yield text;
}

// Plays 16-bit samples as they come, one piece right behind the other.
class Player {
  #context = new AudioContext({ sampleRate: RATE });
  #next = 0;
  #last = null;

  async take(stream, signal) {
    let odd = new Uint8Array(0);
    for await (const bytes of pieces(stream)) {
      signal.throwIfAborted();
      const data = new Uint8Array(odd.length + bytes.length);
      data.set(odd);
      data.set(bytes, odd.length);
      const even = data.length - (data.length % 2);
      odd = data.slice(even);
      if (even) this.#play(new Int16Array(data.buffer, 0, even / 2));
    }
  }

  #play(samples) {
    const buffer = this.#context.createBuffer(1, samples.length, RATE);
    buffer.getChannelData(0).set(Float32Array.from(samples, (sample) => sample / 32768));
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    this.#next = Math.max(this.#next, this.#context.currentTime + 0.05);
    source.start(this.#next);
    this.#next += buffer.duration;
    this.#last = source;
  }

  // Once the last piece has been heard.
  end(signal) {
    return new Promise((resolve) => {
      if (!this.#last || signal.aborted) return resolve();
      this.#last.addEventListener("ended", resolve, { once: true });
      return signal.addEventListener("abort", resolve, { once: true });
    });
  }

  close() {
    if (this.#context.state !== "closed") this.#context.close();
  }
}

async function* pieces(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
