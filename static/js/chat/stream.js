// The documents of a stream of server-sent events; a comment comes as {comment}.
import { send, words } from "./words.js";

export async function* events(url, body, signal) {
  const answer = await send("POST", url, JSON.stringify(body), signal);
  let pending = "";
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const lines = (pending + text).split("\n");
    pending = lines.pop();
    for (const line of lines) {
      if (line.startsWith(":")) yield { comment: line.slice(1).trim() };
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const document = JSON.parse(data);
      if (document.error) throw new Error(document.error.message);
      yield document;
      if (document.type?.endsWith(".completed")) return;
    }
  }
  throw new Error(words["js.play.cut"]);
}
