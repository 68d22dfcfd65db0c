// The request that the playground sends, as a program would write it.
const python = (value, indent = "") => {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return value.length ? `[\n${value.map((item) => `${indent}    ${python(item, indent + "    ")},\n`).join("")}${indent}]` : "[]";
  if (typeof value === "object") return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item, indent)}`).join(", ")}}`;
  return JSON.stringify(value);
};

export const snippets = {
  curl: (base, body) => `curl -N ${base}/chat/completions \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`,
  python: (base, body) => [
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${base}", api_key="openvino")`,
    "stream = client.chat.completions.create(",
    ...Object.entries(body).map(([key, value]) => `    ${key}=${python(value, "    ")},`),
    ")",
    "for chunk in stream:",
    "    if chunk.choices:",
    '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
  ].join("\n"),
  javascript: (base, body) => [
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: "${base}", apiKey: "openvino" });`,
    `const stream = await client.chat.completions.create(${JSON.stringify(body, null, 2)});`,
    'for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");',
  ].join("\n"),
};

const STANDARD = ["model", "prompt", "size"];

export const pictureSnippets = {
  curl: (base, body) => `curl ${base}/images/generations \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`,
  python: (base, body) => {
    const extra = Object.entries(body).filter(([key]) => !STANDARD.includes(key));
    return [
      "import base64",
      "from openai import OpenAI",
      "",
      `client = OpenAI(base_url="${base}", api_key="openvino")`,
      "answer = client.images.generate(",
      ...Object.entries(body).filter(([key]) => STANDARD.includes(key)).map(([key, value]) => `    ${key}=${python(value, "    ")},`),
      ...(extra.length ? [`    extra_body=${python(Object.fromEntries(extra), "    ")},`] : []),
      ")",
      'with open("picture.png", "wb") as file:',
      "    file.write(base64.b64decode(answer.data[0].b64_json))",
    ].join("\n");
  },
  javascript: (base, body) => [
    'import OpenAI from "openai";',
    'import { writeFileSync } from "node:fs";',
    "",
    `const client = new OpenAI({ baseURL: "${base}", apiKey: "openvino" });`,
    `const answer = await client.images.generate(${JSON.stringify(body, null, 2)});`,
    'writeFileSync("picture.png", Buffer.from(answer.data[0].b64_json, "base64"));',
  ].join("\n"),
};
