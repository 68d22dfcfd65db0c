// Runs one answer: asks the model, takes what comes into the message, and says why there is nothing where that is so.
import { chatBody, pictureBody } from "./request.js";
import { events } from "./stream.js";
import { say, words } from "./words.js";

// A page that is being left loses its connections first: that is no failure of the model.
let leaving = false;
addEventListener("beforeunload", () => {
  leaving = true;
  setTimeout(() => (leaving = false), 3000);
});

const seconds = (milliseconds) => (milliseconds / 1000).toFixed(2);

// `changed` is called with every piece. The AbortController of `signal` ends it.
export async function writeAnswer({ message, path, model, device, options, images, continued, signal, changed }) {
  const clock = { start: performance.now(), first: 0, last: 0, usage: null, rate: null, pieces: 0 };
  const details = message.details;
  delete details.error;
  delete details.finish;
  const waiting = setInterval(() => {
    if (clock.first) return;
    message.waiting = say("js.play.waiting", { s: Math.floor((performance.now() - clock.start) / 1000) });
    changed();
  }, 500);
  try {
    const body = { ...chatBody(model, path, options, { images, continued }), stream_options: { include_usage: true } };
    for await (const chunk of events(`/api/playground/${device}`, body, signal)) {
      if (chunk.comment !== undefined) continue;
      take(message, chunk, clock);
      changed();
    }
    details.finish ??= "stop";
    details.figures = figures(clock);
  } catch (error) {
    if (leaving) return;
    details.finish = error.name === "AbortError" ? "stopped" : "failed";
    if (error.name === "AbortError") details.figures = [figures(clock), words["js.play.stopped"]].filter(Boolean).join(" · ");
    else details.error = error.message;
  } finally {
    clearInterval(waiting);
    delete message.waiting;
    if (details.reasoning && !details.thought) details.thought = clock.last - clock.first;
    if (clock.usage) details.tokens = clock.usage.completion_tokens;
  }
}

function take(message, chunk, clock) {
  const details = message.details;
  if (chunk.usage) clock.usage = chunk.usage;
  if (chunk.timings) clock.rate = chunk.timings.predicted_per_second;
  const choice = chunk.choices?.[0] ?? {};
  const delta = choice.delta ?? {};
  if (choice.finish_reason) details.finish = choice.finish_reason;
  for (const call of delta.tool_calls ?? []) {
    const known = ((details.calls ??= [])[call.index ?? 0] ??= { id: "", name: "", arguments: "" });
    known.id ||= call.id ?? "";
    known.name += call.function?.name ?? "";
    known.arguments += call.function?.arguments ?? "";
  }
  if (!delta.content && !delta.reasoning_content && !delta.tool_calls) return;
  clock.last = performance.now();
  clock.first ||= clock.last;
  clock.pieces += 1;
  if (delta.reasoning_content) details.reasoning = (details.reasoning ?? "") + delta.reasoning_content;
  else if (details.reasoning && !details.thought) details.thought = clock.last - clock.first;
  message.content += delta.content ?? "";
}

// The rate is the server's own where it tells one, so that it is the same number everywhere; an answer that was stopped
// has none.
function figures({ start, first, last, usage, pieces, rate }) {
  if (!first) return "";
  const tokens = usage?.completion_tokens ?? pieces;
  // An answer that arrives in one go says nothing of its speed: then the whole time counts.
  const seen = last - first > 100 ? ((tokens - 1) * 1000) / (last - first) : (tokens * 1000) / Math.max(last - start, 1);
  const shown = rate ?? (usage ? seen : null);
  return say("js.play.figures", { ttft: seconds(first - start), rate: shown == null ? "–" : shown.toFixed(1), tokens });
}

export async function drawPicture({ message, prompt, model, device, options, signal, changed }) {
  const details = message.details;
  const start = performance.now();
  message.drawing = { step: 0, steps: 0 };
  changed();
  try {
    for await (const event of events(`/api/playground/${device}/images`, pictureBody(model, prompt, options), signal)) {
      const [, step, steps] = /^step (\d+) of (\d+)/.exec(event.comment ?? "") ?? [];
      if (steps) Object.assign(message.drawing, { step: Number(step), steps: Number(steps) });
      if (event.b64_json) details.files = [{ kind: "image", name: "picture.png", url: `data:image/png;base64,${event.b64_json}` }];
      changed();
    }
    details.finish = "stop";
    details.figures = say("js.play.drawn", { s: ((performance.now() - start) / 1000).toFixed(1) });
  } catch (error) {
    if (leaving) return;
    details.finish = error.name === "AbortError" ? "stopped" : "failed";
    if (error.name === "AbortError") details.figures = words["js.play.stopped"];
    else details.error = error.message;
  } finally {
    delete message.drawing;
  }
}

// What a person should know of how an answer ended; "" where it is there and whole.
export function noteOf({ content, details: { finish, reasoning, calls, tokens, error, files } }) {
  if (error || calls?.length || files?.length) return "";
  if (content) return finish === "length" ? words["js.play.cut_length"] : finish ? "" : words["js.play.interrupted"];
  if (finish === "length") return say(reasoning ? "js.play.blank_reasoning" : "js.play.blank_length", { tokens: tokens ?? "?" });
  if (finish === "stopped") return words["js.play.blank_stopped"];
  if (!finish) return words["js.play.interrupted"];
  return words[reasoning ? "js.play.blank_thought" : "js.play.blank"];
}
