// Vercel's AI SDK with its provider for OpenAI-compatible servers, unchanged.

import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { City, Service, facts, run } from "./tasks.mjs";

const provider = createOpenAICompatible({
  name: "openvino",
  baseURL: `${facts.url}/v1`,
  apiKey: "any",
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const model = provider(facts.chat);
const ask = { model, prompt: facts.question, maxRetries: 0 };
const description = "Get the current weather of a city.";
const get_weather = tool({ description, inputSchema: City, execute: () => JSON.parse(facts.weather_result) });
const get_weather_later = tool({ description, inputSchema: City });

await run({
  async chat() {
    const answer = await generateText(ask);
    assert.match(answer.text, /OpenVINO/);
    assert.equal(answer.finishReason, "stop");
  },

  async stream() {
    const whole = await generateText(ask);
    const result = streamText(ask);
    let text = "";
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, whole.text);
    assert.equal((await result.usage).outputTokens, whole.usage.outputTokens);
  },

  async tool_round_trip() {
    // The first step must call; the SDK runs the tool and asks again for the answer.
    const prepareStep = ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "auto" });
    const steps = { prepareStep, stopWhen: stepCountIs(2) };
    const request = { ...ask, ...steps, prompt: facts.weather_question, tools: { get_weather } };
    const answer = await generateText(request);
    assert.equal(answer.steps[0].toolCalls[0].toolName, "get_weather");
    assert.ok(answer.text.includes(facts.reported), answer.text);
    assert.equal(await streamText(request).text, answer.text);
  },

  async parallel_calls() {
    const prompt = facts.two_cities_question;
    const offered = { get_weather: get_weather_later };
    const { toolCalls } = await generateText({ ...ask, prompt, tools: offered, toolChoice: "required" });
    assert.equal(toolCalls.length, 2);
    for (const call of toolCalls) City.parse(call.input);
  },

  async structured_output() {
    const { output } = await generateText({ ...ask, output: Output.object({ schema: Service }) });
    assert.deepEqual(Service.parse(output), output);
    const streamed = streamText({ ...ask, output: Output.object({ schema: Service }) });
    Service.parse(await streamed.output);
  },

  async embeddings() {
    const embedding = provider.textEmbeddingModel(facts.embed);
    const { embeddings } = await embedMany({ model: embedding, values: ["one", "two"] });
    assert.deepEqual(embeddings.map((vector) => vector.length), [facts.dimensions, facts.dimensions]);
  },

  async errors() {
    await assert.rejects(generateText({ ...ask, model: provider("nobody") }), (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.equal(error.statusCode, 404);
      assert.equal(error.isRetryable, false);
      assert.match(error.message, /model 'nobody' not found/);
      return true;
    });
  },
});
