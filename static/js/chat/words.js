// The page's texts, and calls of its own API.
export const words = live.messages;
export const language = document.documentElement.lang;

export const say = (key, values = {}) => Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), words[key]);

// The JSON that the API answers. Raises an Error whose message is a sentence for the reader.
export async function call(method, url, body, signal) {
  const answer = await send(method, url, body === undefined ? undefined : JSON.stringify(body), signal);
  return answer.json();
}

export async function send(method, url, body, signal, type = "application/json") {
  let answer;
  const headers = body === undefined || body instanceof FormData ? {} : { "Content-Type": type };
  try {
    answer = await fetch(url, { method, headers, body, signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error(words["js.unreachable"]);
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => null);
    const error = new Error(problem?.error?.message ?? say("js.failed", { status: answer.status }));
    throw Object.assign(error, { status: answer.status, param: problem?.error?.param });
  }
  return answer;
}

// Not crypto.randomUUID: that one is missing where the page is reached by plain HTTP over a network.
export const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
