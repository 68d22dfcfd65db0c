// A chat as one Markdown document: the branch that is shown.
import { label } from "./saving.js";
import { words } from "./words.js";

export function markdownOf(chat) {
  const lanes = chat.lanes.map((_, lane) => chat.path(lane).map(section).join("\n\n"));
  return `# ${label(chat)}\n\n${lanes.join("\n\n---\n\n")}\n`;
}

function section({ role, content, details }) {
  const who = role === "assistant" ? details.model || words["js.play.assistant"] : words[`js.play.role.${role}`];
  const files = (details.files ?? []).map(({ name }) => `*${name}*`).join(", ");
  const calls = (details.calls ?? []).map((call) => `\`${call.name}(${call.arguments})\``).join("\n");
  return [`## ${who}`, files, content, calls, details.error ?? ""].filter(Boolean).join("\n\n");
}
