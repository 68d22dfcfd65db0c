// What becomes of code, formulas and tables in an answer. The libraries for it come with the first use.
import { clone } from "./words.js";

const MOST_HIGHLIGHTED = 50_000; // characters of one block
const { katex, katexCss, highlight } = document.getElementById("play").dataset;
const loading = new Map();

function load(url) {
  if (!loading.has(url)) {
    loading.set(url, new Promise((resolve, reject) => {
      document.head.append(Object.assign(document.createElement("script"), { src: url, onload: resolve, onerror: reject }));
    }));
  }
  return loading.get(url);
}

// `whole`: nothing more of it is to come.
export function dress(fragment, whole) {
  for (const pre of fragment.querySelectorAll("pre")) dressCode(pre, whole);
  for (const table of fragment.querySelectorAll("table")) {
    const box = Object.assign(document.createElement("div"), { className: "table-scroll", tabIndex: 0 });
    table.replaceWith(box);
    box.append(table);
  }
  if (whole) for (const formula of fragment.querySelectorAll("[data-math]")) dressFormula(formula);
}

function dressCode(pre, whole) {
  const code = pre.querySelector("code");
  const language = pre.dataset.lang;
  const block = clone("code-template");
  block.querySelector("span").textContent = language;
  pre.replaceWith(block);
  pre.tabIndex = 0;
  block.append(pre);
  if (!language || code.textContent.length > MOST_HIGHLIGHTED) return;
  if (window.hljs) colour(code, language);
  else if (whole) load(highlight).then(() => colour(code, language), () => {});
}

function colour(code, language) {
  if (!hljs.getLanguage(language)) return;
  code.innerHTML = hljs.highlight(code.textContent, { language, ignoreIllegals: true }).value; // it escapes the text
}

async function dressFormula(element) {
  const text = element.textContent;
  try {
    if (!window.katex) {
      if (!loading.has(katex)) document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: katexCss }));
      await load(katex);
    }
    window.katex.render(text, element, { displayMode: element.dataset.math === "block", throwOnError: false, trust: false, maxExpand: 200, maxSize: 20, strict: "ignore" });
  } catch {} // the text of the formula stays
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-copy-code]");
  if (button) copyText(button.closest(".code-block").querySelector("code"));
});

// Where there is no clipboard (plain HTTP over a network) the text is selected, so that Ctrl-C does it.
export async function copyText(element, text = element.textContent) {
  try {
    await navigator.clipboard.writeText(text);
    toast(live.messages["js.copied"], "good");
  } catch {
    getSelection().selectAllChildren(element);
    toast(live.messages["js.copy_by_hand"], "good");
  }
}
