// Runs a client's tasks one after the other and prints, as JSON, null or the error of each.

import { z } from "zod";

export const facts = JSON.parse(process.env.FACTS);

export const Service = z.object({
  device: z.enum(["gpu", "npu"]),
  port: z.number().int(),
  ready: z.boolean(),
});
export const City = z.object({ city: z.string() }).strict();

export async function run(tasks) {
  const results = {};
  for (const [name, task] of Object.entries(tasks)) {
    try {
      await task();
      results[name] = null;
    } catch (error) {
      results[name] = error.stack;
    }
  }
  process.stdout.write(JSON.stringify(results));
}
