"use strict";
// Markdown of a model's answer as safe HTML: parsed by marked, cleaned by DOMPurify. HTML in an answer is shown as the
// text it is, and nothing in it may load anything.
(() => {
  const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  marked.use({ renderer: { html: ({ text }) => escaped(text), image: ({ text, href }) => escaped(`${text} (${href})`) } });

  const CLEAN = {
    FORBID_TAGS: ["style", "img", "picture", "video", "audio", "source", "svg", "math", "form", "input", "button", "iframe"],
    FORBID_ATTR: ["style", "srcset", "id", "class", "name"],
  };
  DOMPurify.addHook("afterSanitizeAttributes", (node) => {
    if (node.tagName === "A") {
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer");
    }
  });
  window.renderMarkdown = (element, text) => {
    element.innerHTML = DOMPurify.sanitize(marked.parse(text, { breaks: true, gfm: true }), CLEAN);
  };
})();
