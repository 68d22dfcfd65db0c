// The official JavaScript client of OpenAI, unchanged.

import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { City, Service, facts, run } from "./tasks.mjs";

const client = new OpenAI({ baseURL: `${facts.url}/v1`, apiKey: "any", maxRetries: 0 });
const model = facts.chat;
const messages = [{ role: "user", content: facts.question }];
const description = "Get the current weather of a city.";
const tools = [zodFunction({ name: "get_weather", description, parameters: City })];
const completions = client.chat.completions;

function city(call) {
  assert.equal(call.function.name, "get_weather");
  return City.parse(JSON.parse(call.function.arguments));
}

await run({
  async chat() {
    const answer = await completions.create({ model, messages });
    assert.match(answer.choices[0].message.content, /OpenVINO/);
    assert.equal(answer.choices[0].finish_reason, "stop");
  },

  async stream() {
    const whole = await completions.create({ model, messages });
    const stream = completions.stream({ model, messages, stream_options: { include_usage: true } });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    assert.equal(text, whole.choices[0].message.content);
    assert.deepEqual((await stream.totalUsage()).completion_tokens, whole.usage.completion_tokens);
  },

  async tool_round_trip() {
    const asked = [{ role: "user", content: facts.weather_question }];
    const demand = { tool_choice: "required", parallel_tool_calls: false };
    const first = await completions.create({ model, messages: asked, tools, ...demand });
    const turn = first.choices[0].message;
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    city(turn.tool_calls[0]);
    const result = { role: "tool", tool_call_id: turn.tool_calls[0].id, content: facts.weather_result };
    const answer = await completions.create({ model, messages: [...asked, turn, result], tools });
    assert.ok(answer.choices[0].message.content.includes(facts.reported));
  },

  async parallel_calls() {
    const asked = [{ role: "user", content: facts.two_cities_question }];
    const stream = completions.stream({ model, messages: asked, tools, tool_choice: "required" });
    const calls = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    assert.equal(calls.length, 2);
    calls.forEach(city);
    assert.notEqual(calls[0].id, calls[1].id);
  },

  async structured_output() {
    const chat = await completions.parse({ model, messages, response_format: zodResponseFormat(Service, "service") });
    assert.deepEqual(Service.parse(chat.choices[0].message.parsed), chat.choices[0].message.parsed);
    const text = { format: zodTextFormat(Service, "service") };
    const response = await client.responses.parse({ model, input: facts.question, text });
    assert.deepEqual(Service.parse(response.output_parsed), response.output_parsed);
  },

  async embeddings() {
    const answer = await client.embeddings.create({ model: facts.embed, input: ["one", "two"] });
    assert.deepEqual(answer.data.map((each) => each.embedding.length), [facts.dimensions, facts.dimensions]);
  },

  async transcription() {
    const speech = await client.audio.speech.create({ model: facts.speaks, input: "Hi.", voice: "alloy", response_format: "wav" });
    const sound = async () => toFile(Buffer.from(await speech.clone().arrayBuffer()), "speech.wav");
    const asked = { model: facts.hears, language: "en" };
    const answer = await client.audio.transcriptions.create({ ...asked, file: await sound() });
    assert.equal(answer.usage.type, "duration");
    let last;
    for await (const event of await client.audio.transcriptions.create({ ...asked, file: await sound(), stream: true })) {
      last = event;
    }
    assert.equal(last.type, "transcript.text.done");
    assert.equal(last.text, answer.text);
    const verbose = { ...asked, response_format: "verbose_json", timestamp_granularities: ["segment"] };
    assert.equal((await client.audio.transcriptions.create({ ...verbose, file: await sound() })).text, answer.text);
    const translated = await client.audio.translations.create({ model: facts.hears, file: await sound() });
    assert.equal(typeof translated.text, "string");
  },

  async speech() {
    const speech = await client.audio.speech.create({ model: facts.speaks, input: "Hi.", voice: "alloy" });
    assert.equal(speech.headers.get("content-type"), "audio/mpeg");
    assert.ok((await speech.arrayBuffer()).byteLength > 0);
    const streamed = await client.audio.speech.create({
      model: facts.speaks, input: "One. Two.", voice: "alloy", response_format: "pcm", stream_format: "sse",
    });
    const events = (await streamed.text()).split("\n\n").filter(Boolean);
    const kinds = events.map((event) => JSON.parse(event.slice("data: ".length)).type);
    assert.equal(kinds.pop(), "speech.audio.done");
    assert.deepEqual([...new Set(kinds)], ["speech.audio.delta"]);
  },

  async images() {
    const asked = { model: facts.draws, prompt: "a cat", size: "64x64", seed: 3, steps: 4 };
    const answer = await client.images.generate(asked);
    assert.equal(answer.data.length, 1);
    const kinds = [];
    let last;
    for await (const event of await client.images.generate({ ...asked, stream: true, partial_images: 1 })) {
      kinds.push(event.type);
      last = event;
    }
    assert.equal(kinds.pop(), "image_generation.completed");
    // A picture that is soon finished may come before the one on the way.
    assert.ok(kinds.every((kind) => kind === "image_generation.partial_image"));
    assert.equal(last.b64_json, answer.data[0].b64_json);
    const image = await toFile(Buffer.from(answer.data[0].b64_json, "base64"), "cat.png", { type: "image/png" });
    const edited = await client.images.edit({ model: facts.draws, image, prompt: "a dog", steps: 4 });
    assert.ok(edited.data[0].b64_json);
    const varied = await client.images.createVariation({ model: facts.draws, image, n: 1 });
    assert.ok(varied.data[0].b64_json);
  },

  async models() {
    const ids = [];
    for await (const each of client.models.list()) ids.push(each.id);
    assert.ok(ids.includes(facts.chat) && ids.includes(facts.embed));
    assert.equal((await client.models.retrieve(facts.chat)).id, facts.chat);
  },

  async errors() {
    await assert.rejects(completions.create({ model: "nobody", messages }), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, "model_not_found");
      assert.match(error.message, /model 'nobody' not found/);
      return true;
    });
    await assert.rejects(completions.create({ model, messages, temperature: 9, stream: true }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, "temperature");
      return true;
    });
  },
});
