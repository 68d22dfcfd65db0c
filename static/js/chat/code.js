// The dialog that shows the request as a program would write it.
import { chatBody, pictureBody } from "./request.js";
import { pictureSnippets, snippets } from "./snippets.js";

const $ = (id) => document.getElementById(id);

// `ready` says whether there is something to show, `request` gives what there is: {option, path, prompt, options, images}.
export function wireCode(ready, request) {
  const show = (kind) => {
    const { option, path, prompt, options, images } = request();
    const base = `${location.protocol}//${location.hostname}:${option?.dataset.port ?? ""}/v1`;
    if (option?.dataset.kind === "draws") {
      const { stream, partial_images, ...body } = pictureBody(option.value, prompt, options); // the snippets read no events
      $("code-text").textContent = pictureSnippets[kind](base, body);
    } else $("code-text").textContent = snippets[kind](base, chatBody(option?.value ?? "", path, options, { images }));
    for (const tab of document.querySelectorAll("[data-code]")) tab.setAttribute("aria-pressed", tab.dataset.code === kind);
  };
  $("show-code").addEventListener("click", () => {
    if (!ready()) return;
    show("curl");
    $("code-dialog").showModal();
  });
  for (const tab of document.querySelectorAll("[data-code]")) tab.addEventListener("click", () => show(tab.dataset.code));
}
