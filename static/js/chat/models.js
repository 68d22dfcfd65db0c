// Which model each lane asks, chosen in the fields above the conversation.
const $ = (id) => document.getElementById(id);
const fields = [$("play-model"), $("play-model-2")];

export const optionOf = (lane) => fields[lane].selectedOptions[0];

export const sees = (lane) => Boolean(optionOf(lane)?.hasAttribute("data-vision"));

const offers = (field, model) => [...field.options].some(({ value }) => value === model);

// `changed` is called when a person chooses another one.
export function wireModels(changed) {
  for (const [lane, field] of fields.entries()) field.addEventListener("change", () => changed(lane));
}

export const chosen = (lane) => fields[lane].value;

// Another than the first lane's, where there is one.
export function otherModel() {
  const chats = [...fields[0].options].filter(({ dataset }) => dataset.kind === "chats").map(({ value }) => value);
  return chats.find((model) => model !== chosen(0)) ?? chosen(0);
}

export function showModels(lanes) {
  $("second-model").hidden = lanes.length < 2;
  $("compare").setAttribute("aria-pressed", lanes.length > 1);
  for (const [lane, { model }] of lanes.entries()) if (offers(fields[lane], model)) fields[lane].value = model;
}
