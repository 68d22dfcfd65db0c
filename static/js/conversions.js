"use strict";
// "Convert" beside a pull that found no OpenVINO model: fills in the form and shows it.
document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-convert]");
  if (!button) return;
  const panel = document.getElementById("convert");
  const source = document.getElementById("convert-source");
  panel.open = true;
  source.value = button.dataset.convert;
  source.scrollIntoView({ block: "center" });
  source.focus();
});
