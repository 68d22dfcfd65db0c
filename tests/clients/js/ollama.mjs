// The official JavaScript client of Ollama, unchanged.

import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { z } from "zod";
import { City, Service, facts, run } from "./tasks.mjs";

const client = new Ollama({ host: facts.url });
const model = facts.chat;
const messages = [{ role: "user", content: facts.question }];
const { $schema, additionalProperties, ...parameters } = z.toJSONSchema(City);
const description = "Get the current weather of a city.";
const tools = [{ type: "function", function: { name: "get_weather", description, parameters } }];

function city(call) {
  assert.equal(call.function.name, "get_weather");
  return City.parse(call.function.arguments);
}

await run({
  async chat() {
    const answer = await client.chat({ model, messages });
    assert.match(answer.message.content, /OpenVINO/);
    assert.equal(answer.done_reason, "stop");
    const generated = await client.generate({ model, prompt: facts.question });
    assert.equal(generated.response, answer.message.content);
  },

  async stream() {
    const whole = await client.chat({ model, messages });
    let text = "";
    let last;
    for await (const line of await client.chat({ model, messages, stream: true })) {
      text += line.message.content;
      last = line;
    }
    assert.equal(text, whole.message.content);
    assert.ok(last.done && last.eval_count > 0);
  },

  async tool_round_trip() {
    const asked = [{ role: "user", content: facts.calling_question }];
    const { message } = await client.chat({ model, messages: asked, tools });
    city(message.tool_calls[0]);
    const result = { role: "tool", tool_name: "get_weather", content: facts.weather_result };
    const answer = await client.chat({ model, messages: [...asked, message, result], tools });
    assert.ok(answer.message.content.includes(facts.reported));
  },

  async parallel_calls() {
    const asked = [{ role: "user", content: facts.two_cities_question }];
    const calls = [];
    for await (const line of await client.chat({ model, messages: asked, tools, stream: true })) {
      calls.push(...(line.message.tool_calls ?? []));
    }
    assert.equal(calls.length, 2);
    calls.forEach(city);
  },

  async structured_output() {
    const answer = await client.chat({ model, messages, format: z.toJSONSchema(Service) });
    Service.parse(JSON.parse(answer.message.content));
  },

  async embeddings() {
    const answer = await client.embed({ model: facts.embed, input: ["one", "two"] });
    assert.deepEqual(answer.embeddings.map((vector) => vector.length), [facts.dimensions, facts.dimensions]);
    const old = await client.embeddings({ model: facts.embed, prompt: "one" });
    assert.equal(old.embedding.length, facts.dimensions);
  },

  async models() {
    const listed = (await client.list()).models.map((each) => each.model);
    assert.ok(listed.includes(facts.chat) && listed.includes(facts.embed));
    const shown = await client.show({ model });
    assert.ok(shown.capabilities.includes("tools"));
    assert.ok(shown.model_info["general.architecture"]);
    const running = (await client.ps()).models.map((each) => each.model);
    assert.ok(running.includes(facts.chat));
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  },

  async pull_and_delete() {
    const statuses = [];
    for await (const line of await client.pull({ model: facts.published, stream: true })) statuses.push(line.status);
    assert.equal(statuses[0], "pulling manifest");
    assert.equal(statuses.at(-1), "success");
    const answer = await client.chat({ model: facts.published, messages, options: { num_predict: 3 } });
    assert.ok(answer.eval_count > 0);
    await client.copy({ source: facts.published, destination: "javascript-copy" });
    await client.delete({ model: "javascript-copy" });
    await client.delete({ model: facts.published });
    await assert.rejects(client.delete({ model: facts.published }), /not found/);
  },

  async errors() {
    for (const stream of [false, true]) {
      await assert.rejects(client.chat({ model: "nobody", messages, stream }), (error) => {
        assert.equal(error.name, "ResponseError");
        assert.equal(error.status_code, 404);
        assert.match(error.message, /model 'nobody' not found/);
        return true;
      });
    }
    const pulling = async () => {
      for await (const line of await client.pull({ model: "nobody/nothing", stream: true })) assert.ok(line.status);
    };
    await assert.rejects(pulling, /nobody\/nothing/);
  },
});
