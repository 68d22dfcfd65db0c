// What a model is sent of a chat.
const blank = ({ role, content, details }) => role === "assistant" && !content && !details.calls?.length;
const failed = (message) => message && blank(message) && message.details.error;

function textOf({ content, details }) {
  const documents = (details.files ?? []).filter(({ kind }) => kind === "text");
  return [...documents.map(({ name, text }) => `<document name="${name}">\n${text}\n</document>`), content].filter(Boolean).join("\n\n");
}

function userMessage(message, { images, bare }) {
  if (bare) return { role: "user", content: message.content };
  const text = textOf(message);
  const pictures = (message.details.files ?? []).filter(({ kind }) => kind === "image" && images);
  if (!pictures.length) return { role: "user", content: text };
  return { role: "user", content: [{ type: "text", text }, ...pictures.map(({ url }) => ({ type: "image_url", image_url: { url } }))] };
}

function assistantMessage({ content, details }, last) {
  const calls = (details.calls ?? []).map(({ id, name, arguments: text }) => ({ id, type: "function", function: { name, arguments: text } }));
  return {
    role: "assistant",
    content,
    ...(calls.length && { tool_calls: calls }),
    ...(last && details.reasoning && { reasoning_content: details.reasoning }),
  };
}

// A question whose answer failed is sent again without its files: a bad one must not fail all that follows.
export function messagesOf(path, { images = true, system = "", continued = false } = {}) {
  const messages = path.flatMap((message, index) => {
    if (blank(message)) return []; // an answer that failed, or a picture
    if (message.role === "user") return [userMessage(message, { images, bare: failed(path[index + 1]) })];
    if (message.role === "tool") return [{ role: "tool", tool_call_id: message.details.call, content: message.content }];
    return [assistantMessage(message, continued && index === path.length - 1)];
  });
  return system ? [{ role: "system", content: system }, ...messages] : messages;
}

export function chatBody(model, path, options, { images, continued } = {}) {
  const { system, tools, temperature, top_p, max_tokens, seed } = options;
  const sampling = Object.fromEntries(Object.entries({ temperature, top_p, max_tokens, seed }).filter(([, value]) => value !== undefined));
  return {
    model,
    messages: messagesOf(path, { images, system, continued }),
    ...sampling,
    ...(tools && { tools: JSON.parse(tools) }),
    ...(continued && { continue_final_message: true }),
    stream: true,
  };
}

export function pictureBody(model, prompt, { size, steps, guidance_scale, draw_seed, negative_prompt }) {
  const asked = { size, steps, guidance_scale, seed: draw_seed, negative_prompt };
  return { model, prompt, ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)), stream: true, partial_images: 3 };
}
