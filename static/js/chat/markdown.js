// Markdown of a model's answer as safe HTML: parsed by marked, cleaned by DOMPurify. HTML in an answer is shown as the
// text it is, and nothing in it may load anything. Highlighting and formulas are loaded when the first of them comes.
import { dress } from "./dressing.js";

const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const formula = (kind) => ({ text }) => `<span data-math="${kind}">${escaped(text)}</span>`;

marked.use({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ text, href }) => escaped(`${text} (${href})`),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    code: ({ text, lang }) => `<pre data-lang="${escaped((lang ?? "").split(/\s/)[0])}"><code>${escaped(text)}\n</code></pre>`,
  },
  extensions: [
    {
      name: "blockFormula",
      level: "block",
      start: (text) => text.match(/(?:^|\n)(?:\$\$|\\\[)/)?.index,
      tokenizer(text) {
        const [raw, dollars, brackets] = /^(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/.exec(text) ?? [];
        return raw && { type: "blockFormula", raw, text: (dollars ?? brackets).trim() };
      },
      renderer: formula("block"),
    },
    {
      name: "inlineFormula",
      level: "inline",
      start: (text) => text.match(/\$|\\\(|\\\[/)?.index,
      tokenizer(text) {
        // A dollar sign before a digit ends no formula: $5 and $10 are prices.
        const found = /^\\\(([\s\S]+?)\\\)|^\\\[([\s\S]+?)\\\]|^\$\$([^$\n]+?)\$\$|^\$(?![\s$])((?:\\[^\n]|[^\\$\n])*?[^\s\\$])\$(?!\d)/.exec(text);
        return found && { type: "inlineFormula", raw: found[0], text: found.slice(1).find(Boolean).trim() };
      },
      renderer: formula("inline"),
    },
  ],
});

const CLEAN = {
  FORBID_TAGS: ["style", "img", "picture", "video", "audio", "source", "svg", "math", "form", "input", "button", "iframe"],
  FORBID_ATTR: ["style", "srcset", "id", "class", "name"],
  RETURN_DOM_FRAGMENT: true,
};
DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
});

// Shows a growing text: of one that has only become longer, just the last blocks are made anew.
export class Prose {
  #element;
  #blocks = []; // {raw, nodes}

  constructor(element) {
    this.#element = element;
  }

  show(text, { done = true } = {}) {
    const tokens = marked.lexer(text).filter(({ type }) => type !== "space");
    let same = 0;
    while (same < tokens.length && this.#blocks[same]?.raw === tokens[same].raw && this.#blocks[same].done) same += 1;
    for (const { nodes } of this.#blocks.splice(same)) nodes.forEach((node) => node.remove());
    for (const [index, token] of tokens.entries()) {
      if (index < same) continue;
      const fragment = DOMPurify.sanitize(marked.parser([token]), CLEAN);
      const whole = done || index < tokens.length - 1;
      dress(fragment, whole);
      this.#blocks.push({ raw: token.raw, nodes: [...fragment.childNodes], done: whole });
      this.#element.append(fragment);
    }
  }
}
