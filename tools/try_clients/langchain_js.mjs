// LangChain's JavaScript integrations for OpenAI and Ollama, on which n8n's nodes are built. Runs in the folder where
// they are installed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOllama, OllamaEmbeddings } from "@langchain/ollama";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";

const server = JSON.parse(process.env.SERVER);
const configuration = { baseURL: `${server.url}/v1` };
const openai = new ChatOpenAI({ model: server.chat, apiKey: "any", configuration, maxRetries: 0 });
const ollama = new ChatOllama({ model: server.chat, baseUrl: server.url, maxRetries: 0 });
const Service = z.object({ device: z.string(), port: z.number().int(), ready: z.boolean() });
const weather = tool(() => server.weather_result, {
  name: "get_weather",
  description: "Get the current weather of a city.",
  schema: z.object({ city: z.string() }),
});

async function chatAndStream(model) {
  const whole = await model.invoke(server.question);
  assert.match(whole.content, /OpenVINO/);
  let text = "";
  for await (const chunk of await model.stream(server.question)) text += chunk.content;
  assert.equal(text, whole.content);
}

async function tools(model, question, choice) {
  const asked = new HumanMessage(question);
  const answer = await model.bindTools([weather], choice).invoke([asked]);
  assert.deepEqual(Object.keys(answer.tool_calls[0].args), ["city"]);
  const result = await weather.invoke(answer.tool_calls[0]);
  const last = await model.bindTools([weather]).invoke([asked, answer, result]);
  assert.ok(last.content.includes(server.reported), last.content);
}

async function embed(embeddings) {
  const vectors = await embeddings.embedDocuments(["one", "two"]);
  assert.deepEqual(vectors.map((vector) => vector.length), [server.dimensions, server.dimensions]);
}

const tasks = {
  "ChatOpenAI chat and stream": () => chatAndStream(openai),
  "ChatOpenAI tools": () => tools(openai, server.weather_question, { tool_choice: "required" }),
  "ChatOpenAI structured output": async () =>
    Service.parse(await openai.withStructuredOutput(Service).invoke(server.question)),
  OpenAIEmbeddings: () => embed(new OpenAIEmbeddings({ model: server.embed, apiKey: "any", configuration })),
  "ChatOllama chat and stream": () => chatAndStream(ollama),
  "ChatOllama tools": () => tools(ollama, server.calling_question),
  "ChatOllama structured output": async () =>
    Service.parse(await ollama.withStructuredOutput(Service, { method: "jsonSchema" }).invoke(server.question)),
  OllamaEmbeddings: () => embed(new OllamaEmbeddings({ model: server.embed, baseUrl: server.url })),
};

async function requestsAndTokens() {
  const stats = await (await fetch(`${server.url}/model/stats?model=${server.chat}`)).json();
  return [stats.requests, stats.prompt_tokens];
}

function version(name) {
  const file = new URL(`node_modules/@langchain/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf-8")).version;
}

const results = {};
for (const [name, task] of Object.entries(tasks)) {
  const began = performance.now();
  const before = await requestsAndTokens();
  let failure = null;
  try {
    await task();
  } catch (error) {
    failure = error.stack;
  }
  const after = await requestsAndTokens();
  const seconds = (performance.now() - began) / 1000;
  results[name] = { error: failure, seconds, requests: after[0] - before[0], tokens: after[1] - before[1] };
}
const versions = Object.fromEntries(["core", "openai", "ollama"].map((name) => [`@langchain/${name}`, version(name)]));
console.log(JSON.stringify({ versions, results }));
